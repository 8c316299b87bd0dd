// What may be given back: once, by whoever took it, for an hour, and within a bound.
import { expect, test } from 'vitest';
import { Grant, GrantBook } from './grants.ts';

const bag = (text = '') => new Map([['request.path', text]]);

test('what was granted is given back once, in parts or whole', () => {
  const book = new GrantBook(() => 0);
  book.remember('a', new Grant(5n, bag()));
  expect(book.take('a', 2n)?.amount).toBe(2n);
  expect(book.take('a', 0n)?.amount).toBe(3n);
  expect(book.take('a', 1n)).toBeUndefined();
});

test('the same call again has the same grant', () => {
  const book = new GrantBook(() => 0);
  const first = book.remember('a', new Grant(5n, bag()));
  expect(book.remember('a', new Grant(5n, bag()))).toBe(first);
  expect(first.take(0n)).toBe(5n);
  expect(book.take('a', 0n)).toBeUndefined();
});

test('after its time a grant is forgotten, and another takes its place', () => {
  let now = 0;
  const book = new GrantBook(() => now, { rememberedMs: 10 });
  book.remember('a', new Grant(5n, bag()));
  now = 11;
  expect(book.take('a', 0n)).toBeUndefined();
  book.remember('a', new Grant(3n, bag()));
  expect(book.take('a', 0n)?.amount).toBe(3n);
});

test('the oldest are forgotten when there are too many, or too large', () => {
  const few = new GrantBook(() => 0, { grants: 2 });
  for (const key of ['a', 'b', 'c']) few.remember(key, new Grant(1n, bag()));
  expect([few.take('a', 0n), few.take('c', 0n)?.amount]).toEqual([undefined, 1n]);
  const small = new GrantBook(() => 0, { bytes: 250 });
  for (const key of ['a', 'b', 'c']) small.remember(key, new Grant(1n, bag('x'.repeat(100))));
  expect([small.take('a', 0n), small.take('c', 0n)?.amount]).toEqual([undefined, 1n]);
});
