// Waiting longer after every failure, and not a moment longer than somebody still cares.

/** Milliseconds before the next attempt after `failures` in a row: up to 5 s, never all at one moment. */
export const retryMs = (failures: number): number =>
  Math.min(5_000, 200 * 2 ** Math.min(10, failures)) * (0.5 + Math.random() * 0.5);

/** Node's longest timer. */
const longestMs = 2 ** 31 - 1;

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(Math.max(ms, 0), longestMs));
    signal.addEventListener('abort', finish, { once: true });
  });
}
