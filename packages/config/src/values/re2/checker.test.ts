// What Envoy's RE2 takes and refuses; the lists were confirmed with Envoy 1.40 in validate mode.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRe2 } from './checker.ts';

const good = [
  'a|b',
  '^/v[0-9]+(?:/.*)?$',
  '(?i)abc',
  '(?P<name>x)(?<other>y)',
  '(?i:a)(?-s)b(?i-s:c)',
  'a{0,1000}',
  'a{,3}',
  '{',
  'x{a',
  'a{2}?',
  '[]a]',
  '[a-b-c]',
  '[[:alpha:][:^digit:]]',
  '[\\d\\pL\\-]',
  '\\pN\\p{Greek}\\P{^Lu}',
  '\\x41\\x{ff}\\07\\011\\.\\_',
  '\\Qa*(b\\E+',
  '\\bfoo\\B\\A\\z',
  'é+日',
  '^*',
  '()',
  '',
  '|',
];

const bad: readonly [string, RegExp][] = [
  ['(?=a)', /look-around/],
  ['(?!a)', /look-around/],
  ['(?<=a)b', /look-around/],
  ['(?<!a)b', /look-around/],
  ['(?>a)', /look-around/],
  ['(a)\\1', /back-reference/],
  ['(?P<a>x)(?P=a)', /does not have/],
  ['\\k<a>', /back-reference/],
  ['a**', /repetitions follow/],
  ['a*+', /repetitions follow/],
  ['a{2}{3}', /repetitions follow/],
  ['*a', /nothing to repeat/],
  ['(|+)', /nothing to repeat/],
  ['{2}', /nothing to repeat/],
  ['(?i)*', /nothing to repeat/],
  ['a{1001}', /1000/],
  ['(a{100}){11}', /1000/],
  ['a{3,2}', /backwards/],
  ['(a', /never closed/],
  ['a)', /closes nothing/],
  ['[a', /never closed/],
  ['[]', /never closed/],
  ['[z-a]', /backwards/],
  ['[a-\\d]', /backwards/],
  ['[[:foo:]]', /unknown class/],
  ['\\', /backslash/],
  ['\\q', /escape/],
  ['\\Z', /no \\Z/],
  ['\\u0041', /escape/],
  ['[\\b]', /escape/],
  ['\\x{100}', /\\x/],
  ['\\x4', /\\x/],
  ['\\p{Foo}', /Unicode class/],
  ['(?P<a>x)(?P<a>y)', /same name/],
  ['(?P<a b>x)', /group name/],
  ['(?z)', /does not have/],
  ['(?-)', /does not have/],
  ['a\ud800', /no text/],
  ['a'.repeat(1_025), /1024/],
  [`${'('.repeat(500)}a`, /deeper/],
  ['(\\pL{30}){30}', /complex/],
];

describe('RE2', () => {
  test.each(good)('takes %s', (pattern) => expect(checkRe2(pattern)).toBeUndefined());

  test.each(bad)('refuses %s', (pattern, reason) => {
    const fault = checkRe2(pattern);
    expect(fault?.message).toMatch(reason);
    expect(fault?.remedy).not.toBe('');
  });

  test('any text is judged, quickly', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '?',
      ':',
      '*',
      '\\',
      'a',
      '1',
      ',',
      '^',
      '-',
      '|',
      'P<',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 400 }).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (pattern) => {
        const fault = checkRe2(pattern);
        expect(fault === undefined || fault.message.length > 0).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
