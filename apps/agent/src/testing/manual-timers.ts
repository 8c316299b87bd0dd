// Time for tests: it passes when told to, and everything due happens in order.
import type { Timers } from '@xebec/supervise';

export interface ManualTimers extends Timers {
  /** Lets time pass, with everything that is awaited in between. */
  advance(ms: number): Promise<void>;
  /** Delays that are being waited for, from now. */
  readonly waiting: readonly number[];
}

/** Enough rounds for chains of promises without I/O. */
const settle = async (): Promise<void> => {
  for (let round = 0; round < 50; round += 1) await Promise.resolve();
};

export function createManualTimers(): ManualTimers {
  let now = 0;
  const pending = new Map<symbol, { readonly at: number; readonly run: () => void }>();
  const due = (until: number): [symbol, { readonly at: number; readonly run: () => void }] | undefined =>
    [...pending].filter(([, { at }]) => at <= until).sort(([, left], [, right]) => left.at - right.at)[0];
  const after = (delayMs: number, run: () => void): Disposable => {
    const id = Symbol('timer');
    pending.set(id, { at: now + delayMs, run });
    return { [Symbol.dispose]: () => void pending.delete(id) };
  };
  return {
    nowMs: () => now,
    after,
    inBackground: after,
    get waiting() {
      return [...pending.values()].map(({ at }) => at - now);
    },
    async advance(ms) {
      await settle();
      const end = now + ms;
      for (let next = due(end); next !== undefined; next = due(end)) {
        pending.delete(next[0]);
        now = next[1].at;
        next[1].run();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}
