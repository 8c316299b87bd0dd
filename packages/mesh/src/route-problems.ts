// What became of delegation: routes that do not take effect, and VirtualServices without hosts that nobody delegates to.
import type { ObjectKey } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { BoundRoute } from './routes.ts';

/** `delegators`: how many VirtualServices delegate to this one. */
export function problemsOf({ object, hosts, problems }: BoundRoute, delegators: number): readonly Conflict[] {
  return hosts.length === 0 && delegators === 0 ? [...problems, unusedDelegate(object)] : problems;
}

const unusedDelegate = (object: ObjectKey): Conflict => ({
  code: 'delegate-unused',
  object,
  field: 'spec',
  message: 'has no hosts and no VirtualService delegates to it: its routes are not used',
  remedy: 'add hosts, or delegate to it from a route of another VirtualService',
});
