// A clock that goes only when it is told to, and short ways to write charges in tests.
import type { CountedLimit, QuotaCharge } from '../ledger.ts';
import type { Limit } from '../limit.ts';

export interface TestClock {
  nowMs: number;
  readonly now: () => number;
}

/** 2026-03-28T12:00:00Z, a day before clocks change in Europe. */
export const someDayMs = Date.UTC(2026, 2, 28, 12);

export function testClock(nowMs = someDayMs): TestClock {
  const clock: TestClock = { nowMs, now: () => clock.nowMs };
  return clock;
}

export function charge(
  limit: Limit | readonly CountedLimit[],
  amount: bigint | number,
  more: Partial<Omit<QuotaCharge, 'amount' | 'counters'>> = {},
): QuotaCharge {
  const counters = Array.isArray(limit) ? limit : [{ counter: 'c', limit: limit as Limit }];
  return {
    counters,
    amount: BigInt(amount),
    isBestEffort: false,
    deduplicationId: '',
    deduplicationMs: 10_000,
    ...more,
  };
}
