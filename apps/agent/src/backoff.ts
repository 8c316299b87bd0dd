// Waiting longer after every failure, never all at the same moment, and not a moment longer than somebody still cares.
import type { Timers } from '@xebec/supervise';

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Milliseconds before the next attempt after `failures` in a row; `random` is in [0, 1). */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, random: () => number): number {
  const doubled = Math.min(longestMs, firstMs * 2 ** Math.min(20, Math.max(0, failures - 1)));
  return doubled * (0.5 + random() * 0.5);
}

/** What the promise gives, or undefined as soon as the signal aborts; the work itself goes on unheeded. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Resolves after `delayMs`, or at once when the signal aborts. */
export function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = timers.after(delayMs, finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}
