// The consumers of one shared counter. Each has a counter of its own beside the pool's, and may use what max-min fairness gives it now.
import { type BoundCounter, startCounter } from '../counters/bound.ts';
import type { Share } from '../ledger.ts';
import type { Limit, RollingLimit } from '../limit.ts';
import { windowAt } from '../windows/calendar.ts';
import { advanceMeter, type DemandMeter, expectedDemand, startMeter } from './demand.ts';
import { fill, type Level } from './water-filling.ts';

export interface Consumer {
  readonly name: string;
  weight: number;
  counter: BoundCounter;
  readonly demand: DemandMeter;
}

export interface FairShares {
  readonly consumers: Map<string, Consumer>;
  /** With many consumers the level is not worked out anew for each call. */
  level?: Level & { readonly atMs: number };
}

/** Limits that can be shared fairly: those with a window. */
export const isShareable = (limit: Limit): boolean => limit.kind === 'fixed' || limit.kind === 'rolling';

const fewConsumers = 64;
const levelsPerWindow = 200;
const mostConsumers = 10_000;

export function windowMsOf(limit: Limit, nowMs: number): number {
  if (limit.kind === 'rolling') return limit.windowMs;
  if (limit.kind !== 'fixed') return 1_000;
  const { startMs, endMs } = windowAt(limit.window, nowMs);
  return endMs - startMs;
}

/** The consumer, known from now on; undefined when there are too many. */
export function joinShares(
  shares: FairShares,
  { consumer, weight }: Share,
  at: { readonly limit: Limit; readonly nowMs: number },
): Consumer | undefined {
  const known = shares.consumers.get(consumer);
  if (known !== undefined) {
    known.weight = weight;
    return known;
  }
  if (shares.consumers.size >= mostConsumers) return undefined;
  const made: Consumer = {
    name: consumer,
    weight,
    counter: startCounter(at.limit, at.nowMs),
    demand: startMeter(at.nowMs, windowMsOf(at.limit, at.nowMs)),
  };
  shares.consumers.set(consumer, made);
  return made;
}

/** Lets time pass for all consumers, and forgets those that are gone. */
export function advanceShares(shares: FairShares, limit: Limit, nowMs: number): void {
  const windowMs = windowMsOf(limit, nowMs);
  for (const consumer of shares.consumers.values()) {
    consumer.counter.advance(nowMs);
    advanceMeter(consumer.demand, nowMs, windowMs);
    const { asked, before } = consumer.demand;
    if (asked === 0 && before === 0 && consumer.counter.used() === 0n) shares.consumers.delete(consumer.name);
  }
}

/** What one consumer may use in all of the present window. */
export function shareOf(shares: FairShares, consumer: Consumer, at: { limit: Limit; nowMs: number }): bigint {
  const { level, spare } = levelOf(shares, at);
  if (level !== Number.POSITIVE_INFINITY) return toAmount(level * consumer.weight);
  return toAmount(wantedBy(consumer, at) + spare);
}

/** At least one, so that a pool smaller than its consumers are many still serves somebody: the pool's own limit holds anyway. */
const toAmount = (share: number): bigint => BigInt(Math.max(share > 0 ? 1 : 0, Math.round(share)));

function levelOf(shares: FairShares, at: { limit: Limit; nowMs: number }): Level {
  const { limit, nowMs } = at;
  const ageMs = nowMs - (shares.level?.atMs ?? Number.NEGATIVE_INFINITY);
  const isFresh = ageMs >= 0 && ageMs < windowMsOf(limit, nowMs) / levelsPerWindow;
  if (shares.level !== undefined && isFresh && shares.consumers.size > fewConsumers) return shares.level;
  advanceShares(shares, limit, nowMs);
  const demands = [...shares.consumers.values()].map((consumer) => ({
    wanted: wantedBy(consumer, at),
    weight: consumer.weight,
  }));
  const level = { ...fill(Number(limit.amount), demands), atMs: nowMs };
  shares.level = level;
  return level;
}

function wantedBy({ counter, demand }: Consumer, { limit, nowMs }: { limit: Limit; nowMs: number }): number {
  const expected = expectedDemand(demand, nowMs, windowMsOf(limit, nowMs));
  return Math.max(
    Number(counter.used()),
    limit.kind === 'rolling' ? roomFor(expected, demand.last, limit) : expected,
  );
}

/** What rolls is held a slot longer than the window, and the next is asked for before the oldest has left. */
const roomFor = (expected: number, next: number, { slots }: RollingLimit): number =>
  expected === 0 ? 0 : (expected * (slots + 1)) / slots + next;

/** Notes what a consumer asks for, granted or not. */
export function noteDemand(consumer: Consumer, amount: bigint, at: { limit: Limit; nowMs: number }): void {
  consumer.counter.advance(at.nowMs);
  advanceMeter(consumer.demand, at.nowMs, windowMsOf(at.limit, at.nowMs));
  if (amount === 0n) return;
  consumer.demand.asked += Number(amount);
  consumer.demand.last = Number(amount);
}
