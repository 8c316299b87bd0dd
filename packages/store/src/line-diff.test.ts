// A diff applied to the old text gives the new one, whatever the texts; its hunks are as the patch tool expects them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFieldPath } from './field-path.ts';
import { diffLines, unifiedDiff } from './line-diff.ts';

const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });

test('removals and kept lines are the old text, additions and kept lines the new one', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const edits = diffLines(before, after);
      expect(edits.filter(([sign]) => sign !== '+').map(([, line]) => line)).toEqual(before);
      expect(edits.filter(([sign]) => sign !== '-').map(([, line]) => line)).toEqual(after);
    }),
  );
});

test('hunks carry three lines of context and merge when they touch', () => {
  const before = Array.from({ length: 30 }, (_, line) => `line ${line + 1}`);
  const after = before.map((line, position) => ([9, 25].includes(position) ? `${line}!` : line));
  expect(unifiedDiff(before, after).match(/^@@.*@@$/gm)).toEqual(['@@ -7,7 +7,7 @@', '@@ -23,7 +23,7 @@']);
  expect(unifiedDiff(before, before)).toBe('');
  expect(unifiedDiff([], ['x'])).toBe('@@ -0,0 +1,1 @@\n+x');
});

test('very long texts are replaced whole instead of compared for long', () => {
  const long = (word: string) => Array.from({ length: 3_000 }, (_, line) => `${word} ${line}`);
  expect(diffLines(long('a'), long('b'))).toHaveLength(6_000);
});

test('field paths', () => {
  expect(parseFieldPath('spec.http[0].route[12].destination')).toEqual([
    'spec',
    'http',
    0,
    'route',
    12,
    'destination',
  ]);
  expect(parseFieldPath('metadata.labels["app.kubernetes.io/name"]')).toEqual([
    'metadata',
    'labels',
    'app.kubernetes.io/name',
  ]);
  expect(parseFieldPath('')).toEqual([]);
  expect(parseFieldPath('spec..http')).toBeUndefined();
  expect(parseFieldPath('spec[x]')).toBeUndefined();
});
