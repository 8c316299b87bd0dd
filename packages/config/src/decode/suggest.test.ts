// Slips of the pen find their word; other words find none.
import { expect, test } from 'vitest';
import { nearest, suggestion } from './suggest.ts';

test.each([
  ['wieght', 'weight'],
  ['hots', 'hosts'],
  ['HOSTS', 'hosts'],
  ['timout', 'timeout'],
  ['nonsense', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
])('%s', (written, expected) => expect(nearest(written, ['weight', 'hosts', 'timeout'])).toBe(expected));

test('a list is better than nothing', () => {
  expect(suggestion('nonsense', ['a', 'b'])).toBe('known here: a, b');
});
