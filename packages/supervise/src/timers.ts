// Time as this package takes it: injected, so that tests decide what passes.

/** A clock and the timers that go with it. */
export interface Timers {
  /** Milliseconds since some fixed moment; never goes back. */
  readonly nowMs: () => number;
  /** Calls `run` once, `delayMs` from now, unless disposed before. */
  readonly after: (delayMs: number, run: () => void) => Disposable;
  /** The same for work that is no reason for the process to stay alive. */
  readonly inBackground: (delayMs: number, run: () => void) => Disposable;
}

const disposing = (timer: NodeJS.Timeout): Disposable => ({ [Symbol.dispose]: () => clearTimeout(timer) });

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => disposing(setTimeout(run, delayMs)),
  inBackground: (delayMs, run) => disposing(setTimeout(run, delayMs).unref()),
};
