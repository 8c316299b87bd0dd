// Tokens of one configured issuer: a signed JWT whose claims name a service account. The rule: the key decides what algorithm there is, the configuration which keys there are; the token's header decides nothing but which of them to try.
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type Clock, MINUTE_MS, SECOND_MS } from '../clock.ts';
import { refuse } from '../refusal.ts';
import type { Identity } from '../spiffe-id.ts';
import type { Authenticator } from './authenticator.ts';
import { readClaims } from './service-account-claims.ts';

export interface JwtAuthenticatorOptions {
  readonly trustDomain: string;
  /** `iss`, compared as text. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audiences: readonly string[];
  /** The keys of now. */
  readonly keys: () => readonly VerificationKey[];
  readonly clock: Clock;
}

export interface VerificationKey {
  readonly id: string | undefined;
  readonly key: KeyObject;
  readonly algorithms: readonly Algorithm[];
}

type Algorithm = keyof typeof HASHES;

const HASHES = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  ES256: 'sha256',
  ES384: 'sha384',
} as const;

const MAX_TOKEN = 16 * 1_024;
/** Clocks of issuers may differ from ours by this much. */
const LEEWAY_MS = MINUTE_MS;
/** Keys that are tried for a token that names none. */
const MAX_TRIES = 4;

export const jwtAuthenticator = (options: JwtAuthenticatorOptions): Authenticator => ({
  name: 'jwt',
  authenticate: async ({ bearerToken }) =>
    bearerToken === undefined ? undefined : identityOf(options, bearerToken),
});

function identityOf(options: JwtAuthenticatorOptions, token: string): Identity | undefined {
  if (token.length > MAX_TOKEN) return undefined;
  const [head = '', body = '', mac = '', ...extra] = token.split('.');
  const signature = decodeBase64Url(mac);
  if (extra.length > 0 || signature === undefined) return undefined;
  const header = decodeJson(head);
  // Claims are looked at first: they cost less than a signature, and tokens of others are none of ours.
  const claims = decodeJson(body);
  if (header === undefined || claims === undefined) return undefined;
  if (!isOfIssuer(options, claims) || !isInTime(claims, options.clock())) return undefined;
  const signed = Buffer.from(`${head}.${body}`, 'ascii');
  if (!isSigned(options.keys(), header, { signed, signature })) return undefined;
  const owner = readClaims(claims);
  return owner === undefined ? undefined : { trustDomain: options.trustDomain, ...owner };
}

type Claims = Readonly<Record<string, unknown>>;

function isOfIssuer({ issuer, audiences }: JwtAuthenticatorOptions, claims: Claims): boolean {
  const { iss, aud } = claims;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return iss === issuer && audiences.some((audience) => named.includes(audience));
}

/** A token without an end is none. */
function isInTime({ exp, nbf, iat }: Claims, nowMs: number): boolean {
  const isPast = (seconds: unknown, least: number): boolean =>
    typeof seconds === 'number' && Number.isFinite(seconds) && seconds * SECOND_MS <= least;
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp * SECOND_MS + LEEWAY_MS <= nowMs) return false;
  return [nbf, iat].every((begin) => begin === undefined || isPast(begin, nowMs + LEEWAY_MS));
}

interface Signed {
  readonly signed: Buffer;
  readonly signature: Buffer;
}

function isSigned(keys: readonly VerificationKey[], header: Claims, { signed, signature }: Signed): boolean {
  const { alg, kid, crit, b64 } = header;
  if (crit !== undefined || b64 !== undefined) return false;
  if (kid !== undefined && typeof kid !== 'string') return false;
  const tried = keys
    .filter(
      ({ id, algorithms }) => algorithms.some((each) => each === alg) && (kid === undefined || id === kid),
    )
    .slice(0, MAX_TRIES);
  return tried.some(({ key, algorithms }) => {
    const algorithm = algorithms.find((each) => each === alg);
    if (algorithm === undefined) return false;
    try {
      return verify(HASHES[algorithm], signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
    } catch {
      return false;
    }
  });
}

function decodeJson(part: string): Claims | undefined {
  const bytes = decodeBase64Url(part);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The one spelling of RFC 7515: no padding, no stray bits. */
function decodeBase64Url(text: string): Buffer | undefined {
  if (text === '') return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

const MIN_RSA_BITS = 2_048;
const MAX_KEYS = 100;

/** Keys of a JSON Web Key Set that verify; those for something else are left out, one with a private half spoils the set. */
export function readVerificationKeys(text: string): Result<readonly VerificationKey[]> {
  const listed = listKeys(text);
  if (listed === undefined || listed.length > MAX_KEYS) return badKeys('not a JSON Web Key Set');
  if (listed.some((key) => 'd' in key || 'k' in key)) return badKeys('not of public keys only');
  const keys = listed.flatMap((key) => readKey(key) ?? []);
  return keys.length === 0 ? badKeys('without a key that verifies') : succeed(keys);
}

const badKeys = (why: string): Result<never> =>
  refuse({
    code: 'bad-key-set',
    message: `the keys of the token issuer are ${why}`,
    remedy: 'write {"keys": […]} with RSA keys of at least 2048 bits or of the curves P-256 and P-384',
  });

function listKeys(text: string): readonly Claims[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const keys: unknown = Reflect.get(Object(value), 'keys');
    if (!Array.isArray(keys)) return undefined;
    return keys.map((key: unknown) => ({ ...Object(key) }));
  } catch {
    return undefined;
  }
}

function readKey(written: Claims): VerificationKey | undefined {
  const { use, kid, alg } = written;
  if (use !== undefined && use !== 'sig') return undefined;
  const key = importKey(written);
  const possible = key === undefined ? [] : algorithmsOf(key);
  const algorithms = possible.filter((each) => alg === undefined || alg === each);
  if (key === undefined || algorithms.length === 0) return undefined;
  return { id: typeof kid === 'string' ? kid : undefined, key, algorithms };
}

function importKey(written: Claims): KeyObject | undefined {
  const fields = ['kty', 'n', 'e', 'crv', 'x', 'y'].flatMap((name) => {
    const value = written[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  try {
    const jwk: JsonWebKey = Object.fromEntries(fields);
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS ? ['RS256', 'RS384', 'RS512'] : [];
  if (asymmetricKeyType !== 'ec') return [];
  if (namedCurve === 'prime256v1') return ['ES256'];
  return namedCurve === 'secp384r1' ? ['ES384'] : [];
}
