// Virtual addresses for services that were given none: a pure function of the host, so that every start gives the same.
import type { Host } from '@xebec/model';
import { hashText } from '@xebec/std';

/**
 * An address of the reserved block 240.0.0.0/4 that never leaves the machine. Istio uses 240.240.0.0/16 and keeps a
 * list of what is taken, since of 1,000 hosts some 8 pairs would meet there; in the wider block 1 of 500 such meshes
 * has a pair. `choice` 0 is what a host gets unless another one has it already.
 */
export function virtualAddress(host: Host, choice = 0): string {
  const hash = Number.parseInt(hashOf(host, choice).slice(0, 8), 16);
  const octets = [240 + ((hash >>> 24) % 15), (hash >>> 16) & 0xff, (hash >>> 8) & 0xff, hash & 0xff];
  return octets.join('.');
}

/** An address of 2001:2::/48, which is routed nowhere: 64 bits of it are the host's, so that no two meet. */
export function virtualAddressV6(host: Host, choice = 0): string {
  const hash = hashOf(host, choice);
  const groups = [0, 4, 8, 12].map((start) => Number.parseInt(hash.slice(start, start + 4), 16) || 1);
  return `2001:2::${groups.map((group) => group.toString(16)).join(':')}`;
}

/** The addresses of a host in the families that the mesh uses, IPv4 first. */
export const allocatedAddresses = (
  host: Host,
  { ipv6, choice = 0 }: { readonly ipv6: boolean; readonly choice?: number },
): readonly string[] => [virtualAddress(host, choice), ...(ipv6 ? [virtualAddressV6(host, choice)] : [])];

const hashOf = (host: Host, choice: number): string => hashText(choice === 0 ? host : `${host}#${choice}`);
