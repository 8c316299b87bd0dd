// JSON Web Key Sets (RFC 7517) as they are handed on: public keys that can verify, nothing else. One private key spoils the set.
import { isMap } from '../../values/plain-map.ts';
import { isOnCurve } from './curves.ts';

export type KeySetReading =
  | {
      readonly kind: 'keys';
      /** In an order of their own: equal sets are equal. */
      readonly keys: readonly PublicKey[];
      /** Keys that are for something else, or of a kind that proxies do not know. */
      readonly ignored: number;
    }
  | { readonly kind: 'bad'; readonly message: string; readonly remedy: string };

export const keySetLimits = { bytes: 1024 * 1024, keys: 100 } as const;

/** The fields of RFC 7517 and 7518 that verifying takes. */
export type PublicKey = Readonly<Record<string, string>>;
type Bad = Extract<KeySetReading, { kind: 'bad' }>;

const bad = (message: string, remedy: string): Bad => ({ kind: 'bad', message, remedy });

/** Never throws, whatever the text is. Its cost is bounded by `keySetLimits`. */
export function readKeySet(text: string): KeySetReading {
  if (text.length > keySetLimits.bytes)
    return bad(`the key set has more than ${keySetLimits.bytes} bytes`, 'keep the keys that are in use');
  const written = keysIn(text);
  if (written === undefined)
    return bad('this is no JSON Web Key Set', 'write {"keys": […]}, as the issuer publishes it');
  if (written.length > keySetLimits.keys)
    return bad(`there are more than ${keySetLimits.keys} keys`, 'keep the keys that are in use');
  if (written.some(hasSecret))
    return bad('a private or symmetric key is in it', 'publish public keys only, and replace that key');
  const keys = distinct(written.map(publicKeyOf).filter((key) => key !== undefined));
  const twice = repeatedId(keys);
  if (twice) return bad('two different keys have the same kid', 'give every key an id of its own');
  if (keys.length === 0)
    return bad(
      'no key in it can verify a token',
      'use RSA keys of at least 2048 bits, or the curves P-256, P-384, P-521 or Ed25519',
    );
  return { kind: 'keys', keys, ignored: written.length - keys.length };
}

/** As proxies read it. */
export const keySetText = (keys: readonly PublicKey[]): string => JSON.stringify({ keys });

function keysIn(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('keys' in value)) return undefined;
    return Array.isArray(value.keys) ? value.keys : undefined;
  } catch {
    return undefined;
  }
}

function distinct(keys: readonly PublicKey[]): readonly PublicKey[] {
  const byText = new Map(keys.map((key) => [JSON.stringify(key), key]));
  return [...byText].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, key]) => key);
}

const secretParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const hasSecret = (key: unknown): boolean =>
  isMap(key) && (key['kty'] === 'oct' || secretParts.some((part) => Object.hasOwn(key, part)));

function repeatedId(keys: readonly PublicKey[]): boolean {
  const ids = keys.flatMap(({ kid }) => kid ?? []);
  return new Set(ids).size < ids.length;
}

/** The parts that verifying takes, in one order. Undefined: it is not for that, or of no use to proxies. */
function publicKeyOf(written: unknown): PublicKey | undefined {
  if (!isMap(written)) return undefined;
  const { kty, use, key_ops: operations, kid, alg } = written;
  if (use !== undefined && use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 1_024)) return undefined;
  const parts = typeof kty === 'string' ? partsOf(kty, written) : undefined;
  if (parts === undefined || typeof kty !== 'string') return undefined;
  if (alg !== undefined && (typeof alg !== 'string' || !parts.algorithms.includes(alg))) return undefined;
  return {
    ...(typeof kid === 'string' ? { kid } : {}),
    kty,
    ...(typeof alg === 'string' ? { alg } : {}),
    use: 'sig',
    ...parts.values,
  };
}

interface KeyParts {
  readonly values: PublicKey;
  readonly algorithms: readonly string[];
}

function partsOf(kty: string, { n, e, crv, x, y }: Readonly<Record<string, unknown>>): KeyParts | undefined {
  switch (kty) {
    case 'RSA':
      return isText(n) && isText(e) && isRsaKey(n, e)
        ? { values: { n, e }, algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] }
        : undefined;
    case 'EC': {
      const algorithm = isText(crv) ? curveAlgorithms[crv] : undefined;
      return algorithm !== undefined && isText(crv) && isText(x) && isText(y) && isOnCurve(crv, x, y)
        ? { values: { crv, x, y }, algorithms: [algorithm] }
        : undefined;
    }
    case 'OKP':
      return crv === 'Ed25519' && isText(x) && /^[\w-]{43}$/.test(x)
        ? { values: { crv, x }, algorithms: ['EdDSA'] }
        : undefined;
    default:
      return undefined;
  }
}

const curveAlgorithms: Readonly<Partial<Record<string, string>>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
};

const isText = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]{1,8192}$/.test(value);

/** 2048 to 8192 bits: less can be broken, more is a burden on every request. Base64url has 6 bits a letter. */
const isRsaKey = (modulus: string, exponent: string): boolean => {
  const bits = modulus.replace(/^A+/, '').length * 6;
  return bits >= 2_044 && bits <= 8_200 && /^[\w-]{1,8}$/.test(exponent) && !/^A*(AQ)?$/.test(exponent);
};
