// The same as sorting everything.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstByName } from './first-by-name.ts';

test('gives what sorting everything gives', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 0, max: 20 }), (names, most) => {
      const sorted = [...names].sort((a, b) => (a < b ? -1 : 1));
      expect(firstByName(names, most, (name) => name)).toEqual(sorted.slice(0, most));
    }),
  );
});
