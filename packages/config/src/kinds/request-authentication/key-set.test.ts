// Key sets as people and issuers write them, against what real keys are.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { readKeySet } from './key-set.ts';

const setOf = (...keys: readonly unknown[]): string => JSON.stringify({ keys });
const curve = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });

test.each(['P-256', 'P-384', 'P-521'])('points of %s are told from others', (name) => {
  const key = curve(name);
  expect(readKeySet(setOf(key))).toMatchObject({ kind: 'keys', keys: [{ crv: name }] });
  expect(readKeySet(setOf({ ...key, x: key.y, y: key.x }))).toMatchObject({ kind: 'bad' });
});

test('keys of RSA and Ed25519 are taken, weak ones are not', () => {
  const rsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
  const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  expect(readKeySet(setOf(rsa(2_048), edwards, rsa(1_024)))).toMatchObject({
    kind: 'keys',
    keys: [{ kty: 'OKP' }, { kty: 'RSA' }],
    ignored: 1,
  });
  expect(readKeySet(setOf({ ...rsa(2_048), e: 'AQ' }))).toMatchObject({ kind: 'bad' });
});

test('equal sets are equal in any order; one private key spoils all', () => {
  const [one, two] = [
    { ...curve('P-256'), kid: 'one', x5u: 'https://evil.example' },
    { ...curve('P-256'), kid: 'two' },
  ];
  expect(readKeySet(setOf(one, two, one))).toEqual({
    ...readKeySet(setOf(two, one)),
    ignored: 1,
  });
  expect(JSON.stringify(readKeySet(setOf(one)))).not.toContain('evil');
  expect(readKeySet(setOf(one, { ...two, d: 'AAAA' }))).toMatchObject({ kind: 'bad' });
  expect(readKeySet(setOf(one, { ...two, kid: 'one' }))).toMatchObject({ kind: 'bad' });
  expect(readKeySet(setOf({ ...one, alg: 'HS256' }))).toMatchObject({ kind: 'bad' });
});

test.each([
  '',
  '[]',
  'null',
  '{"keys":{}}',
  '{"keys":[null,1,"a",[]]}',
  '{"keys":[{"kty":"EC","crv":"constructor","x":"A","y":"A"}]}',
])('%s is no key set', (text) => {
  expect(readKeySet(text)).toMatchObject({ kind: 'bad' });
});
