// Loopback addresses of workloads: one for the proxy, one for the application, never those of another mesh on this machine.
import { createServer } from 'node:net';
import { hashText } from '@xebec/std';
import { errorCodeOf, messageOf } from '../problem.ts';

/** 127.16.0.0/13 holds the proxies' addresses; 127.24.0.0/13 the applications', at the same place within. */
const firstProxyOctet = 16;
const applicationOffset = 8;
/** Addresses whose last octet is 0 or 255 are left out: some software takes them for a network's own. */
const hostsPerBlock = 254;
const blocks = 8 * 256;
const places = blocks * hostsPerBlock;

export interface LoopbackPair {
  readonly proxy: string;
  readonly application: string;
}

/** The pair at a place, counted from 0; any whole number is good. */
export function pairAt(place: number): LoopbackPair {
  const wrapped = ((place % places) + places) % places;
  const block = Math.floor(wrapped / hostsPerBlock);
  const host = (wrapped % hostsPerBlock) + 1;
  const octet = firstProxyOctet + (block >> 8);
  const tail = `${block & 0xff}.${host}`;
  return { proxy: `127.${octet}.${tail}`, application: `127.${octet + applicationOffset}.${tail}` };
}

/** Where the addresses of a state directory begin: always at the start of a block of 254. */
export const firstPlaceOf = (stateDirectory: string): number =>
  (Number.parseInt(hashText(stateDirectory).slice(0, 8), 16) % blocks) * hostsPerBlock;

export type BindOutcome =
  | { readonly kind: 'free' | 'taken' | 'no-such-address' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Whether somebody could listen there now. */
export function tryBind(address: string, port: number): Promise<BindOutcome> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const code = errorCodeOf(error);
      if (code === 'EADDRINUSE') resolve({ kind: 'taken' });
      else if (code === 'EADDRNOTAVAIL') resolve({ kind: 'no-such-address' });
      else resolve({ kind: 'failed', reason: messageOf(error) });
    });
    server.listen({ host: address, port, exclusive: true }, () =>
      server.close(() => resolve({ kind: 'free' })),
    );
  });
}
