// A join token works once, for its identity, until it expires.
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../clock.ts';
import { codeOf, unwrap } from '../testing/fixtures.ts';
import { createTokenStore, joinTokenAuthenticator } from './join-tokens.ts';

const OWNER = { namespace: 'default', serviceAccount: 'reviews' };
const storeAt = (clock: () => number, maxTokens = 3) =>
  createTokenStore({ trustDomain: 'cluster.local', clock, maxTokens });

test('a token is used up by its first use', async () => {
  const store = storeAt(() => 0);
  const token = unwrap(store.issue(OWNER));
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  const authenticator = joinTokenAuthenticator(store);
  const present = (bearerToken?: string) =>
    authenticator.authenticate({ peer: 'test', bearerToken, peerCertificate: undefined });
  expect(await present()).toBeUndefined();
  expect(await present(token)).toEqual({ trustDomain: 'cluster.local', ...OWNER });
  expect(await present(token)).toBeUndefined();
  expect(store.size).toBe(0);
});

test('an expired token is no token', () => {
  let nowMs = 0;
  const store = storeAt(() => nowMs);
  const [early, late] = [unwrap(store.issue(OWNER)), unwrap(store.issue(OWNER))];
  nowMs = 10 * MINUTE_MS - 1;
  expect(store.consume(early)).toBeDefined();
  nowMs += 1;
  expect(store.consume(late)).toBeUndefined();
  expect(store.size).toBe(0);
});

test('anything else is no token', () => {
  const store = storeAt(() => 0);
  const token = unwrap(store.issue(OWNER));
  const changed = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const text of ['', changed, token.slice(1), `${token}A`, ` ${token}`, 'x'.repeat(100_000)]) {
    expect(store.consume(text)).toBeUndefined();
  }
  expect(store.consume(token)).toBeDefined();
});

test('a full store refuses and keeps what it holds', () => {
  let nowMs = 0;
  const store = storeAt(() => nowMs);
  const tokens = [1, 2, 3].map(() => unwrap(store.issue(OWNER)));
  expect(codeOf(store.issue(OWNER))).toBe('too-many-join-tokens');
  expect(tokens.every((token) => store.consume(token) !== undefined)).toBe(true);
  unwrap(store.issue(OWNER));
  nowMs = 10 * MINUTE_MS;
  expect([1, 2, 3].map(() => codeOf(store.issue(OWNER)))).toEqual(['ok', 'ok', 'ok']);
});

test('no token for a name that is not one', () => {
  expect(codeOf(storeAt(() => 0).issue({ namespace: 'a/b', serviceAccount: 'c' }))).toBe('bad-identity');
});
