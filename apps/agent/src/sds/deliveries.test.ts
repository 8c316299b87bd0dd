// A secret counts as taken only when every stream that wants it has acknowledged its newest version.
import { expect, test } from 'vitest';
import { createDeliveries } from './deliveries.ts';

function world() {
  const newest = new Map([['ROOTCA', '1']]);
  const deliveries = createDeliveries((name) => newest.get(name));
  const missing = () => deliveries.missing(['default', 'ROOTCA']);
  return { newest, deliveries, missing };
}

test('nothing is missing while nobody asks', () => {
  expect(world().missing()).toBe('');
});

test('every stream must have acknowledged, and the newest', () => {
  const { newest, deliveries, missing } = world();
  const [one, two] = [deliveries.open(), deliveries.open()];
  one.sent('1', [['ROOTCA', '1']]);
  two.sent('1', [['ROOTCA', '1']]);
  expect(missing()).toContain('ROOTCA');
  one.answered('1');
  expect(missing()).toContain('ROOTCA');
  two.answered('1');
  expect(missing()).toBe('');
  newest.set('ROOTCA', '2');
  expect(missing()).toContain('ROOTCA');
  one.sent('2', [['ROOTCA', '2']]);
  one.answered('2');
  two[Symbol.dispose]();
  expect(missing()).toBe('');
});

test('a refusal is no acknowledgement, and says why', () => {
  const { deliveries, missing } = world();
  const stream = deliveries.open();
  let told = 0;
  using _watch = deliveries.subscribe(() => {
    told += 1;
  });
  stream.sent('1', [['ROOTCA', '1']]);
  stream.answered('1', 'not a certificate');
  expect([missing(), told]).toEqual(['not a certificate', 1]);
  stream.sent('2', [['ROOTCA', '1']]);
  stream.answered('2');
  expect(missing()).toBe('');
});

test('what is no longer wanted is not missing', () => {
  const { deliveries, missing } = world();
  const stream = deliveries.open();
  stream.sent('1', [['ROOTCA', '1']]);
  stream.dropped(['ROOTCA']);
  expect(missing()).toBe('');
});
