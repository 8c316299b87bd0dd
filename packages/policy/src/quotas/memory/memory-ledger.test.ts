// Each way of counting, in the words of whoever sets a limit.
import { describe, expect, test } from 'vitest';
import { largestAmount } from '../amount.ts';
import { counterKey, type QuotaCharge, readCounterKey } from '../ledger.ts';
import type { Limit } from '../limit.ts';
import { charge, someDayMs, testClock } from '../testing/clock.ts';
import { createMemoryLedger } from './memory-ledger.ts';

const second = { kind: 'span', ms: 1_000 } as const;
const fixed = (amount: bigint): Limit => ({ kind: 'fixed', amount, window: second });

function ledgerAt(nowMs = someDayMs) {
  const clock = testClock(nowMs);
  const ledger = createMemoryLedger({ now: clock.now });
  const ask = (one: QuotaCharge) => ledger.allocate(one).granted;
  return { clock, ledger, ask };
}

test('a fixed window gives its amount, and again in the next one', () => {
  const { clock, ledger, ask } = ledgerAt();
  expect([ask(charge(fixed(10n), 7)), ask(charge(fixed(10n), 4)), ask(charge(fixed(10n), 3))]).toEqual([
    7n,
    0n,
    3n,
  ]);
  clock.nowMs += 400;
  const refused = ledger.allocate(charge(fixed(10n), 1));
  expect(refused).toMatchObject({
    status: { code: 8 },
    granted: 0n,
    limit: 10n,
    remaining: 0n,
    resetMs: 600,
  });
  clock.nowMs += 600;
  expect(ask(charge(fixed(10n), 10))).toBe(10n);
});

test('best effort grants what is left', () => {
  const { ask } = ledgerAt();
  expect(ask(charge(fixed(10n), 25, { isBestEffort: true }))).toBe(10n);
  expect(ask(charge(fixed(10n), 1, { isBestEffort: true }))).toBe(0n);
});

test('nothing asked takes nothing, and says what is left', () => {
  const { ledger } = ledgerAt();
  ledger.allocate(charge(fixed(10n), 4));
  expect(ledger.allocate(charge(fixed(10n), 0))).toMatchObject({
    status: { code: 0 },
    granted: 0n,
    remaining: 6n,
  });
});

test('a clock that is set back opens no window that has ended', () => {
  const { clock, ask } = ledgerAt();
  ask(charge(fixed(10n), 10));
  clock.nowMs -= 5_000;
  expect(ask(charge(fixed(10n), 1))).toBe(0n);
});

test('a rolling window frees what has left it, late by at most one slot', () => {
  const { clock, ask, ledger } = ledgerAt();
  const limit: Limit = { kind: 'rolling', amount: 10n, windowMs: 1_000, slots: 10 };
  ask(charge(limit, 6));
  clock.nowMs += 500;
  ask(charge(limit, 4));
  expect(ledger.allocate(charge(limit, 1))).toMatchObject({ granted: 0n, resetMs: 600 });
  clock.nowMs += 599;
  expect(ask(charge(limit, 1))).toBe(0n);
  clock.nowMs += 1;
  expect(ask(charge(limit, 7))).toBe(0n);
  expect(ask(charge(limit, 6))).toBe(6n);
});

test('a token bucket starts full and fills evenly, to the part of a token', () => {
  const { clock, ask, ledger } = ledgerAt();
  const limit: Limit = { kind: 'bucket', amount: 5n, refill: 3n, refillMs: 1_000 };
  expect(ask(charge(limit, 5))).toBe(5n);
  clock.nowMs += 333;
  expect(ledger.allocate(charge(limit, 1))).toMatchObject({ granted: 0n, resetMs: 1 });
  clock.nowMs += 1;
  expect(ask(charge(limit, 1))).toBe(1n);
  clock.nowMs += 666;
  expect(ask(charge(limit, 2))).toBe(2n);
  clock.nowMs += 60_000;
  expect(ask(charge(limit, 6))).toBe(0n);
  expect(ask(charge(limit, 5))).toBe(5n);
});

