// Work in small slices: however many requests come at once, everything else that this process serves gets its turn every few milliseconds.

/** Resolves when the caller may go on. */
export type Turns = () => Promise<void>;

const sliceMs = 8;

export function createTurns(now: () => number = () => performance.now()): Turns {
  let last = Promise.resolve();
  let beganAt = Number.NEGATIVE_INFINITY;
  const turn = async (): Promise<void> => {
    if (now() - beganAt < sliceMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    beganAt = now();
  };
  return () => {
    last = last.then(turn);
    return last;
  };
}
