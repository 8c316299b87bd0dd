// How much is tried, and from where: the same in every run unless the environment says otherwise.
import fc from 'fast-check';
import type { Dice } from './odd-values.ts';

/** Inputs of each kind. */
export const runs = Number(process.env['XEBEC_FUZZ_RUNS'] ?? 600);

const written = process.env['XEBEC_FUZZ_SEED'] ?? '2026';

export const seed = written === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(written);

/** Choices made beforehand, so that fast-check can make them fewer and smaller. */
export const tape = fc.noBias(fc.array(fc.nat(0xffff), { minLength: 40, maxLength: 160, size: 'max' }));

/** When the choices are used up, each is the first. */
export function diceOf(choices: readonly number[]): Dice {
  let at = 0;
  return (sides) => (choices[at++] ?? 0) % sides;
}
