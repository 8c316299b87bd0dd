// One count for ever, less what is given back.
import { addSaturating, lesser } from '../amount.ts';
import type { TotalLimit } from '../limit.ts';
import type { Counting } from './counter.ts';

export interface TotalState {
  used: bigint;
}

const dayMs = 86_400_000;

export const total: Counting<TotalLimit, TotalState> = {
  start: () => ({ used: 0n }),
  advance: () => undefined,
  used: (state) => state.used,
  remaining: (state, limit) => limit.amount - state.used,
  take(state, _limit, amount) {
    const { sum, hasOverflowed } = addSaturating(state.used, amount);
    state.used = sum;
    return !hasOverflowed;
  },
  give(state, _limit, amount) {
    const given = lesser(amount, state.used);
    state.used -= given;
    return given;
  },
  waitMs: (state, limit, amount) => (amount <= limit.amount - state.used ? 0 : dayMs),
  validMs: () => dayMs,
};
