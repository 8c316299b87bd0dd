// Choices that are the same for the same seed.

export interface Dice {
  /** An integer from 0 to `sides - 1`. */
  roll(sides: number): number;
  /** True once in `sides` times. */
  once(sides: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Between `least` and `most` of what `make` makes. */
  several<T>(least: number, most: number, make: () => T): readonly T[];
}

export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const roll = (sides: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
  return {
    roll,
    once: (sides) => roll(sides) === 0,
    pick: (from) => {
      const picked = from[roll(from.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    several: (least, most, make) => Array.from({ length: least + roll(most - least + 1) }, make),
  };
}
