// Files of documents: positions, reuse, lists, and what must not happen with hostile ones.
import { formatDiagnostic, formatOrigin } from '@xebec/std';
import { describe, expect, test } from 'vitest';
import type { ParsedFile } from '../types.ts';
import { decodeText } from './decode-text.ts';
import { parseDocuments } from './parse-documents.ts';

const parse = (text: string): ParsedFile => parseDocuments(text, 'f.yaml');
const values = (text: string): unknown[] => parse(text).objects.map(({ value }) => value);
const problems = (text: string): string[] =>
  parse(text).diagnostics.map(
    ({ severity, code, origin = {} }) => `${formatOrigin(origin)} ${severity} ${code}`,
  );

describe('documents', () => {
  test('are split at markers in the first column only', () => {
    const text = '# head\na: 1\n---\nb: |\n  ---\n  x\n--- # third\nc: 3\n---\n\n--- {d: 4}\n---\n';
    expect(values(text)).toEqual([{ a: 1 }, { b: '---\nx\n' }, { c: 3 }, { d: 4 }]);
    expect(parse(text).objects.map(({ origin }) => formatOrigin(origin))).toEqual([
      'f.yaml:2:1',
      'f.yaml:4:1',
      'f.yaml:8:1',
      'f.yaml:11:5',
    ]);
  });

  test('may be JSON, start with a byte order mark or a directive, and end their lines as Windows does', () => {
    expect(values('{"a": [1, true, null, "x\\u0041"]}')).toEqual([{ a: [1, true, null, 'xA'] }]);
    expect(values('\ufeffa: 1')).toEqual([{ a: 1 }]);
    expect(values('%YAML 1.2\n---\na: 1\n')).toEqual([{ a: 1 }]);
    expect(values('a: 1\r\n---\r\nb:\r\n  - c\r\n')).toEqual([{ a: 1 }, { b: ['c'] }]);
    expect(values('')).toEqual([]);
    expect(values('# only a comment\n---\n...\n')).toEqual([]);
  });

  test('know where each of their fields is', () => {
    const [raw] = parse('---\na: 1\n---\nspec:\n  hosts: # here\n    - x\n    - {y: 1}\n').objects.slice(1);
    expect(raw?.locate(['spec', 'hosts', 1, 'y'])).toEqual({ file: 'f.yaml', line: 7, column: 8 });
    expect(raw?.locate(['spec', 'hosts', 0])).toEqual({ file: 'f.yaml', line: 6, column: 7 });
    expect(raw?.locate(['spec', 'missing', 3])).toEqual({ file: 'f.yaml', line: 4, column: 1 });
    expect(raw?.text).toBe('spec:\n  hosts: # here\n    - x\n    - {y: 1}\n');
  });

  test('of lists are their items', () => {
    const text = 'apiVersion: v1\nkind: List\nitems:\n  - kind: A\n  - kind: B\n    x: 1\n';
    expect(values(text)).toEqual([{ kind: 'A' }, { kind: 'B', x: 1 }]);
    const [, second] = parse(text).objects;
    expect(second?.locate(['x'])).toEqual({ file: 'f.yaml', line: 6, column: 5 });
    expect(second?.origin).toEqual({ file: 'f.yaml', line: 5, column: 5 });
    expect(values('apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: a}}]')).toEqual([
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } },
    ]);
  });

  test('with an error leave the others alone', () => {
    const text = 'a: 1\n---\nb: "open\n---\nc: 3\n';
    expect(values(text)).toEqual([{ a: 1 }, { c: 3 }]);
    expect(problems(text)).toEqual(['f.yaml:4:1 error yaml-syntax']);
  });
});

describe('an edited file', () => {
  const doc = (name: string): string => `kind: A\nmetadata:\n  name: ${name}\n`;
  const file = (names: readonly string[]): string => names.map(doc).join('---\n');

  test('is parsed only where it changed', () => {
    const before = parse(file(['a', 'b', 'c', 'd']));
    const after = parseDocuments(file(['a', 'x', 'c', 'd']), 'f.yaml', before);
    expect(after.objects.map((raw, index) => raw === before.objects[index])).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(after.objects[1]?.value).toEqual({ kind: 'A', metadata: { name: 'x' } });
  });

  test('moves lines without parsing', () => {
    const before = parse(file(['a', 'b', 'c']));
    const after = parseDocuments(file(['n', 'a', 'c', 'b']), 'f.yaml', before);
    const [, a, c, b] = after.objects;
    expect(a?.value).not.toBe(before.objects[0]?.value);
    expect(b?.value).toBe(before.objects[1]?.value);
    expect(c?.value).toBe(before.objects[2]?.value);
    const again = parseDocuments(`# one line\n${file(['n', 'a', 'c', 'b'])}`, 'f.yaml', after);
    expect(again.objects[1]?.value).toBe(a?.value);
    expect(again.objects[1]?.origin.line).toBe(6);
    expect(again.objects[1]?.locate(['metadata', 'name'])).toEqual({ file: 'f.yaml', line: 8, column: 3 });
  });

  test('of ten thousand documents costs little more than reading it', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `n${index}`);
    const before = parse(file(names));
    names[5_000] = 'changed';
    const after = parseDocuments(file(names), 'f.yaml', before);
    expect(after.objects.filter((raw, index) => raw !== before.objects[index])).toHaveLength(1);
  });
});

