// What a probe of a WorkloadGroup may say: there are no containers whose ports could have names.
import { quote } from '../../decode/decoder.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import type { Probe } from '../pod/spec.ts';

export function checkProbe(probe: Probe, walk: Walk): Probe | undefined {
  const { action } = probe;
  if (action.kind === 'exec' || typeof action.port === 'number') return probe;
  const message = `${quote(action.port)} is the name of a port, and a WorkloadGroup has no named ones`;
  return refuse(
    walk,
    { code: 'wrong-type', message, remedy: 'write the number of the port' },
    action.kind,
    'port',
  );
}
