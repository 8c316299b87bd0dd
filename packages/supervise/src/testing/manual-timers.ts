// Time that passes only when a test says so.
import type { Timers } from '../timers.ts';

export interface ManualTimers extends Timers {
  /** Delays of what waits, in order of their moments. */
  readonly waiting: () => readonly number[];
  /** Lets time pass and runs what falls due. */
  readonly pass: (ms: number) => void;
}

export function manualTimers(): ManualTimers {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const after = (delayMs: number, run: () => void): Disposable => {
    const timer = { at: now + delayMs, run };
    timers.add(timer);
    return { [Symbol.dispose]: () => void timers.delete(timer) };
  };
  const sorted = () => [...timers].sort((a, b) => a.at - b.at);
  return {
    nowMs: () => now,
    after,
    inBackground: after,
    waiting: () => sorted().map(({ at }) => at - now),
    pass: (ms) => {
      const end = now + ms;
      for (let due = sorted()[0]; due !== undefined && due.at <= end; due = sorted()[0]) {
        now = due.at;
        timers.delete(due);
        due.run();
      }
      now = end;
    },
  };
}
