// Clocks that differ: what an authority whose clock is five minutes off gives counts at once in a real handshake, beyond six minutes it does not yet.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../clock.ts';
import { enrol, openTestAuthority, temporaryDirectory } from '../testing/fixtures.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';

/** `ok`, or the reason why this machine's clock does not let the certificate count. */
async function handshake(aheadMs: number, ttlMs?: number): Promise<string> {
  const temporary = temporaryDirectory();
  const authority = openTestAuthority(temporary.path, { clock: () => Date.now() + aheadMs });
  const { certificatesPem: cert, privateKeyPem: key } = await enrol(authority, ID, ttlMs);
  const ca = [...authority.rootsPem];
  const server = createServer({ cert, key, ca, requestCert: true }, (socket) => socket.end('hello'));
  onTestFinished(() => {
    server.close();
    temporary[Symbol.dispose]();
  });
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, cert, key });
  return new Promise((resolve) => {
    socket.once('data', () => resolve('ok'));
    socket.once('error', (error) => resolve(String(Reflect.get(error, 'code'))));
  });
}

test.each([
  ['five minutes ahead', 5 * MINUTE_MS, undefined, 'ok'],
  ['five minutes behind', -5 * MINUTE_MS, undefined, 'ok'],
  ['eight minutes ahead', 8 * MINUTE_MS, undefined, 'CERT_NOT_YET_VALID'],
  ['further behind than the certificate lives', -5 * MINUTE_MS, 4 * MINUTE_MS, 'CERT_HAS_EXPIRED'],
  ['a day behind', -DAY_MS - MINUTE_MS, undefined, 'CERT_HAS_EXPIRED'],
])('an authority whose clock is %s', async (_, aheadMs, ttlMs, outcome) => {
  expect(await handshake(aheadMs, ttlMs)).toBe(outcome);
});
