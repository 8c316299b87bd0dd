// Whose a domain of a plaintext gateway port is: one namespace's Gateways speak for it, so that no other takes its requests.
import type { Host } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { OpenServer } from './gateway-hosts.ts';
import { compareSpecificity } from './host-names.ts';

/** A server wants to answer for a domain. */
export interface Claim {
  readonly domain: Host;
  /** The host of the server that covers it. */
  readonly by: Host;
  readonly server: OpenServer;
}

/** Gateways of the proxy's own namespace (or the root's) come first, then those that name the domain most exactly, then the first. */
function isBetter(left: Claim, right: Claim): boolean {
  if (left.server.hasRight !== right.server.hasRight) return left.server.hasRight;
  return left.by !== right.by && compareSpecificity(left.by, right.by) < 0;
}

/** The claim that holds for each domain. */
export function settleClaims(claims: readonly Claim[]): ReadonlyMap<Host, Claim> {
  const holders = new Map<Host, Claim>();
  for (const claim of claims) {
    const holder = holders.get(claim.domain);
    if (holder === undefined || isBetter(claim, holder)) holders.set(claim.domain, claim);
  }
  return holders;
}

/** Gateways of one namespace share their domains. */
export const isHeld = (holder: Claim | undefined, { namespace }: OpenServer): boolean =>
  holder?.server.namespace === namespace;

export const lostClaim = (
  domain: Host,
  { server: { gateway, namespace } }: Claim,
  at: Pick<Conflict, 'object' | 'field'>,
): Conflict => ({
  code: 'gateway-host-claimed-twice',
  ...at,
  message: `${domain} is served on this port by ${gateway} of namespace ${namespace}; what this says of it does not count there`,
  remedy: 'let one namespace have the host: its Gateway, or one of the namespace of the gateway workload',
});
