// Token buckets per key: a burst, then a steady rate; buckets that are full again are forgotten, so memory follows recent callers.
import { type Clock, SECOND_MS } from '../clock.ts';

export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

export interface RateLimiter {
  /** Number of keys held. */
  readonly size: number;
  /** Takes one; false when none is left. */
  take(key: string): boolean;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

const SWEEP_AT = 1_024;

export function createRateLimiter({ burst, perSecond }: RateLimit, clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  let sweepAt = SWEEP_AT;
  const level = ({ tokens, atMs }: Bucket, nowMs: number): number =>
    Math.min(burst, tokens + (Math.max(0, nowMs - atMs) / SECOND_MS) * perSecond);
  const sweep = (nowMs: number): void => {
    for (const [key, bucket] of buckets) if (level(bucket, nowMs) >= burst) buckets.delete(key);
    sweepAt = Math.max(SWEEP_AT, 2 * buckets.size);
  };
  return {
    get size() {
      return buckets.size;
    },
    take(key) {
      const nowMs = clock();
      if (buckets.size >= sweepAt) sweep(nowMs);
      const tokens = level(buckets.get(key) ?? { tokens: burst, atMs: nowMs }, nowMs);
      const isAllowed = tokens >= 1;
      buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, atMs: nowMs });
      return isAllowed;
    },
  };
}
