// Texts with bytes changed, and YAML's own traps: an error in time that names the line, or plain data.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, parseDocuments } from '../../packages/config/src/index.ts';
import { exampleTexts } from './support/corpus.ts';
import { judge } from './support/judge.ts';
import { pick } from './support/odd-values.ts';
import { diceOf, runs, seed, tape } from './support/settings.ts';

/** Pieces that mean something to YAML, or to whoever reads a prototype. */
const pieces = [
  '\0',
  '\ufeff',
  '\u2028',
  '\ud800',
  '\t',
  '\r',
  '\n',
  '\n\n---\n',
  '\n...\n',
  ' ',
  '  ',
  ': ',
  '- ',
  '? ',
  '#',
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!!js/function ',
  '%YAML 1.1\n',
  '|',
  '>-',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  '__proto__: ',
  'constructor: ',
  'null',
  '~',
  '.nan',
  '-.inf',
  '0o7',
  '1_000',
  '017',
  'no',
  'on',
  'yes',
  '1e400',
  '9007199254740993',
  '-0',
  '0x',
  'é',
  '\u{1f600}',
  '\u202e',
  '\x7f',
  '\x1b[31m',
] as const;

/** A text with some of it cut out, repeated, moved or replaced. */
function broken(text: string, dice: (sides: number) => number): string {
  let result = text;
  for (let left = 1 + dice(5); left > 0; left--) {
    const at = dice(result.length + 1);
    const end = Math.min(result.length, at + dice(dice(4) === 3 ? 400 : 12));
    const middle =
      [pick(dice, pieces), '', result.slice(at, end).repeat(2), String.fromCharCode(dice(0x300))][dice(4)] ??
      '';
    result = `${result.slice(0, at)}${middle}${result.slice(dice(2) === 0 ? at : end)}`;
  }
  return result;
}

test('[B01] any text is read or refused where it is wrong', () => {
  fc.assert(
    fc.property(tape, (choices) => {
      const dice = diceOf(choices);
      const text = broken(pick(dice, exampleTexts) ?? '', dice);
      expect(judge(text).faults, text).toEqual([]);
    }),
    { numRuns: runs * 13, seed },
  );
}, 120_000);

test('[B02] any bytes are text or refused with their line', () => {
  const encoder = new TextEncoder();
  fc.assert(
    fc.property(
      fc.nat(exampleTexts.length - 1),
      fc.array(fc.tuple(fc.nat(5_000), fc.nat(255)), { maxLength: 6 }),
      (index, edits) => {
        const bytes = encoder.encode(exampleTexts[index]);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const decoded = decodeText(bytes, 'fuzz.yaml');
        if (decoded.ok) expect(judge(decoded.value).faults).toEqual([]);
        else expect(decoded.diagnostics[0]?.origin?.line).toBeGreaterThan(0);
      },
    ),
    { numRuns: runs, seed },
  );
}, 120_000);

/** What was found once. */
const folder = join(import.meta.dirname, 'found');
const found = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

test.each(found)('%s, found once, is treated as it should', (file) => {
  const text = readFileSync(join(folder, file), 'utf8');
  const { accepted, faults } = judge(text);
  expect(faults).toEqual([]);
  const isRefused = text.startsWith('# refused');
  expect(accepted.length > 0).toBe(!isRefused);
});

/** Of this process, in MB, after what can go has gone. */
const heapMb = (): number => process.memoryUsage().rss / 2 ** 20;

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('');

describe('[B02] traps of YAML', () => {
  const bomb = `${lines(9, (i) => `k${i}: &k${i} [${i === 0 ? 'x' : `*k${i - 1}`}${`, ${i === 0 ? 'x' : `*k${i - 1}`}`.repeat(9)}]\n`)}`;
  const cases: readonly (readonly [string, () => string, string])[] = [
    ['aliases of aliases', () => bomb, 'too-many-aliases'],
    ['a merged bomb', () => `${bomb}m:\n  <<: *k8\n`, 'too-many-aliases'],
    ['100,000 brackets', () => `a: 1\nb: ${'['.repeat(100_000)}`, 'too-deep'],
    ['100,000 maps', () => `a: 1\nb: ${'{a: '.repeat(100_000)}`, 'too-deep'],
    ['100,000 indents', () => `a: 1\n${lines(1_500, (i) => `${' '.repeat(i)}a:\n`)}`, 'too-deep'],
    ['50 MB of one document', () => `a: 1\nb: ${'x'.repeat(50 * 2 ** 20)}`, 'too-large'],
    ['50 MB of one list', () => `a:\n${'- x\n'.repeat(13 * 2 ** 20)}`, 'too-large'],
    ['a key twice', () => 'a: 1\nb: 2\na: 3\n', 'duplicate-key'],
    ['NUL', () => 'a: 1\nb: "\0"\n', 'invalid-character'],
    ['half a pair', () => 'a: 1\nb: \ud800\n', 'invalid-character'],
  ];
  test.each(cases)('%s: an error in a second and 100 MB that names the line', (_name, make, code) => {
    const text = make();
    const before = heapMb();
    const start = process.cpuUsage();
    const { diagnostics } = parseDocuments(text, 'fuzz.yaml');
    const { user, system } = process.cpuUsage(start);
    const [first] = diagnostics;
    expect([first?.code, first?.severity]).toEqual([code, 'error']);
    expect(first?.origin?.line).toBeGreaterThan(0);
    expect((user + system) / 1e6).toBeLessThan(1);
    expect(heapMb() - before).toBeLessThan(100);
  });

  test('words that other versions of YAML read differently are text or numbers of YAML 1.2, with a warning', () => {
    const { objects, diagnostics } = parseDocuments('a: no\nb: on\nc: 1_000\nd: 0o7\ne: 017\n', 'f.yaml');
    expect(objects[0]?.value).toEqual({ a: 'no', b: 'on', c: '1_000', d: 7, e: 17 });
    expect(diagnostics.map(({ code, origin }) => [code, origin?.line])).toEqual(
      [1, 2, 3, 5].map((line) => ['ambiguous-scalar', line]),
    );
  });

  test('a bad document among many leaves the others', () => {
    const text = lines(1_000, (i) => `---\nkind: A\nname: ${i === 500 ? '"open' : `n${i}`}\n`);
    const { objects, diagnostics } = parseDocuments(text, 'f.yaml');
    expect(objects.length).toBe(999);
    // The quote that is never closed ends with the document.
    expect(diagnostics.map(({ origin }) => origin?.line)).toEqual([1504]);
  });

  test('merge keys are data of the map that names them', () => {
    const text = 'base: &b { __proto__: { polluted: 1 }, a: 1 }\nown:\n  <<: [*b, { c: 3 }]\n  a: 2\n';
    const value = parseDocuments(text, 'f.yaml').objects[0]?.value;
    const own: unknown = Reflect.get(Object(value), 'own');
    expect(Object.keys(Object(own)).sort()).toEqual(['__proto__', 'a', 'c']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
