// The tables of the simulated sidecars: one per server and kind of client, then the ratios to the peer.
import type { ControlPlaneResult } from '../phases/control-plane.ts';
import type { PhaseResult } from '../phases/phase.ts';
import { byteCount, count, cpuTime, milliseconds, ratio } from './numbers.ts';
import { formatTable } from './table.ts';

const header = [
  'phase',
  'one has it p50',
  'p99',
  'all have it p50',
  'max',
  'server CPU',
  'RSS',
  'peak',
  'sent',
  'resources',
  'responses',
];

const row = (phase: PhaseResult): string[] => [
  phase.repetitions > 1 ? `${phase.name} (1 of ${phase.repetitions})` : phase.name,
  milliseconds(phase.each?.p50),
  milliseconds(phase.each?.p99),
  milliseconds(phase.all?.p50),
  phase.missing > 0 ? `${phase.missing} missing` : milliseconds(phase.all?.max),
  cpuTime(phase.cpuSeconds),
  byteCount(phase.rssBytes),
  byteCount(phase.peakRssBytes),
  byteCount(phase.bytes),
  count(phase.resources),
  count(phase.responses),
];

const titleOf = ({ server, mode, services, sidecars }: ControlPlaneResult): string =>
  `${server}, ${mode} clients: ${count(services)} services × ${count(sidecars)} sidecars`;

export function formatControlPlane(results: readonly ControlPlaneResult[]): string {
  const parts = results.map((result) => {
    const failures = result.phases.flatMap(({ name, failures }) =>
      failures.map((each) => `${name}: ${each}`),
    );
    return [titleOf(result), formatTable(header, result.phases.map(row)), ...failures].join('\n');
  });
  const peer = results.find(({ server }) => server === 'peer');
  if (peer !== undefined) {
    for (const result of results) if (result !== peer) parts.push(formatRatios(result, peer));
  }
  return parts.join('\n\n');
}

/** How many times more the peer takes. */
function formatRatios(ours: ControlPlaneResult, peer: ControlPlaneResult): string {
  const rows = ours.phases.flatMap((phase) => {
    const other = peer.phases.find(({ name }) => name === phase.name);
    if (other === undefined) return [];
    return [
      [
        phase.name,
        ratio(phase.all?.p50 ?? 0, other.all?.p50 ?? 0),
        ratio(phase.cpuSeconds, other.cpuSeconds),
        ratio(phase.rssBytes, other.rssBytes),
        ratio(phase.bytes, other.bytes),
        ratio(phase.resources, other.resources),
      ],
    ];
  });
  const title = `peer ÷ ${ours.server} (${ours.mode} clients)`;
  return [title, formatTable(['phase', 'delay', 'CPU', 'RSS', 'bytes', 'resources'], rows)].join('\n');
}
