// Turns: of everything that is asked for, so many at once, in the order of asking.

export type Turns = (work: () => Promise<void>) => void;

export function createTurns(mostAtOnce: number): Turns {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  const next = (): void => {
    while (running < mostAtOnce) {
      const work = waiting.shift();
      if (work === undefined) return;
      running++;
      void work().finally(() => {
        running--;
        next();
      });
    }
  };
  return (work) => {
    waiting.push(work);
    next();
  };
}
