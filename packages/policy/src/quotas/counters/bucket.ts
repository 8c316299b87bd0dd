// A token bucket, exact: what has flowed in is kept in parts of a token, so that no rounding ever makes or loses one.

import { addSaturating, lesser } from '../amount.ts';
import type { BucketLimit } from '../limit.ts';
import type { Counting } from './counter.ts';

export interface BucketState {
  /** Whole tokens in the bucket; below 0 after forced charges. */
  tokens: bigint;
  /** Parts of the next token, in 1/refillMs. */
  parts: bigint;
  sinceMs: number;
}

export const bucket: Counting<BucketLimit, BucketState> = {
  start: (limit, nowMs) => ({ tokens: limit.amount, parts: 0n, sinceMs: nowMs }),
  advance(state, limit, nowMs) {
    if (nowMs <= state.sinceMs) return;
    const perToken = BigInt(limit.refillMs);
    const parts = state.parts + limit.refill * BigInt(Math.floor(nowMs) - Math.floor(state.sinceMs));
    state.tokens += parts / perToken;
    state.parts = parts % perToken;
    state.sinceMs = nowMs;
    fillAtMost(state, limit);
  },
  used: (state, limit) => (state.tokens < limit.amount ? limit.amount - state.tokens : 0n),
  remaining: (state, limit) => lesser(state.tokens, limit.amount),
  take(state, _limit, amount) {
    const { sum, hasOverflowed } = addSaturating(state.tokens, -amount);
    state.tokens = sum;
    return !hasOverflowed;
  },
  give(state, limit, amount) {
    const room = limit.amount - state.tokens;
    const given = lesser(amount, room);
    state.tokens += given;
    fillAtMost(state, limit);
    return given;
  },
  waitMs(state, limit, amount) {
    const missing = amount - state.tokens;
    if (missing <= 0n) return 0;
    if (limit.refill === 0n || amount > limit.amount) return longestWaitMs;
    const parts = missing * BigInt(limit.refillMs) - state.parts;
    const waitMs = (parts + limit.refill - 1n) / limit.refill;
    return waitMs > BigInt(longestWaitMs) ? longestWaitMs : Number(waitMs);
  },
  validMs: (limit) => limit.refillMs,
};

function fillAtMost(state: BucketState, limit: BucketLimit): void {
  if (state.tokens < limit.amount) return;
  state.tokens = limit.amount;
  state.parts = 0n;
}

/** What never comes is as far as a year. */
const longestWaitMs = 365 * 86_400_000;
