// One count for ever, less what is given back.
import type { TotalLimit } from '../limit.ts';
import type { Counting } from './counter.ts';
import { plainCount } from './plain-count.ts';

export interface TotalState {
  used: bigint;
}

const dayMs = 86_400_000;

export const total: Counting<TotalLimit, TotalState> = {
  start: () => ({ used: 0n }),
  advance: () => undefined,
  ...plainCount,
  waitMs: (state, limit, amount) => (amount <= limit.amount - state.used ? 0 : dayMs),
  validMs: () => dayMs,
};
