// What every way of counting can do. A counter is plain data, so that it can be written down and read again; it is changed in place by its own algorithm only.
import type { Limit } from '../limit.ts';

export interface Moment {
  readonly nowMs: number;
  /** Names what is held, for limits on what is held at once; empty: unnamed. */
  readonly id: string;
}

/** `L`: its limit, `S`: what it remembers. All times are milliseconds since 1970. */
export interface Counting<L extends Limit, S> {
  start(limit: L, nowMs: number): S;
  /** Lets time pass: forgets what no longer counts. Comes before every other call. */
  advance(state: S, limit: L, nowMs: number): void;
  used(state: S, limit: L): bigint;
  /** What is left; below 0 when more was charged than is allowed. */
  remaining(state: S, limit: L): bigint;
  /** False: the counter was full, and is kept at the largest amount. */
  take(state: S, limit: L, amount: bigint, moment: Moment): boolean;
  /** Gives back at most what is counted; how much it was. */
  give(state: S, limit: L, amount: bigint, moment: Moment): bigint;
  /** The same was asked for again: what is held is held on to. */
  touch?(state: S, limit: L, moment: Moment): void;
  /** How long until `amount` is left, if nobody asks; the time of a whole window when it never will be. */
  waitMs(state: S, limit: L, amount: bigint, nowMs: number): number;
  /** How long what was granted now may be used. */
  validMs(limit: L, nowMs: number): number;
}
