// An issuer of end users' tokens: keys, signed tokens, and tokens that are wrong in every way that somebody may try.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA';
  readonly privateKey: KeyObject;
  /** The public half as a JSON Web Key. */
  readonly jwk: Readonly<Record<string, unknown>>;
  /** The public half in PEM. */
  readonly pem: string;
}

export function newSigningKey(kid: string, algorithm: SigningKey['algorithm'] = 'ES256'): SigningKey {
  const pair =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : algorithm === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  return {
    kid,
    algorithm,
    privateKey: pair.privateKey,
    jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid },
    pem: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

export const keySetOf = (...keys: readonly SigningKey[]): string =>
  JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

export const encoded = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** Whatever header and payload say, signed with this key. */
export function signed(key: SigningKey, header: unknown, payload: unknown): string {
  const text = `${encoded(header)}.${encoded(payload)}`;
  const digest = key.algorithm === 'EdDSA' ? null : 'sha256';
  const signature = sign(digest, Buffer.from(text), {
    key: key.privateKey,
    ...(key.algorithm === 'ES256' ? { dsaEncoding: 'ieee-p1363' } : {}),
  });
  return `${text}.${signature.toString('base64url')}`;
}

/** Signed with a secret instead of a key. */
export function signedWithSecret(secret: string, header: unknown, payload: unknown): string {
  const text = `${encoded(header)}.${encoded(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** As the issuer makes them: for an hour. */
export const tokenOf = (key: SigningKey, claims: Claims): string =>
  signed(
    key,
    { alg: key.algorithm, kid: key.kid, typ: 'JWT' },
    { exp: nowSeconds() + 3_600, iat: nowSeconds(), ...claims },
  );

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