describe('what is held at once', () => {
  const limit: Limit = { kind: 'concurrency', amount: 2n, leaseMs: 1_000 };

  test('is free again when it is given back', () => {
    const { ask } = ledgerAt();
    expect([ask(charge(limit, 1)), ask(charge(limit, 1)), ask(charge(limit, 1))]).toEqual([1n, 1n, 0n]);
    expect(ask(charge(limit, -1))).toBe(1n);
    expect(ask(charge(limit, 1))).toBe(1n);
  });

  test('is free again when its holder is silent, not while the same is asked for again', () => {
    const { clock, ask } = ledgerAt();
    ask(charge(limit, 1, { deduplicationId: 'one' }));
    ask(charge(limit, 1, { deduplicationId: 'two' }));
    clock.nowMs += 600;
    expect(ask(charge(limit, 1, { deduplicationId: 'one' }))).toBe(1n);
    clock.nowMs += 600;
    expect([ask(charge(limit, 1)), ask(charge(limit, 1))]).toEqual([1n, 0n]);
  });

  test('is given back by name, and by nobody twice', () => {
    const { ask } = ledgerAt();
    ask(charge(limit, 1, { deduplicationId: 'one' }));
    ask(charge(limit, 1, { deduplicationId: 'two' }));
    expect(ask(charge(limit, -1, { deduplicationId: 'one' }))).toBe(1n);
    expect([ask(charge(limit, 1)), ask(charge(limit, 1))]).toEqual([1n, 0n]);
  });
});

test('a total never comes back by itself', () => {
  const { clock, ask } = ledgerAt();
  const limit: Limit = { kind: 'total', amount: 3n };
  ask(charge(limit, 3));
  clock.nowMs += 400 * 86_400_000;
  expect(ask(charge(limit, 1))).toBe(0n);
  expect(ask(charge(limit, -2))).toBe(2n);
  expect(ask(charge(limit, 2))).toBe(2n);
});

test('giving back more than was taken leaves nothing used, not less', () => {
  const { ledger, ask } = ledgerAt();
  ask(charge(fixed(10n), 4));
  expect(ask(charge(fixed(10n), -9))).toBe(4n);
  expect(ledger.inspect({ prefix: '', most: 9 })).toMatchObject([{ used: 0n, remaining: 10n }]);
});

test('[MX-7] the same id is charged once, and again when its time is over', () => {
  const { clock, ask } = ledgerAt();
  const limit: Limit = { kind: 'total', amount: 10n };
  const retry = charge(limit, 4, { deduplicationId: 'id', deduplicationMs: 2_000 });
  expect([ask(retry), ask(retry), ask(retry)]).toEqual([4n, 4n, 4n]);
  expect(ask(charge(limit, 7))).toBe(0n);
  clock.nowMs += 2_001;
  expect(ask(retry)).toBe(4n);
  expect(ask(charge(limit, 3))).toBe(0n);
});

test('what was given back under an id can be taken and given back under it again', () => {
  const { ask } = ledgerAt();
  const limit: Limit = { kind: 'total', amount: 4n };
  const id = { deduplicationId: 'id' };
  expect([ask(charge(limit, 4, id)), ask(charge(limit, -4, id)), ask(charge(limit, -4, id))]).toEqual([
    4n,
    4n,
    4n,
  ]);
  expect([ask(charge(limit, 4, id)), ask(charge(limit, 1))]).toEqual([4n, 0n]);
  expect([ask(charge(limit, -4, id)), ask(charge(limit, 1))]).toEqual([4n, 1n]);
});

test('what is released under an id ends it, as often as parts are released', () => {
  const { ask, ledger } = ledgerAt();
  const limit: Limit = { kind: 'concurrency', amount: 4n, leaseMs: 1_000 };
  const id = { deduplicationId: 'id' };
  const released = { releasedId: 'id' };
  ask(charge(limit, 1, { deduplicationId: 'other' }));
  expect([ask(charge(limit, 3, id)), ledger.allocate(charge(limit, 3, id)).isRepeat]).toEqual([3n, true]);
  expect([ask(charge(limit, -1, released)), ask(charge(limit, -1, released))]).toEqual([1n, 1n]);
  // Not what others hold.
  expect(ask(charge(limit, -5, released))).toBe(1n);
  const anew = ledger.allocate(charge(limit, 3, id));
  expect([anew.granted, anew.isRepeat]).toEqual([3n, undefined]);
});

test('a refusal is not remembered: a retry may be lucky', () => {
  const { ask } = ledgerAt();
  const limit: Limit = { kind: 'total', amount: 4n };
  ask(charge(limit, 4));
  expect(ask(charge(limit, 2, { deduplicationId: 'id' }))).toBe(0n);
  ask(charge(limit, -4));
  expect(ask(charge(limit, 2, { deduplicationId: 'id' }))).toBe(2n);
});

