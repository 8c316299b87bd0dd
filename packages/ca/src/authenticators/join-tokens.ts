// One-time join tokens: 256 random bits, kept only as a hash, good for one identity, once, for a short time.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type Clock, MINUTE_MS, type RandomBytes, systemClock, systemRandomBytes } from '../clock.ts';
import { refuse } from '../refusal.ts';
import { type Identity, spiffeId } from '../spiffe-id.ts';
import type { Authenticator } from './authenticator.ts';

export interface TokenStoreOptions {
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** 10 minutes unless said otherwise. */
  readonly ttlMs?: number;
  /** Tokens waiting at one time; 10,000 unless said otherwise. A full store refuses, it never drops a token. */
  readonly maxTokens?: number;
  readonly randomBytes?: RandomBytes;
}

export interface TokenStore {
  /** Tokens waiting, expired ones left out. */
  readonly size: number;
  issue(owner: Pick<Identity, 'namespace' | 'serviceAccount'>): Result<string>;
  /** The identity of a waiting token, which thereby is used up. */
  consume(token: string): Identity | undefined;
}

interface WaitingToken {
  readonly digest: Buffer;
  readonly identity: Identity;
  readonly expiresAtMs: number;
}

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const DEFAULT_TTL_MS = 10 * MINUTE_MS;
const DEFAULT_MAX_TOKENS = 10_000;

/** Tokens live in memory: a restart of the authority invalidates them. */
export function createTokenStore(options: TokenStoreOptions): TokenStore {
  const { trustDomain, clock = systemClock, randomBytes = systemRandomBytes } = options;
  const { ttlMs = DEFAULT_TTL_MS, maxTokens = DEFAULT_MAX_TOKENS } = options;
  /** By the hexadecimal digest. */
  const waiting = new Map<string, WaitingToken>();
  const removeExpired = (): void => {
    const nowMs = clock();
    for (const [key, { expiresAtMs }] of waiting) if (expiresAtMs <= nowMs) waiting.delete(key);
  };
  return {
    get size() {
      removeExpired();
      return waiting.size;
    },
    issue(owner) {
      const identity: Identity = { trustDomain, ...owner };
      const checked = spiffeId(identity);
      if (!checked.ok) return checked;
      removeExpired();
      if (waiting.size >= maxTokens) return storeIsFull();
      const token = Buffer.from(randomBytes(TOKEN_BYTES)).toString('base64url');
      const digest = digestOf(token);
      waiting.set(digest.toString('hex'), { digest, identity, expiresAtMs: clock() + ttlMs });
      return succeed(token);
    },
    consume(token) {
      if (!TOKEN.test(token)) return undefined;
      const digest = digestOf(token);
      const key = digest.toString('hex');
      const found = waiting.get(key);
      if (found === undefined || !timingSafeEqual(found.digest, digest)) return undefined;
      waiting.delete(key);
      return clock() < found.expiresAtMs ? found.identity : undefined;
    },
  };
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token, 'ascii').digest();

const storeIsFull = (): Result<never> =>
  refuse({
    code: 'too-many-join-tokens',
    message: 'too many join tokens are waiting to be used',
    remedy: 'use the tokens that were issued, or wait until they expire',
  });

/** Takes the token of `authorization: Bearer …`. */
export const joinTokenAuthenticator = (store: TokenStore): Authenticator => ({
  name: 'join-token',
  authenticate: async ({ bearerToken }) =>
    bearerToken === undefined ? undefined : store.consume(bearerToken),
});
