// A token of the issuer gives the service account it is for; everything else gives nothing, and costs nearly nothing.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../clock.ts';
import { codeOf, unwrap } from '../testing/fixtures.ts';
import { jwtAuthenticator, readVerificationKeys } from './jwt.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://issuer.example';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('rsa', { modulusLength: 2_048 });

const jwkOf = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), ...more });
const keySet = JSON.stringify({
  keys: [jwkOf(rsa.publicKey, { kid: 'one', use: 'sig' }), jwkOf(p256.publicKey, { kid: '../two' })],
});
const keys = unwrap(readVerificationKeys(keySet));

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const claims = {
  iss: ISSUER,
  aud: ['other', 'istio-ca'],
  sub: 'system:serviceaccount:default:reviews',
  exp: NOW + 600,
  iat: NOW - 5,
};
const bound = { namespace: 'default', serviceaccount: { name: 'reviews' } };

type Signing = (signed: Buffer) => Buffer;
const withRsa =
  (key: KeyObject, hash = 'sha256'): Signing =>
  (signed) =>
    sign(hash, signed, key);
const withEc: Signing = (signed) =>
  sign('sha256', signed, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' });

const token = (header: unknown, body: unknown, signing: Signing): string => {
  const signed = `${encode(header)}.${encode(body)}`;
  return `${signed}.${signing(Buffer.from(signed)).toString('base64url')}`;
};

const door = jwtAuthenticator({
  trustDomain: 'cluster.local',
  issuer: ISSUER,
  audiences: ['istio-ca'],
  keys: () => keys,
  clock: () => NOW * SECOND_MS,
});
const ask = (bearerToken: string) =>
  door.authenticate({ peer: 'a', bearerToken, peerCertificate: undefined });
const good = token({ alg: 'RS256', kid: 'one' }, claims, withRsa(rsa.privateKey));
const reviews = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };

describe('a token', () => {
  test.each([
    ['RSA', good],
    ['ECDSA', token({ alg: 'ES256', kid: '../two' }, { ...claims, aud: 'istio-ca' }, withEc)],
    ['without a key id', token({ alg: 'RS512' }, claims, withRsa(rsa.privateKey, 'sha512'))],
    [
      'bound to a Pod',
      token({ alg: 'RS256' }, { ...claims, 'kubernetes.io': bound }, withRsa(rsa.privateKey)),
    ],
  ])('of the issuer: %s', async (_, text) => {
    expect(await ask(text)).toEqual(reviews);
  });
});

const hmac: Signing = (signed) =>
  createHmac('sha256', JSON.stringify(jwkOf(rsa.publicKey, {})))
    .update(signed)
    .digest();
const hmacOfPem: Signing = (signed) =>
  createHmac('sha256', rsa.publicKey.export({ type: 'spki', format: 'pem' }))
    .update(signed)
    .digest();
const rs = (header: object, body: object = claims) =>
  token({ alg: 'RS256', kid: 'one', ...header }, body, withRsa(rsa.privateKey));
const claiming = (change: object) => rs({}, { ...claims, ...change });
const [head, body, mac] = good.split('.');

