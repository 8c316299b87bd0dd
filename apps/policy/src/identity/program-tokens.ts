// Tokens for programs that have neither a sidecar nor a certificate: signed by the policy service itself, for one service account, for a while, and good for nothing but asking it.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Authenticator, type Identity, jwtAuthenticator, spiffeId } from '@xebec/ca';
import { fail, type Result, succeed } from '@xebec/std';

export interface ProgramTokens {
  readonly authenticator: Authenticator;
  /** `ttlMs`: at most 30 days. */
  issue(owner: Pick<Identity, 'namespace' | 'serviceAccount'>, ttlMs: number): Result<string>;
}

export interface ProgramTokenOptions {
  /** PEM of the key; made when it is not there. Without it all tokens that were given out are worthless. */
  readonly file: string;
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const issuer = 'xebec-policy';
export const longestTokenMs = 30 * 86_400_000;

export function openProgramTokens({
  file,
  trustDomain,
  now = Date.now,
}: ProgramTokenOptions): Result<ProgramTokens> {
  const opened = openKey(file);
  if (!opened.ok) return opened;
  const key = opened.value;
  const keys = [{ id: undefined, key: createPublicKey(key), algorithms: ['ES256'] as const }];
  // Tokens of one trust domain are none of another that was made from the same state.
  const audiences = [`${issuer}.${trustDomain}`];
  return succeed({
    authenticator: jwtAuthenticator({ trustDomain, issuer, audiences, keys: () => keys, clock: now }),
    issue(owner, ttlMs) {
      const id = spiffeId({ trustDomain, ...owner });
      if (!id.ok) return id;
      if (!(ttlMs > 0 && ttlMs <= longestTokenMs)) return tooLong;
      const iat = Math.floor(now() / 1_000);
      const sub = `system:serviceaccount:${owner.namespace}:${owner.serviceAccount}`;
      const claims = { iss: issuer, aud: audiences, sub, iat, exp: iat + Math.ceil(ttlMs / 1_000) };
      return succeed(signed(key, { ...claims, jti: randomUUID() }));
    },
  });
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

function signed(key: KeyObject, claims: object): string {
  const text = `${encoded({ alg: 'ES256', typ: 'JWT' })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const tooLong = fail({
  severity: 'error',
  code: 'token-too-long',
  message: 'a token lives for 30 days at most',
  remedy: 'ask for a shorter one, and for another when it ends',
});

/** Whoever writes it first has it. */
function openKey(file: string): Result<KeyObject> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
    try {
      writeFileSync(file, pem, { flag: 'wx', mode: 0o600 });
      return succeed(privateKey);
    } catch {
      return succeed(createPrivateKey(readFileSync(file)));
    }
  } catch (error) {
    return fail({
      severity: 'error',
      code: 'bad-token-key',
      message: `the key of tokens ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'remove the file: a new key is made, and programs need new tokens',
    });
  }
}
