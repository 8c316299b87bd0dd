// What holds for every sequence of calls: no window ever holds more than its limit, nothing is given back that was not taken, and a ledger read from its records goes on as the one that wrote them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Limit } from '../limit.ts';
import { charge, someDayMs, testClock } from '../testing/clock.ts';
import { createMemoryLedger, type MemoryLedger } from './memory-ledger.ts';

const windowMs = 1_000;
const fixed: Limit = { kind: 'fixed', amount: 20n, window: { kind: 'span', ms: windowMs } };
const rolling: Limit = { kind: 'rolling', amount: 20n, windowMs, slots: 7 };
const limits: readonly Limit[] = [
  fixed,
  rolling,
  { kind: 'bucket', amount: 20n, refill: 7n, refillMs: windowMs },
  { kind: 'concurrency', amount: 20n, leaseMs: windowMs },
  { kind: 'total', amount: 200n },
];

const step = fc.record({
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 700 })),
  amount: fc.integer({ min: -8, max: 25 }),
  isBestEffort: fc.boolean(),
  id: fc.constantFrom('', '', '', 'a', 'b'),
  consumer: fc.constantFrom('x', 'y', 'z'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function play(ledger: MemoryLedger, limit: Limit, one: Step) {
  const isShared = limit.kind === 'fixed' || limit.kind === 'rolling';
  const shared = {
    counter: 's',
    limit,
    ...(isShared ? { share: { consumer: one.consumer, weight: 1 } } : {}),
  };
  const counters = [shared, { counter: 'c', limit }];
  return ledger.allocate(
    charge(counters, one.amount, {
      isBestEffort: one.isBestEffort,
      deduplicationId: one.id,
      deduplicationMs: 500,
    }),
  );
}

test.each([fixed, rolling])('exact: no window of $kind holds more than the limit', (limit) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const clock = testClock();
      const ledger = createMemoryLedger({ now: clock.now });
      const granted: { atMs: number; amount: bigint }[] = [];
      for (const one of steps) {
        clock.nowMs += one.waitMs;
        const amount = Math.abs(one.amount);
        granted.push({ atMs: clock.nowMs, amount: play(ledger, limit, { ...one, amount, id: '' }).granted });
      }
      for (const { atMs } of granted) {
        const start = limit.kind === 'fixed' ? Math.floor(atMs / windowMs) * windowMs : atMs;
        const inside = granted.filter((other) => other.atMs >= start && other.atMs < start + windowMs);
        expect(inside.reduce((sum, { amount }) => sum + amount, 0n)).toBeLessThanOrEqual(limit.amount);
      }
    }),
    { numRuns: 300 },
  );
});

test.each(limits)('never less than nothing is used, never more than the limit: $kind', (limit) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = testClock();
      const ledger = createMemoryLedger({ now: clock.now });
      for (const one of steps) {
        clock.nowMs += one.waitMs;
        const { granted } = play(ledger, limit, one);
        expect(granted).toBeGreaterThanOrEqual(0n);
        expect(granted).toBeLessThanOrEqual(BigInt(Math.max(25, Math.abs(one.amount))));
        for (const { used } of ledger.inspect({ prefix: '', most: 9 })) {
          expect(used).toBeGreaterThanOrEqual(0n);
          expect(used).toBeLessThanOrEqual(limit.amount);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test.each(limits)('a ledger read from its records goes on as before: $kind', (limit) => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      (past, rest, all) => {
        const clock = testClock(someDayMs);
        const before = createMemoryLedger({ now: clock.now });
        const log: unknown[] = [];
        for (const one of past) {
          clock.nowMs += one.waitMs;
          play(before, limit, one);
          log.push(...before.drainChanges());
        }
        const after = createMemoryLedger({ now: clock.now });
        const lines = all ? [...before.records()] : log;
        for (const line of lines) expect(after.restore(JSON.parse(JSON.stringify(line)))).toBe(true);
        for (const one of rest) {
          clock.nowMs += one.waitMs;
          expect(play(after, limit, one)).toEqual(play(before, limit, one));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  null,
  7,
  {},
  { kind: 'other' },
  { kind: 'counter', counter: 'c', written: { limit: { kind: 'total' }, state: {} } },
])('%o is no record', (written) => {
  expect(createMemoryLedger({ now: () => 0 }).restore(written)).toBe(false);
});
