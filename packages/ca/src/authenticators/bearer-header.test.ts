// Whose header opens the page.
import { expect, test } from 'vitest';
import { bearsToken, refuseMetrics } from './bearer-header.ts';

test('only the token itself, said as a bearer', () => {
  expect(bearsToken('Bearer right', 'right')).toBe(true);
  expect(bearsToken('bearer right', 'right')).toBe(true);
  for (const header of [
    undefined,
    '',
    'right',
    'Bearer',
    'Bearer ',
    'Bearer righ',
    'Bearer right ',
    'Basic right',
  ]) {
    expect(bearsToken(header, 'right'), String(header)).toBe(false);
  }
  expect(bearsToken(`Bearer ${'x'.repeat(100_000)}`, 'right')).toBe(false);
  expect([bearsToken('Bearer ', ''), bearsToken(undefined, '')]).toEqual([false, false]);
});

test('a page is open, closed, or for those who have the token', () => {
  expect(refuseMetrics('open', undefined)).toBeUndefined();
  expect(refuseMetrics({ token: 'a' }, 'Bearer a')).toBeUndefined();
  expect(refuseMetrics({ token: 'a' }, 'Bearer b')).toMatch(/metrics\.token/);
  expect(refuseMetrics(undefined, 'Bearer a')).toMatch(/closed/);
});
