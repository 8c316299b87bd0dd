// Who may say what. The rule: who a caller is comes from its credentials, and what only proxies see comes from proxies.
import type { AttributeValue } from '@xebec/policy';
import type { Caller } from '../callers/caller.ts';
import type { WorkloadDirectory } from '../workload-directory.ts';
import type { BagBuilder } from './bag-builder.ts';
import { isWorkloadOf, knowAddress, knowSide } from './workload-attributes.ts';

/** Facts that only who carries the traffic can know, or that are taken from a verified credential. */
const ofProxies = [
  'source.',
  'connection.',
  'context.reporter.',
  'context.proxy_',
  'request.auth.',
  'check.',
  'quota.',
  'rbac.',
  'origin.',
];

export const mayAppSay = (name: string): boolean => !ofProxies.some((prefix) => name.startsWith(prefix));

/** Takes what a program says of itself and of what it is about to do. */
export function sayAs(
  caller: Caller,
  bag: BagBuilder,
  said: Iterable<readonly [string, AttributeValue]>,
): void {
  for (const [name, value] of said) {
    if (caller.kind !== 'app' || mayAppSay(name)) bag.set(name, value);
    else bag.drop(name, 'not-yours');
  }
}

/**
 * Who the program is, in place of whatever it said. Who names no destination asks about itself: rules of its own
 * namespace are for it.
 */
export function knowApp(caller: Caller, bag: BagBuilder, workloads: WorkloadDirectory): void {
  if (caller.kind !== 'app') return;
  const { identity, address } = caller;
  knowSide(bag, 'source', { identity, workload: workloadOf(caller, workloads) });
  knowAddress(bag, 'source', address);
  if (identity !== undefined && !bag.bag.has('destination.namespace'))
    bag.know('destination.namespace', identity.namespace);
}

/** The workload at the caller's address, if it is one with the caller's identity. */
function workloadOf({ identity, address }: Caller, workloads: WorkloadDirectory) {
  if (identity === undefined || address === undefined) return undefined;
  const found = workloads.byAddress(address);
  return found !== undefined && isWorkloadOf(found, identity) ? found : undefined;
}
