// Counting up to a limit, in the one number `used`: what windows and totals have in common.
import { addSaturating, lesser } from '../amount.ts';
import type { FixedLimit, TotalLimit } from '../limit.ts';
import type { Counting } from './counter.ts';

interface Used {
  used: bigint;
}

export const plainCount = {
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
} satisfies Partial<Counting<FixedLimit | TotalLimit, Used>>;
