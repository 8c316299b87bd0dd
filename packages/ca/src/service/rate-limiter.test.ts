// A burst, then a steady rate, for each key by itself.
import { expect, test } from 'vitest';
import { createRateLimiter } from './rate-limiter.ts';

const takeMany = (limiter: { take(key: string): boolean }, key: string, count: number) =>
  Array.from({ length: count }, () => limiter.take(key)).filter(Boolean).length;

test('a burst, then the rate, never more than the burst', () => {
  let nowMs = 0;
  const limiter = createRateLimiter({ burst: 20, perSecond: 5 }, () => nowMs);
  expect(takeMany(limiter, 'a', 1_000)).toBe(20);
  expect(takeMany(limiter, 'b', 1_000)).toBe(20);
  nowMs += 1_000;
  expect(takeMany(limiter, 'a', 1_000)).toBe(5);
  nowMs += 1_000_000;
  expect(takeMany(limiter, 'a', 1_000)).toBe(20);
  nowMs -= 5_000;
  expect(takeMany(limiter, 'a', 1_000)).toBe(0);
});

test('callers that stay away are forgotten', () => {
  let nowMs = 0;
  const limiter = createRateLimiter({ burst: 2, perSecond: 1 }, () => nowMs);
  for (let caller = 0; caller < 5_000; caller += 1) {
    limiter.take(`caller-${caller}`);
    nowMs += 100;
  }
  expect(limiter.size).toBeLessThan(1_100);
});
