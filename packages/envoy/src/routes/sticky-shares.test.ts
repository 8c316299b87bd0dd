// Users who stay: what a change of weights moves is what it has to move.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOut, scale } from './sticky-shares.ts';

/** The destination of every thousandth of the scale. */
function destinations(weights: readonly number[]): readonly number[] {
  const points: number[] = [];
  let end = 0;
  for (const { destination, weight } of layOut(weights)) {
    end += weight;
    while (points.length * 1_000 < end) points.push(destination);
  }
  return points;
}

const moved = (from: readonly number[], to: readonly number[]): number => {
  const after = destinations(to);
  return destinations(from).filter((destination, point) => destination !== after[point]).length;
};

test.each([
  { why: 'two', from: [80, 20], to: [70, 30], moves: 100 },
  { why: 'two, in other numbers', from: [4, 1], to: [7, 3], moves: 100 },
  { why: 'from none', from: [100, 0], to: [95, 5], moves: 50 },
  { why: 'to all', from: [5, 95], to: [0, 100], moves: 50 },
  { why: 'two canaries that grow', from: [90, 5, 5], to: [80, 10, 10], moves: 100 },
  { why: 'one of two', from: [80, 10, 10], to: [70, 10, 20], moves: 100 },
  { why: 'a third one', from: [90, 10], to: [80, 10, 10], moves: 100 },
  { why: 'four', from: [70, 10, 10, 10], to: [40, 20, 20, 20], moves: 300 },
])('$why: $from → $to', ({ from, to, moves }) => expect(moved(from, to)).toBe(moves));

test('every destination has its share, and the sum is always the same', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(weights, (given) => {
      const total = given.reduce((sum, weight) => sum + weight, 0);
      fc.pre(total > 0);
      const pieces = layOut(given);
      expect(pieces.reduce((sum, { weight }) => sum + weight, 0)).toBe(scale);
      for (const [position, weight] of given.entries()) {
        const own = pieces.filter(({ destination }) => destination === position);
        const share = own.reduce((sum, piece) => sum + piece.weight, 0);
        expect(Math.abs(share - (weight / total) * scale)).toBeLessThanOrEqual(given.length);
      }
    }),
  );
});
