// A window that moves with time, counted in slots: a slot counts until all of it has left the window, so that no stretch of the window's length ever holds more than the limit.
import { addSaturating, largestAmount, lesser } from '../amount.ts';
import type { RollingLimit } from '../limit.ts';
import type { Counting } from './counter.ts';

export interface RollingState {
  /** Slots that hold something, oldest first: at most one more than the window has. */
  slots: { at: number; used: bigint }[];
  used: bigint;
}

export const rolling: Counting<RollingLimit, RollingState> = {
  start: () => ({ slots: [], used: 0n }),
  advance(state, limit, nowMs) {
    const oldest = slotAt(limit, nowMs) - limit.slots;
    if (state.slots[0] === undefined || state.slots[0].at >= oldest) return;
    state.slots = state.slots.filter(({ at }) => at >= oldest);
    state.used = state.slots.reduce((sum, { used }) => addSaturating(sum, used).sum, 0n);
  },
  used: (state) => state.used,
  remaining: (state, limit) => limit.amount - state.used,
  take(state, limit, amount, { nowMs }) {
    const { sum, hasOverflowed } = addSaturating(state.used, amount);
    const taken = hasOverflowed ? largestAmount - state.used : amount;
    state.used = sum;
    const at = slotAt(limit, nowMs);
    const last = state.slots.at(-1);
    // A clock that was set back goes on in the newest slot.
    if (last !== undefined && last.at >= at) last.used += taken;
    else state.slots.push({ at, used: taken });
    return !hasOverflowed;
  },
  give(state, _limit, amount) {
    let left = lesser(amount, state.used);
    const given = left;
    for (let last = state.slots.at(-1); left > 0n && last !== undefined; last = state.slots.at(-1)) {
      const part = lesser(left, last.used);
      last.used -= part;
      left -= part;
      if (last.used === 0n) state.slots.pop();
    }
    state.used -= given;
    return given;
  },
  waitMs(state, limit, amount, nowMs) {
    let left = limit.amount - state.used;
    if (amount <= left) return 0;
    for (const { at, used } of state.slots) {
      left += used;
      if (amount <= left) return Math.max(0, Math.ceil((at + limit.slots + 1) * slotMs(limit)) - nowMs);
    }
    return limit.windowMs;
  },
  validMs: (limit) => limit.windowMs,
};

const slotMs = (limit: RollingLimit): number => limit.windowMs / limit.slots;
const slotAt = (limit: RollingLimit, nowMs: number): number => Math.floor(nowMs / slotMs(limit));