const attacks: readonly (readonly [string, string])[] = [
  ['alg none', token({ alg: 'none' }, claims, () => Buffer.alloc(0))],
  ['alg none with a signature', token({ alg: 'none' }, claims, withRsa(rsa.privateKey))],
  ['alg nOnE', token({ alg: 'nOnE' }, claims, withRsa(rsa.privateKey))],
  ['no signature', `${head}.${body}.`],
  ['two parts', `${head}.${body}`],
  ['four parts', `${good}.x`],
  ['five parts (JWE)', 'a.b.c.d.e'],
  ['HMAC with the public key as JWK', token({ alg: 'HS256', kid: 'one' }, claims, hmac)],
  ['HMAC with the public key as PEM', token({ alg: 'HS256', kid: 'one' }, claims, hmacOfPem)],
  ['HMAC called RS256', token({ alg: 'RS256', kid: 'one' }, claims, hmacOfPem)],
  ['the algorithm of another key', token({ alg: 'ES256', kid: 'one' }, claims, withEc)],
  [
    'a signature as DER',
    token({ alg: 'ES256', kid: '../two' }, claims, (s) => sign('sha256', s, p256.privateKey)),
  ],
  ['a signature of zeros', token({ alg: 'ES256', kid: '../two' }, claims, () => Buffer.alloc(64))],
  ['another key', token({ alg: 'RS256', kid: 'one' }, claims, withRsa(other.privateKey))],
  [
    'another key, embedded',
    token({ alg: 'RS256', jwk: jwkOf(other.publicKey, {}) }, claims, withRsa(other.privateKey)),
  ],
  [
    'another key, by jku',
    token({ alg: 'RS256', jku: 'http://127.0.0.1/keys' }, claims, withRsa(other.privateKey)),
  ],
  [
    'another key, by x5u',
    token({ alg: 'RS256', x5u: 'http://127.0.0.1/' }, claims, withRsa(other.privateKey)),
  ],
  [
    'kid that leads elsewhere',
    token({ alg: 'RS256', kid: '../../../dev/null' }, claims, withRsa(other.privateKey)),
  ],
  ['kid unknown', rs({ kid: 'three' })],
  ['kid of another type', rs({ kid: ['one'] })],
  ['crit', rs({ crit: ['exp'] })],
  ['b64', rs({ b64: false })],
  ['expired', claiming({ exp: NOW - 61 })],
  ['without an end', claiming({ exp: undefined })],
  ['an end that is text', claiming({ exp: String(NOW + 600) })],
  [
    'an end beyond numbers',
    rs({}, claims).replace(body ?? '', encode(JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999'))),
  ],
  ['not yet valid', claiming({ nbf: NOW + 61 })],
  ['issued tomorrow', claiming({ iat: NOW + 86_400 })],
  ['another issuer', claiming({ iss: `${ISSUER}/` })],
  ['an issuer in a list', claiming({ iss: [ISSUER] })],
  ['another audience', claiming({ aud: 'istio' })],
  ['an audience in text', claiming({ aud: 'x istio-ca' })],
  ['no audience', claiming({ aud: undefined })],
  ['a user', claiming({ sub: 'admin' })],
  ['no subject', claiming({ sub: undefined })],
  ['a subject with more parts', claiming({ sub: 'system:serviceaccount:default:reviews:x' })],
  ['bound to somebody else', claiming({ 'kubernetes.io': { ...bound, namespace: 'kube-system' } })],
  ['changed', `${head}.${encode({ ...claims, sub: 'system:serviceaccount:kube-system:admin' })}.${mac}`],
  ['padding', `${good}=`],
  ['other characters', `${good.slice(0, -2)}+/`],
  ['a stray bit', `${head}.${body}.${mac?.slice(0, -1)}${mac?.endsWith('A') ? 'B' : 'A'}`],
  ['claims in a list', token({ alg: 'RS256' }, [claims], withRsa(rsa.privateKey))],
  ['a header that is no JSON', token('{', claims, withRsa(rsa.privateKey))],
  ['deep', token({ alg: 'RS256' }, `${'['.repeat(5_000)}${']'.repeat(5_000)}`, withRsa(rsa.privateKey))],
  ['__proto__', token('{"alg":"none","__proto__":{"alg":"RS256"}}', claims, withRsa(other.privateKey))],
  ['huge', `${head}.${'A'.repeat(1_000_000)}.${mac}`],
  ['only dots', '.'.repeat(10_000)],
  ['empty', ''],
];

test.each(attacks)('not: %s', async (_, text) => {
  // Processor time: what others do on this machine is not in it.
  const before = process.cpuUsage();
  for (let round = 0; round < 5; round += 1) expect(await ask(text)).toBeUndefined();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000 / 5).toBeLessThan(50);
});

test('a stolen set of keys, or one that is none, is refused', () => {
  const secret = JSON.stringify({ keys: [rsa.privateKey.export({ format: 'jwk' })] });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
  const sets = [
    '',
    '{',
    '[]',
    '{"keys":{}}',
    '{"keys":[]}',
    '{"keys":[1,null]}',
    '{"keys":[{"kty":"oct","k":"AA"}]}',
    secret,
  ];
  for (const text of [...sets, JSON.stringify({ keys: [jwkOf(weak, {})] })]) {
    expect(codeOf(readVerificationKeys(text))).toBe('bad-key-set');
  }
});

test('clocks may differ by a minute', async () => {
  const at = (nowMs: number) =>
    jwtAuthenticator({
      trustDomain: 'cluster.local',
      issuer: ISSUER,
      audiences: ['istio-ca'],
      keys: () => keys,
      clock: () => nowMs,
    });
  const call = { peer: 'a', bearerToken: good, peerCertificate: undefined };
  expect(await at(claims.exp * SECOND_MS + MINUTE_MS - 1).authenticate(call)).toEqual(reviews);
  expect(await at(claims.exp * SECOND_MS + MINUTE_MS).authenticate(call)).toBeUndefined();
  expect(await at(claims.iat * SECOND_MS - MINUTE_MS).authenticate(call)).toEqual(reviews);
  expect(await at(claims.iat * SECOND_MS - MINUTE_MS - 1).authenticate(call)).toBeUndefined();
});
