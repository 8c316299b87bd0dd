// Reading Prometheus text.
import { fetchText } from './http.ts';
import { metricsTokens } from './mesh.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseMetrics(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) return [];
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [
        key ?? '',
        value ?? '',
      ]),
    );
    return [{ name: match[1] ?? '', labels, value: Number(match[3]) }];
  });
}

/** The merged metrics page of a workload of a mesh that this file has started. */
export async function scrape(address: string): Promise<readonly Sample[]> {
  for (const token of metricsTokens()) {
    const headers = { authorization: `Bearer ${token}` };
    const { status, body } = await fetchText({ url: `http://${address}:15020/stats/prometheus`, headers });
    if (status === 200) return parseMetrics(body);
  }
  throw new Error(`no mesh of this file has the token for ${address}`);
}

/** Sum of all samples that have these labels. */
export function sum(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  return samples
    .filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((total, { value }) => total + value, 0);
}
