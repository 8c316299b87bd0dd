// Version expressions: what they match, what is not understood, and that none takes long.
import { expect, it } from 'vitest';
import { compilePattern } from './version-pattern.ts';

it.each([
  ['^1\\.2.*', '1.29.0', true],
  ['^1\\.2.*', '11.29.0', false],
  ['1.9', 'x1.9.3', true],
  ['^1\\.(9|29)\\.\\d+$', '1.29.17', true],
  ['^1\\.(9|29)\\.\\d+$', '1.28.17', false],
  ['^[^a-c]+$', '1.2', true],
  ['^[^a-c]+$', '1.2a', false],
  ['(?:alpha|beta)?$', 'x', true],
])('%s in %s: %s', (pattern, text, isFound) => expect(compilePattern(pattern)?.(text)).toBe(isFound));

it.each(['', '(1', '1)', '*', '[1', 'a{2}', '\\b', '(?i)a', '^(a+)+$', '((a|b*)c)?', 'x'.repeat(201)])(
  '%s is not understood',
  (pattern) => expect(compilePattern(pattern)).toBeUndefined(),
);

it('takes no time on what makes others backtrack', () => {
  const startedAt = performance.now();
  for (const part of ['(a|a)*', 'a*', '.*']) {
    expect(compilePattern(`^${part.repeat(28)}b$`)?.('a'.repeat(200))).toBe(false);
  }
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
