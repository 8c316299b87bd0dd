// What may be given back: once, by whoever took it, for an hour, and within a bound.
import { expect, test } from 'vitest';
import { Grant, GrantBook } from './grants.ts';

const bag = (text = '') => new Map([['request.path', text]]);
const grant = (amount: bigint, attributes = bag(), untilMs = 1_000) => new Grant(amount, attributes, untilMs);
const anew = { isRepeat: false };
const again = { isRepeat: true };

test('what was granted is given back once, in parts or whole', () => {
  const book = new GrantBook(() => 0);
  book.remember('a', grant(5n, bag()), anew);
  expect(book.take('a', 2n)?.amount).toBe(2n);
  expect(book.take('a', 0n)?.amount).toBe(3n);
  expect(book.take('a', 1n)).toBeUndefined();
});

test('the same call again has the same grant', () => {
  const book = new GrantBook(() => 0);
  const first = book.remember('a', grant(5n, bag()), anew);
  expect(book.remember('a', grant(5n, bag()), again)).toBe(first);
  expect(first.take(0n, 0)).toBe(5n);
  expect(book.take('a', 0n)).toBeUndefined();
});

test('after its time a grant is forgotten, and another takes its place', () => {
  let now = 0;
  const book = new GrantBook(() => now, { rememberedMs: 10 });
  book.remember('a', grant(5n, bag()), anew);
  now = 11;
  expect(book.take('a', 0n)).toBeUndefined();
  book.remember('a', grant(3n, bag()), anew);
  expect(book.take('a', 0n)?.amount).toBe(3n);
});

test('the oldest are forgotten when there are too many, or too large', () => {
  const few = new GrantBook(() => 0, { grants: 2 });
  for (const key of ['a', 'b', 'c']) few.remember(key, grant(1n, bag()), anew);
  expect([few.take('a', 0n), few.take('c', 0n)?.amount]).toEqual([undefined, 1n]);
  const small = new GrantBook(() => 0, { bytes: 250 });
  for (const key of ['a', 'b', 'c']) small.remember(key, grant(1n, bag('x'.repeat(100))), anew);
  expect([small.take('a', 0n), small.take('c', 0n)?.amount]).toEqual([undefined, 1n]);
});

test('what was taken anew under an id is given back beside what is left', () => {
  const book = new GrantBook(() => 0);
  book.remember('a', grant(5n), anew);
  expect(book.take('a', 2n)?.amount).toBe(2n);
  book.remember('a', grant(5n), anew);
  expect(book.take('a', 0n)?.amount).toBe(8n);
});

test('what is free by itself is not given back: others have it by now', () => {
  let now = 0;
  const book = new GrantBook(() => now);
  book.remember('a', grant(5n, bag(), 100), anew);
  now = 50;
  book.remember('a', grant(5n, bag(), 150), again);
  now = 149;
  expect(book.take('a', 1n)?.amount).toBe(1n);
  now = 150;
  expect(book.take('a', 1n)?.amount).toBe(0n);
  book.remember('a', grant(2n, bag(), 300), anew);
  expect(book.take('a', 0n)?.amount).toBe(2n);
});