describe('hostile text', () => {
  const bomb = `a: &a [${'x, '.repeat(9)}x]\n${'bcdefghi'
    .split('')
    .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]}, `.repeat(9)}1]`)
    .join('\n')}`;

  test.each([
    ['aliases that multiply', bomb, 'f.yaml:4:40 error too-many-aliases'],
    ['an alias of itself', 'a: &a [*a]', 'f.yaml:1:8 error unknown-alias'],
    ['nested brackets', '['.repeat(100_000), 'f.yaml:1:101 error too-deep'],
    ['closed brackets', '['.repeat(50_000) + ']'.repeat(50_000), 'f.yaml:1:101 error too-deep'],
    ['nested maps', `x: 1\ny: ${'{a: '.repeat(100_000)}`, 'f.yaml:2:404 error too-deep'],
    ['nested dashes', `${'- '.repeat(100_000)}a`, 'f.yaml:1:1 error too-deep'],
    ['nested keys', `${'? '.repeat(100_000)}a`, 'f.yaml:1:1 error too-deep'],
    ['a long document', `a: 1\n---\nb: ${'x'.repeat(3_000_000)}`, 'f.yaml:2:1 error too-large'],
    ['a key twice', 'a:\n  b: 1\n  b: 2\n', 'f.yaml:3:3 error duplicate-key'],
    ['a quoted key twice', '{"a": 1, a: 2}', 'f.yaml:1:10 error duplicate-key'],
    ['NUL', 'a: 1\nb: x\0y\n', 'f.yaml:2:5 error invalid-character'],
    ['half a character', 'a: \ud800', 'f.yaml:1:4 error invalid-character'],
    ['a number past 2^53', 'a: 9007199254740993', 'f.yaml:1:4 error invalid-number'],
    ['no number', 'a: .nan', 'f.yaml:1:4 error invalid-number'],
    ['infinity', 'a: -.inf', 'f.yaml:1:4 error invalid-number'],
    ['a tag', 'a: !!js/function "x"', 'f.yaml:1:4 error yaml-syntax'],
    ['another tag', 'a: !Ref x', 'f.yaml:1:4 error yaml-syntax'],
    ['a map as key', '? {a: 1}\n: 2', 'f.yaml:1:3 error wrong-type'],
    ['no key', 'null: 1', 'f.yaml:1:1 error wrong-type'],
    ['two documents without marker', 'a: 1\n...\nb: 2\n', 'f.yaml:3:1 error yaml-syntax'],
    ['tabs', 'a:\n\tb: 1', 'f.yaml:2:1 error yaml-syntax'],
  ])('%s', (_name, text, expected) => {
    const [first] = problems(text);
    expect(first).toBe(expected);
    expect(parse(text).diagnostics.every((found) => formatDiagnostic(found).length < 500)).toBe(true);
  });

  test('a file of 64 MB and more, or of too many documents, is refused at once', () => {
    expect(problems('x'.repeat(65 * 1024 * 1024))).toEqual(['f.yaml:1:1 error too-large']);
    expect(problems('---\n'.repeat(200_000))).toEqual(['f.yaml:1:1 error too-large']);
  });

  test('bytes that are not UTF-8 are refused with their line', () => {
    const good = decodeText(new TextEncoder().encode('a: é'), 'f.yaml');
    expect(good).toMatchObject({ ok: true, value: 'a: é' });
    const bad = decodeText(new Uint8Array([97, 10, 98, 10, 0xff, 10]), 'f.yaml');
    expect(bad).toMatchObject({ ok: false, diagnostics: [{ code: 'invalid-utf8', origin: { line: 3 } }] });
  });
});

describe('words of two meanings', () => {
  test('are read as YAML 1.2 does, with a warning', () => {
    const text = 'a: yes\nb: off\nc: 0o17\nd: 017\ne: 1_000\nf: "yes"\ng: true\n';
    expect(values(text)).toEqual([{ a: 'yes', b: 'off', c: 15, d: 17, e: '1_000', f: 'yes', g: true }]);
    expect(problems(text)).toEqual([1, 2, 4, 5].map((line) => `f.yaml:${line}:4 warning ambiguous-scalar`));
  });

  test('merge keys are followed, own keys win', () => {
    const text = 'x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: {"<<": 1}\n';
    expect(values(text)).toEqual([{ x: { a: 1, b: 2 }, y: { a: 1, b: 3 }, z: { '<<': 1 } }]);
    expect(problems('a:\n  <<: 5\n')).toEqual(['f.yaml:2:7 error wrong-type']);
  });
});

describe('dangerous keys', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('%s is data', (key) => {
    for (const text of [
      `a:\n  ${key}: {polluted: 1}\n`,
      `{"a": {"${key}": {"polluted": 1}}}`,
      `a: &a\n  ${key}: {polluted: 1}\n`,
    ]) {
      const [value] = values(text);
      const inner: unknown = Reflect.get(Object(value), 'a');
      expect(Object.keys(Object(inner))).toEqual([key]);
      expect(Reflect.get(Object(inner), 'polluted')).toBeUndefined();
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
      expect(JSON.parse(JSON.stringify(inner))).toEqual(JSON.parse(`{"${key}": {"polluted": 1}}`));
    }
  });
});
