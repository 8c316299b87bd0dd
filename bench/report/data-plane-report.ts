// The table of the data plane, with what each pair adds over no proxy as a ratio to the smallest pair.
import type { DataPlaneResult } from '../data-plane/measure-data-plane.ts';
import { byteCount, count, cpuTime, milliseconds } from './numbers.ts';
import { formatTable } from './table.ts';

const header = [
  'requests over',
  'requests',
  'failed',
  'p50',
  'p99',
  'adds p50',
  'adds p99',
  'Envoy CPU per 1,000',
  'RSS',
];

export function formatDataPlane(results: readonly DataPlaneResult[]): string {
  const [direct, bare, mesh] = results;
  const rows = results.map((result) => [
    result.name,
    count(result.requests),
    count(result.failures),
    milliseconds(result.p50Ms),
    milliseconds(result.p99Ms),
    milliseconds(result === direct || direct === undefined ? undefined : result.p50Ms - direct.p50Ms),
    milliseconds(result === direct || direct === undefined ? undefined : result.p99Ms - direct.p99Ms),
    result === direct ? '–' : cpuTime(result.cpuSecondsPerThousand),
    result === direct ? '–' : byteCount(result.rssBytes),
  ]);
  if (direct !== undefined && bare !== undefined && mesh !== undefined) {
    const times = (of: (result: DataPlaneResult) => number): string => `${(of(mesh) / of(bare)).toFixed(2)}×`;
    rows.push([
      'ours ÷ smallest',
      '',
      '',
      times(({ p50Ms }) => p50Ms),
      times(({ p99Ms }) => p99Ms),
      times(({ p50Ms }) => p50Ms - direct.p50Ms),
      times(({ p99Ms }) => p99Ms - direct.p99Ms),
      times(({ cpuSecondsPerThousand }) => cpuSecondsPerThousand),
      times(({ rssBytes }) => rssBytes),
    ]);
  }
  return formatTable(header, rows);
}
