// One counter with its limit, whatever its way of counting.
import { type Limit, shapeOf } from '../limit.ts';
import { type BucketState, bucket } from './bucket.ts';
import { type ConcurrencyState, concurrency } from './concurrency.ts';
import type { Counting, Moment } from './counter.ts';
import { type FixedState, fixed } from './fixed.ts';
import { type RollingState, rolling } from './rolling.ts';
import { type TotalState, total } from './total.ts';

/** What a counter remembers, by its way of counting. */
export type CounterState =
  | { readonly kind: 'fixed'; readonly state: FixedState }
  | { readonly kind: 'rolling'; readonly state: RollingState }
  | { readonly kind: 'bucket'; readonly state: BucketState }
  | { readonly kind: 'concurrency'; readonly state: ConcurrencyState }
  | { readonly kind: 'total'; readonly state: TotalState };

/** `Counting` of one counter, so that nobody else needs to know which one it is. */
export interface BoundCounter {
  readonly state: CounterState;
  readonly limit: Limit;
  readonly shape: string;
  advance(nowMs: number): void;
  used(): bigint;
  remaining(): bigint;
  take(amount: bigint, moment: Moment): boolean;
  give(amount: bigint, moment: Moment): bigint;
  touch(moment: Moment): void;
  waitMs(amount: bigint, nowMs: number): number;
  validMs(nowMs: number): number;
}

export const startCounter = (limit: Limit, nowMs: number): BoundCounter =>
  bindCounter(startState(limit, nowMs), limit) ?? unfit(limit);

/** Undefined: the state was counted in another way. */
export function bindCounter(counted: CounterState, limit: Limit): BoundCounter | undefined {
  switch (limit.kind) {
    case 'fixed':
      return counted.kind === 'fixed'
        ? bind(counted, { counting: fixed, limit, state: counted.state })
        : undefined;
    case 'rolling':
      return counted.kind === 'rolling'
        ? bind(counted, { counting: rolling, limit, state: counted.state })
        : undefined;
    case 'bucket':
      return counted.kind === 'bucket'
        ? bind(counted, { counting: bucket, limit, state: counted.state })
        : undefined;
    case 'concurrency':
      return counted.kind === 'concurrency'
        ? bind(counted, { counting: concurrency, limit, state: counted.state })
        : undefined;
    case 'total':
      return counted.kind === 'total'
        ? bind(counted, { counting: total, limit, state: counted.state })
        : undefined;
  }
}

function startState(limit: Limit, nowMs: number): CounterState {
  switch (limit.kind) {
    case 'fixed':
      return { kind: 'fixed', state: fixed.start(limit, nowMs) };
    case 'rolling':
      return { kind: 'rolling', state: rolling.start(limit, nowMs) };
    case 'bucket':
      return { kind: 'bucket', state: bucket.start(limit, nowMs) };
    case 'concurrency':
      return { kind: 'concurrency', state: concurrency.start(limit, nowMs) };
    case 'total':
      return { kind: 'total', state: total.start(limit, nowMs) };
  }
}

interface Parts<L extends Limit, S> {
  readonly counting: Counting<L, S>;
  readonly limit: L;
  readonly state: S;
}

function bind<L extends Limit, S>(
  counted: CounterState,
  { counting, limit, state }: Parts<L, S>,
): BoundCounter {
  return {
    state: counted,
    limit,
    shape: shapeOf(limit),
    advance: (nowMs) => counting.advance(state, limit, nowMs),
    used: () => counting.used(state, limit),
    remaining: () => counting.remaining(state, limit),
    take: (amount, moment) => counting.take(state, limit, amount, moment),
    give: (amount, moment) => counting.give(state, limit, amount, moment),
    touch: (moment) => counting.touch?.(state, limit, moment),
    waitMs: (amount, nowMs) => counting.waitMs(state, limit, amount, nowMs),
    validMs: (nowMs) => counting.validMs(limit, nowMs),
  };
}

function unfit(limit: Limit): never {
  throw new Error(`a counter just made does not fit its limit (${limit.kind})`);
}