test('several counters are charged together or not at all', () => {
  const { ledger, ask } = ledgerAt();
  const counters = [
    { counter: 'minute', limit: fixed(100n) },
    { counter: 'day', limit: { kind: 'total', amount: 5n } as const },
  ];
  expect(ask(charge(counters, 6))).toBe(0n);
  expect(ask(charge(counters, 6, { isBestEffort: true }))).toBe(5n);
  expect(ledger.inspect({ prefix: '', most: 9 }).map(({ counter, used }) => [counter, used])).toEqual([
    ['day', 5n],
    ['minute', 5n],
  ]);
  expect(ledger.allocate(charge(counters, 1))).toMatchObject({ limit: 5n, remaining: 0n });
});

test('what is forced counts above the limit, and stops at the largest number with an error', () => {
  const { ledger, ask } = ledgerAt();
  const limit: Limit = { kind: 'total', amount: 10n };
  expect(ask(charge(limit, 25, { isForced: true }))).toBe(25n);
  expect(ledger.inspect({ prefix: '', most: 1 })).toMatchObject([{ used: 25n, remaining: -15n }]);
  expect(ledger.allocate(charge(limit, largestAmount, { isForced: true }))).toMatchObject({
    status: { code: 11 },
  });
  expect(ledger.inspect({ prefix: '', most: 1 })).toMatchObject([{ used: largestAmount }]);
  expect(ask(charge(limit, 1))).toBe(0n);
});

test.each([[largestAmount + 1n], [-(1n << 63n) - 1n]])('%s is no amount', (amount) => {
  const { ledger } = ledgerAt();
  expect(ledger.allocate(charge(fixed(10n), amount))).toMatchObject({ status: { code: 3 }, granted: 0n });
});

test('a limit of the largest amount is exact', () => {
  const { ask } = ledgerAt();
  const limit = fixed(largestAmount);
  expect([ask(charge(limit, largestAmount - 1n)), ask(charge(limit, 2)), ask(charge(limit, 1))]).toEqual([
    largestAmount - 1n,
    0n,
    1n,
  ]);
});

test('another amount goes on counting, another window begins anew', () => {
  const { ask } = ledgerAt();
  ask(charge(fixed(10n), 10));
  expect(ask(charge(fixed(12n), 3))).toBe(0n);
  expect(ask(charge(fixed(12n), 2))).toBe(2n);
  expect(ask(charge({ kind: 'fixed', amount: 12n, window: { kind: 'span', ms: 2_000 } }, 12))).toBe(12n);
});

test('counters that count nothing are forgotten; beyond the bound nothing is granted', () => {
  const clock = testClock();
  const ledger = createMemoryLedger({ now: clock.now, mostCounters: 3 });
  const ask = (counter: string) => ledger.allocate(charge([{ counter, limit: fixed(1n) }], 1));
  expect(['a', 'b', 'c'].map((name) => ask(name).granted)).toEqual([1n, 1n, 1n]);
  expect(ask('d')).toMatchObject({ granted: 0n, status: { code: 8 } });
  clock.nowMs += 1_000;
  expect(ask('d').granted).toBe(1n);
  expect(ledger.counts().counters).toBeLessThan(4);
});

test('ids are bounded, and those forgotten early are counted', () => {
  const clock = testClock();
  const ledger = createMemoryLedger({ now: clock.now, mostIds: 10 });
  for (let i = 0; i < 30; i++) ledger.allocate(charge(fixed(100n), 1, { deduplicationId: `id${i}` }));
  expect(ledger.counts()).toMatchObject({ ids: 10, idsForgottenEarly: 20 });
});

test('usage is listed in pages, and forgotten on demand', () => {
  const { ledger, ask } = ledgerAt();
  for (const counter of ['b', 'a', 'c', 'x']) ask(charge([{ counter, limit: fixed(1n) }], 1));
  expect(ledger.inspect({ prefix: '', most: 2 }).map(({ counter }) => counter)).toEqual(['a', 'b']);
  expect(ledger.inspect({ prefix: '', most: 2, after: 'b' }).map(({ counter }) => counter)).toEqual([
    'c',
    'x',
  ]);
  expect(ledger.reset({ prefix: 'x' })).toBe(1);
  expect(ask(charge([{ counter: 'x', limit: fixed(1n) }], 1))).toBe(1n);
});

test('names of counters keep dimensions apart, whatever is in them', () => {
  const dimensions = new Map([
    ['user', 'a=b\u001fpath=/'],
    ['__proto__', 'x'],
  ]);
  const key = counterKey('q', dimensions);
  expect(key).not.toBe(
    counterKey(
      'q',
      new Map([
        ['user', 'a=b'],
        ['path', '/'],
        ['__proto__', 'x'],
      ]),
    ),
  );
  expect(readCounterKey(key)).toEqual({
    quota: 'q',
    dimensions: new Map([
      ['__proto__', 'x'],
      ['user', 'a=b\ufffdpath=/'],
    ]),
  });
});
