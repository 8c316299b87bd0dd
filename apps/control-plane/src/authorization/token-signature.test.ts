// Signatures of tokens: those of the issuer, and none of all the others.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSigned } from './token-signature.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
type Algorithm = keyof typeof pairs;

const keySet = JSON.stringify({
  keys: Object.entries(pairs).map(([kid, { publicKey }]) => ({
    ...publicKey.export({ format: 'jwk' }),
    kid,
  })),
});

function tokenOf(algorithm: Algorithm, header: object = {}): string {
  const text = `${part({ alg: algorithm, kid: algorithm, ...header })}.${part({ sub: 'alice' })}`;
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  const key = { key: pairs[algorithm].privateKey, dsaEncoding: 'ieee-p1363' as const };
  return `${text}.${sign(digest, Buffer.from(text), key).toString('base64url')}`;
}

test.each(['RS256', 'ES256', 'EdDSA'] as const)('%s', (algorithm) => {
  expect(isSigned(tokenOf(algorithm), keySet)).toBe(true);
  expect(isSigned(tokenOf(algorithm, { kid: undefined }), keySet)).toBe(true);
  expect(isSigned(tokenOf(algorithm, { kid: 'other' }), keySet)).toBe(false);
  expect(isSigned(tokenOf(algorithm, { alg: 'none' }), keySet)).toBe(false);
  expect(isSigned(`${tokenOf(algorithm).slice(0, -4)}AAAA`, keySet)).toBe(false);
});

test('a public key is no secret', () => {
  const text = `${part({ alg: 'HS256', kid: 'RS256' })}.${part({})}`;
  const secret = pairs.RS256.publicKey.export({ format: 'pem', type: 'spki' });
  const signature = createHmac('sha256', secret).update(text).digest('base64url');
  expect(isSigned(`${text}.${signature}`, keySet)).toBe(false);
  expect(isSigned('a.b.c', 'no keys')).toBe(false);
});
