// Whether a token was signed with a key of a set: the same algorithms that proxies know, and none without a key.
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';

const digests: Readonly<Record<string, string | null>> = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  PS256: 'sha256',
  PS384: 'sha384',
  PS512: 'sha512',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  EdDSA: null,
};

const kinds: Readonly<Record<string, string>> = { R: 'RSA', P: 'RSA', E: 'EC' };

/** Of a token of three parts. Never throws. */
export function isSigned(token: string, keySet: string): boolean {
  try {
    const [head = '', body = '', signature = ''] = token.split('.');
    const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
    const { keys }: { readonly keys: readonly JsonWebKey[] } = JSON.parse(keySet);
    const { alg, kid } = Object(header);
    if (typeof alg !== 'string' || !Object.hasOwn(digests, alg)) return false;
    const kind = alg === 'EdDSA' ? 'OKP' : kinds[alg.charAt(0)];
    return keys
      .filter((key) => key.kty === kind && (key['alg'] ?? alg) === alg)
      .filter((key) => kid === undefined || key['kid'] === undefined || key['kid'] === kid)
      .some((key) =>
        verify(
          digests[alg] ?? null,
          Buffer.from(`${head}.${body}`),
          {
            key: createPublicKey({ key, format: 'jwk' }),
            ...(alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}),
            ...(alg.startsWith('PS') ? { padding: pssPadding, saltLength: Number(alg.slice(2)) / 8 } : {}),
          },
          Buffer.from(signature, 'base64url'),
        ),
      );
  } catch {
    return false;
  }
}

/** RSASSA-PSS. */
const pssPadding = 6;
