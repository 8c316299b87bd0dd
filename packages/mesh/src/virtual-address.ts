// Virtual addresses for services that were given none: a pure function of the host, so that every start gives the same.
import type { Host } from '@xebec/model';
import { hashText } from '@xebec/std';

/**
 * An address of the reserved block 240.0.0.0/4 that never leaves the machine. Istio uses 240.240.0.0/16 and keeps a
 * list of what is taken; the wider block makes equal addresses rare without one service's depending on another.
 */
export function virtualAddress(host: Host): string {
  const hash = Number.parseInt(hashText(host).slice(0, 8), 16);
  const octets = [240 + ((hash >>> 24) % 15), (hash >>> 16) & 0xff, (hash >>> 8) & 0xff, hash & 0xff];
  return octets.join('.');
}
