// What the policy service says that it did: sums over the lines of its metrics.

export interface ServiceCounts {
  /** The sum of a metric over the lines that have all of these labels. */
  sum(name: string, ...labels: readonly string[]): number;
}

export async function readCounts(http: string): Promise<ServiceCounts> {
  const answer = await fetch(`http://${http}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const lines = (await answer.text()).split('\n');
  return {
    sum: (name, ...labels) =>
      lines
        .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0),
  };
}
