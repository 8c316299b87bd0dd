// Work that goes on beside the requests: who asks whether it is done, and who waits for it, up to a limit.

export interface Settling {
  readonly isSettled: () => boolean;
  /** Resolves when nothing is going on, or after `limitMs`. */
  settled(limitMs: number): Promise<void>;
}

interface SettlingWork extends Settling {
  /** Not settled until `work` has ended. */
  run(work: () => Promise<void>): Promise<void>;
  /** Lets go of everybody who waits. */
  end(): void;
}

export function createSettling(): SettlingWork {
  const waiting = new Set<() => void>();
  let running = 0;
  const release = (): void => {
    for (const done of [...waiting]) done();
  };
  return {
    isSettled: () => running === 0,
    settled(limitMs) {
      if (running === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, limitMs);
        waiting.add(done);
      });
    },
    async run(work) {
      running++;
      try {
        await work();
      } finally {
        running--;
        if (running === 0) release();
      }
    },
    end: release,
  };
}
