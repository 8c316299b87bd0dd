// The counters that one call touches, opened together: all are charged, or none.
import { lesser } from '../amount.ts';
import type { Moment } from '../counters/counter.ts';
import type { CountedLimit, QuotaCharge } from '../ledger.ts';
import { type Consumer, joinShares, noteDemand, shareOf } from '../sharing/fair-shares.ts';
import type { CounterTable, LiveCounter } from './counters.ts';

export interface Side {
  readonly live: LiveCounter;
  readonly consumer?: Consumer;
}

/** Undefined: there is no room to count. */
export function openSides(
  table: CounterTable,
  asked: readonly CountedLimit[],
  nowMs: number,
): readonly Side[] | undefined {
  const sides: Side[] = [];
  for (const one of asked) {
    const side = openSide(table, one, nowMs);
    if (side === undefined) return undefined;
    sides.push(side);
  }
  return sides;
}

function openSide(table: CounterTable, asked: CountedLimit, nowMs: number): Side | undefined {
  const live = table.open(asked, nowMs);
  if (live === undefined || asked.share === undefined) return live && { live };
  live.shares ??= { consumers: new Map() };
  const consumer = joinShares(live.shares, asked.share, { limit: asked.limit, nowMs });
  return consumer && { live, consumer };
}

/** What one side could grant now; at least 0. */
export function availableAt({ live, consumer }: Side, nowMs: number): bigint {
  const left = live.counter.remaining();
  if (consumer === undefined || live.shares === undefined) return left > 0n ? left : 0n;
  const share = shareOf(live.shares, consumer, { limit: live.counter.limit, nowMs });
  const fair = share - consumer.counter.used();
  const least = lesser(fair, left);
  return least > 0n ? least : 0n;
}

const heldAtMost = 10_000;

/** `isWhole` is false when a counter could not hold the true count. */
export function take(
  sides: readonly Side[],
  { amount, isBestEffort, isForced = false }: QuotaCharge,
  moment: Moment,
): { granted: bigint; isWhole: boolean } {
  for (const { live, consumer } of sides) {
    if (consumer !== undefined)
      noteDemand(consumer, amount, { limit: live.counter.limit, nowMs: moment.nowMs });
  }
  const granted = isForced ? amount : grantable(sides, { amount, isBestEffort }, moment.nowMs);
  if (granted === 0n) return { granted, isWhole: true };
  let isWhole = true;
  for (const { live, consumer } of sides) {
    isWhole = live.counter.take(granted, moment) && isWhole;
    consumer?.counter.take(granted, moment);
  }
  return { granted, isWhole };
}

function grantable(
  sides: readonly Side[],
  { amount, isBestEffort }: { amount: bigint; isBestEffort: boolean },
  nowMs: number,
): bigint {
  let granted = amount;
  for (const side of sides) {
    if (holdsTooMuch(side)) return 0n;
    const available = availableAt(side, nowMs);
    if (available >= granted) continue;
    if (!isBestEffort) return 0n;
    granted = available;
  }
  return granted;
}

/** Each lease is remembered by itself. */
const holdsTooMuch = ({ live }: Side): boolean =>
  live.counter.state.kind === 'concurrency' && live.counter.state.state.leases.length >= heldAtMost;

/** Gives back to all sides; what the first one took back is the answer. */
export function give(
  sides: readonly Side[],
  amount: bigint,
  moment: Moment,
): { granted: bigint; isWhole: boolean } {
  const given = sides.map(({ live, consumer }) => {
    consumer?.counter.give(amount, moment);
    return live.counter.give(amount, moment);
  });
  return { granted: given[0] ?? 0n, isWhole: true };
}

export function touch(sides: readonly Side[], moment: Moment): void {
  for (const { live } of sides) live.counter.touch(moment);
}
