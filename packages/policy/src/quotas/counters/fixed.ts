// Windows one after the other: each begins with nothing used.
import type { FixedLimit } from '../limit.ts';
import { windowAt } from '../windows/calendar.ts';
import type { Counting } from './counter.ts';
import { plainCount } from './plain-count.ts';

export interface FixedState {
  startMs: number;
  used: bigint;
}

export const fixed: Counting<FixedLimit, FixedState> = {
  start: (limit, nowMs) => ({ startMs: windowAt(limit.window, nowMs).startMs, used: 0n }),
  advance(state, limit, nowMs) {
    const { startMs } = windowAt(limit.window, nowMs);
    // A clock that was set back does not open a window that has ended.
    if (startMs <= state.startMs) return;
    state.startMs = startMs;
    state.used = 0n;
  },
  ...plainCount,
  waitMs: (state, limit, amount, nowMs) =>
    amount <= limit.amount - state.used ? 0 : Math.max(0, endOf(state, limit, nowMs) - nowMs),
  validMs: (limit, nowMs) => windowAt(limit.window, nowMs).endMs - nowMs,
};

const endOf = (state: FixedState, limit: FixedLimit, nowMs: number): number =>
  windowAt(limit.window, Math.max(state.startMs, nowMs)).endMs;
