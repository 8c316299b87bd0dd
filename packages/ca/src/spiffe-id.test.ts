// One spelling per identity.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSpiffeId, spiffeId } from './spiffe-id.ts';
import { codeOf, unwrap } from './testing/fixtures.ts';

test('an id is read back', () => {
  const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'bookinfo.reviews' };
  expect(unwrap(spiffeId(identity))).toBe('spiffe://cluster.local/ns/default/sa/bookinfo.reviews');
  expect(unwrap(parseSpiffeId('spiffe://cluster.local/ns/default/sa/bookinfo.reviews'))).toEqual(identity);
});

test.each([
  '',
  'spiffe://cluster.local',
  'spiffe://cluster.local/ns/a/sa/b/',
  'spiffe://cluster.local/ns/a/sa/b/c',
  'spiffe://cluster.local/ns//sa/b',
  'spiffe://cluster.local/NS/a/sa/b',
  'SPIFFE://cluster.local/ns/a/sa/b',
  'spiffe://Cluster.local/ns/a/sa/b',
  'spiffe://cluster.local/ns/a/sa/B',
  'spiffe://cluster.local/ns/a%2Fsa%2Fb/sa/b',
  'spiffe://cluster.local/ns/a/sa/..',
  'spiffe://cluster.local/ns/a/sa/b?x=1',
  'spiffe://cluster.local/ns/a/sa/b#x',
  'spiffe://cluster.local:80/ns/a/sa/b',
  'spiffe://user@cluster.local/ns/a/sa/b',
  'spiffe://cluster.local/ns/a/sa/b\n',
  ' spiffe://cluster.local/ns/a/sa/b',
  'spiffe://cluster.local/ns/a/sa/*',
  `spiffe://cluster.local/ns/${'a'.repeat(64)}/sa/b`,
])('%j is refused', (text) => {
  expect(codeOf(parseSpiffeId(text))).not.toBe('ok');
});

test('names that would make another identity are refused', () => {
  const identity = { trustDomain: 'cluster.local', namespace: 'a', serviceAccount: 'b' };
  expect(codeOf(spiffeId({ ...identity, namespace: 'a/sa/admin' }))).toBe('bad-identity');
  expect(codeOf(spiffeId({ ...identity, serviceAccount: '' }))).toBe('bad-identity');
  expect(codeOf(spiffeId({ ...identity, trustDomain: 'a/ns/b' }))).toBe('bad-identity');
});

test('whatever is accepted is the id of its identity', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'B', '-', '.', '/', '%', '_'), maxLength: 6 });
  fc.assert(
    fc.property(part, part, part, (trustDomain, namespace, serviceAccount) => {
      const text = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
      const parsed = parseSpiffeId(text);
      if (parsed.ok) expect(unwrap(spiffeId(parsed.value))).toBe(text);
    }),
  );
});
