// The counters of one ledger by name. Bounded: those that count nothing are forgotten as time goes on; beyond the bound nothing new is counted, and so nothing granted.
import { type BoundCounter, bindCounter, startCounter } from '../counters/bound.ts';
import type { CountedLimit } from '../ledger.ts';
import { type Limit, shapeOf } from '../limit.ts';
import { advanceShares, type FairShares } from '../sharing/fair-shares.ts';

export interface LiveCounter {
  readonly name: string;
  counter: BoundCounter;
  shares?: FairShares;
}

export interface CounterTable {
  readonly size: number;
  /** The counter under this limit, at this time; undefined when there is no room for another. */
  open(asked: CountedLimit, nowMs: number): LiveCounter | undefined;
  get(name: string): LiveCounter | undefined;
  put(counter: LiveCounter): void;
  delete(name: string): boolean;
  values(): Iterable<LiveCounter>;
  /** Looks at a few counters and forgets those that count nothing; their names. */
  sweep(nowMs: number, most: number): readonly string[];
}

export function createCounterTable(mostCounters: number): CounterTable {
  const counters = new Map<string, LiveCounter>();
  let broom = counters.values();
  return {
    get size() {
      return counters.size;
    },
    open({ counter: name, limit }, nowMs) {
      const found = counters.get(name);
      if (found !== undefined) {
        refit(found, limit, nowMs);
        return found;
      }
      if (counters.size >= mostCounters) return undefined;
      const made = { name, counter: startCounter(limit, nowMs) };
      counters.set(name, made);
      return made;
    },
    get: (name) => counters.get(name),
    put: (counter) => void counters.set(counter.name, counter),
    delete: (name) => counters.delete(name),
    values: () => counters.values(),
    sweep(nowMs, most) {
      const forgotten: string[] = [];
      for (let looked = 0; looked < most; looked++) {
        const next = broom.next();
        if (next.done === true) {
          broom = counters.values();
          break;
        }
        if (!countsNothing(next.value, nowMs)) continue;
        counters.delete(next.value.name);
        forgotten.push(next.value.name);
      }
      return forgotten;
    },
  };
}

/** Lets time pass; a limit of another shape begins anew, another amount goes on. */
function refit(live: LiveCounter, limit: Limit, nowMs: number): void {
  if (live.counter.limit !== limit) {
    const isSameShape = live.counter.shape === shapeOf(limit);
    const kept = isSameShape ? bindCounter(live.counter.state, limit) : undefined;
    live.counter = kept ?? startCounter(limit, nowMs);
    if (live.shares !== undefined) refitShares(live, limit, kept !== undefined);
  }
  live.counter.advance(nowMs);
}

function refitShares(live: LiveCounter, limit: Limit, isSameShape: boolean): void {
  if (!isSameShape) {
    delete live.shares;
    return;
  }
  for (const consumer of live.shares?.consumers.values() ?? []) {
    consumer.counter = bindCounter(consumer.counter.state, limit) ?? consumer.counter;
  }
}

export function countsNothing({ counter, shares }: LiveCounter, nowMs: number): boolean {
  counter.advance(nowMs);
  if (counter.used() !== 0n) return false;
  if (shares === undefined) return true;
  advanceShares(shares, counter.limit, nowMs);
  return shares.consumers.size === 0;
}
