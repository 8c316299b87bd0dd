// The table of real Envoys.
import type { EnvoyResult } from '../envoys/measure-envoys.ts';
import { byteCount, count, cpuTime, milliseconds } from './numbers.ts';
import { formatTable } from './table.ts';

const header = [
  'one sidecar Envoy, 5 services used',
  'ready',
  'CPU',
  'RSS',
  'idle',
  'clusters',
  'first request p50',
  'p99',
  'later p50',
  'p99',
];

export function formatEnvoys(results: readonly EnvoyResult[]): string {
  const rows = results.map((result) => [
    `${count(result.services)} known, ${result.discovery}`,
    milliseconds(result.readyMs),
    cpuTime(result.cpuSeconds),
    byteCount(result.rssBytes),
    `${(result.idleShare * 100).toFixed(1)} %`,
    count(result.clusters),
    milliseconds(result.firstRequest.p50),
    milliseconds(result.firstRequest.p99),
    milliseconds(result.laterRequest.p50),
    milliseconds(result.laterRequest.p99),
  ]);
  return formatTable(header, rows);
}
