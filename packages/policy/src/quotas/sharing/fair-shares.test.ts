// Fairness as consumers feel it: simulated in small steps, compared with the max-min share worked out by hand.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Limit } from '../limit.ts';
import { createMemoryLedger } from '../memory/memory-ledger.ts';
import { charge, testClock } from '../testing/clock.ts';
import { fill } from './water-filling.ts';

interface Load {
  readonly consumer: string;
  readonly weight?: number;
  /** Per second. */
  readonly rate: number;
}

/** What each was granted per second, on average, over some seconds after the first two. */
function simulate(limit: Limit, loads: readonly Load[], seconds = 20): Record<string, number> {
  const clock = testClock();
  const ledger = createMemoryLedger({ now: clock.now });
  const granted = new Map<string, number>();
  const owed = new Map<string, number>();
  for (let step = 0; step < (seconds + 2) * 100; step++, clock.nowMs += 10) {
    for (const { consumer, weight = 1, rate } of loads) {
      const due = (owed.get(consumer) ?? 0) + rate / 100;
      for (let i = 0; i < Math.floor(due); i++) {
        const share = { consumer, weight };
        const isOk = ledger.allocate(charge([{ counter: 'pool', limit, share }], 1)).granted === 1n;
        if (isOk && step >= 200) granted.set(consumer, (granted.get(consumer) ?? 0) + 1);
      }
      owed.set(consumer, due - Math.floor(due));
    }
  }
  return Object.fromEntries([...granted].map(([consumer, count]) => [consumer, count / seconds]));
}

const fixed: Limit = { kind: 'fixed', amount: 100n, window: { kind: 'span', ms: 1_000 } };
const rolling: Limit = { kind: 'rolling', amount: 100n, windowMs: 1_000, slots: 50 };

const within = (got: number | undefined, expected: number): void => {
  expect(got).toBeGreaterThanOrEqual(expected * 0.95);
  expect(got).toBeLessThanOrEqual(expected * 1.05);
};

describe.each([fixed, rolling])('[MX-8] $kind', (limit) => {
  test.each<[string, Load[], number[]]>([
    [
      'little and much',
      [
        { consumer: 'a', rate: 30 },
        { consumer: 'b', rate: 500 },
      ],
      [30, 70],
    ],
    [
      'much and more',
      [
        { consumer: 'a', rate: 80 },
        { consumer: 'b', rate: 1_000 },
      ],
      [50, 50],
    ],
    [
      'less than there is',
      [
        { consumer: 'a', rate: 20 },
        { consumer: 'b', rate: 40 },
      ],
      [20, 40],
    ],
    ['alone', [{ consumer: 'a', rate: 400 }], [100]],
    [
      'three, one modest',
      [
        { consumer: 'a', rate: 10 },
        { consumer: 'b', rate: 200 },
        { consumer: 'c', rate: 900 },
      ],
      [10, 45, 45],
    ],
    [
      'weights',
      [
        { consumer: 'a', rate: 500, weight: 3 },
        { consumer: 'b', rate: 500 },
      ],
      [75, 25],
    ],
  ])('%s', (_name, loads, expected) => {
    const got = simulate(limit, loads);
    for (const [i, { consumer }] of loads.entries()) within(got[consumer], expected[i] ?? 0);
  });
});

test('water finds its level: nobody gets more than wanted, all is poured out, the poor are full', () => {
  const demand = fc.record({
    wanted: fc.integer({ min: 0, max: 1_000 }),
    weight: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2_000 }),
      fc.array(demand, { maxLength: 12 }),
      (amount, demands) => {
        const { level, spare } = fill(amount, demands);
        const got = demands.map(({ wanted, weight }) => Math.min(wanted, level * weight));
        const sum = got.reduce((a, b) => a + b, 0) + spare;
        expect(sum).toBeCloseTo(amount, 6);
        if (spare > 0) expect(level).toBe(Number.POSITIVE_INFINITY);
      },
    ),
  );
});
