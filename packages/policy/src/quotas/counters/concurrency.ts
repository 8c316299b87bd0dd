// What is held at once. Every grant is a lease that ends by itself when its holder is gone.
import { addSaturating, largestAmount, lesser } from '../amount.ts';
import type { ConcurrencyLimit } from '../limit.ts';
import type { Counting } from './counter.ts';

export interface ConcurrencyState {
  /** In the order in which they end: all of one counter last equally long. */
  leases: { id: string; amount: bigint; endsMs: number }[];
  used: bigint;
}

export const concurrency: Counting<ConcurrencyLimit, ConcurrencyState> = {
  start: () => ({ leases: [], used: 0n }),
  advance(state, _limit, nowMs) {
    if (state.leases.every(({ endsMs }) => endsMs > nowMs)) return;
    keep(
      state,
      state.leases.filter(({ endsMs }) => endsMs > nowMs),
    );
  },
  used: (state) => state.used,
  remaining: (state, limit) => limit.amount - state.used,
  take(state, limit, amount, { id, nowMs }) {
    const { sum, hasOverflowed } = addSaturating(state.used, amount);
    state.leases.push({
      id,
      amount: hasOverflowed ? largestAmount - state.used : amount,
      endsMs: nowMs + limit.leaseMs,
    });
    state.used = sum;
    return !hasOverflowed;
  },
  give(state, _limit, amount, { id }) {
    const before = state.used;
    let left = amount;
    const rest = state.leases.map((lease) => {
      if (left === 0n || (id !== '' && lease.id !== id)) return lease;
      const part = lesser(left, lease.amount);
      left -= part;
      return { ...lease, amount: lease.amount - part };
    });
    keep(
      state,
      rest.filter((lease) => lease.amount > 0n),
    );
    return before - state.used;
  },
  touch(state, limit, { id, nowMs }) {
    const renewed = state.leases.filter((lease) => lease.id === id);
    const others = state.leases.filter((lease) => lease.id !== id);
    const endsMs = nowMs + limit.leaseMs;
    state.leases = [...others, ...renewed.map((lease) => ({ ...lease, endsMs }))];
  },
  waitMs(state, limit, amount, nowMs) {
    let left = limit.amount - state.used;
    if (amount <= left) return 0;
    for (const lease of state.leases) {
      left += lease.amount;
      if (amount <= left) return Math.max(0, lease.endsMs - nowMs);
    }
    return limit.leaseMs;
  },
  validMs: (limit) => limit.leaseMs,
};

function keep(state: ConcurrencyState, leases: ConcurrencyState['leases']): void {
  state.leases = leases;
  state.used = leases.reduce((sum, { amount }) => addSaturating(sum, amount).sum, 0n);
}
