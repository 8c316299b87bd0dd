// What holds of every expression: it reads back, nothing throws, and what was not referenced does not matter.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordingSource, sourceOf } from '../attributes/bag.ts';
import { vocabularyOf } from '../attributes/make-vocabulary.ts';
import {
  type AttributeBag,
  type AttributeValue,
  Duration,
  Timestamp,
  type ValueType,
} from '../attributes/value.ts';
import { compileExpression, parseExpression } from './compile-expression.ts';
import { printSyntax, type Syntax } from './istio/syntax.ts';

const types: Readonly<Record<string, ValueType>> = {
  s: 'STRING',
  'a.s': 'STRING',
  i: 'INT64',
  b: 'BOOL',
  m: 'STRING_MAP',
  ip: 'IP_ADDRESS',
  t: 'TIMESTAMP',
  d: 'DURATION',
  host: 'DNS_NAME',
  mail: 'EMAIL_ADDRESS',
  u: 'URI',
};
const vocabulary = vocabularyOf(Object.entries(types).map(([name, type]) => ({ name, type })));

const { text, condition } = fc.letrec<{ text: string; condition: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('s', 'a.s', '"x"', '"*"', "'c'", '`raw`', '"\\u00e9"', 'm["k"]', 'm["__proto__"]'),
    fc.tuple(tie('text'), fc.constantFrom('|', '+'), tie('text')).map(([a, o, b]) => `(${a}) ${o} (${b})`),
    tie('text').map((one) => `toLower(${one})`),
    tie('text').map((one) => `m[${one}]`),
    fc.tuple(tie('condition'), tie('text'), tie('text')).map((all) => `conditional(${all.join(', ')})`),
  ),
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'b',
      'true',
      'i > 2',
      'i + 1 == 3',
      'ip == ip("1.2.3.4")',
      't < timestamp("2020-01-01T00:00:00Z")',
    ),
    fc.constantFrom(
      'host == dnsName("a.b")',
      'mail == email(s)',
      'u == uri(s | "x")',
      'size(s) == 1',
      'b | false',
    ),
    fc
      .tuple(tie('text'), fc.constantFrom('==', '!=', '<', '>='), tie('text'))
      .map(([a, o, b]) => `${a} ${o} ${b}`),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `match(${a}, ${b})`),
    fc
      .tuple(tie('text'), fc.constantFrom('startsWith', 'matches'), tie('text'))
      .map(([a, f, b]) => `(${a}).${f}(${b})`),
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, o, b]) => `(${a}) ${o} (${b})`),
  ),
}));

const strings = fc.oneof(
  fc.constantFrom('', 'x', '*', '(', '__proto__', '\ud800', 'a.b', 'a@b.c'),
  fc.string(),
);
const values: fc.Arbitrary<AttributeValue> = fc.oneof(
  strings,
  fc.bigInt({ min: -4n, max: 4n }),
  fc.double(),
  fc.boolean(),
  fc.bigInt({ min: -(1n << 63n), max: 1n << 63n }).map((nanoseconds) => new Timestamp(nanoseconds)),
  fc.bigInt({ min: -9n, max: 9n }).map((nanoseconds) => new Duration(nanoseconds)),
  fc.uint8Array({ maxLength: 16 }),
  fc.array(fc.tuple(fc.constantFrom('k', 'x', '__proto__', ''), strings)).map((all) => new Map(all)),
);
const bags: fc.Arbitrary<AttributeBag> = fc
  .array(fc.tuple(fc.constantFrom(...Object.keys(types), '__proto__'), values))
  .map((all) => new Map(all));

const limits = { numRuns: 200, interruptAfterTimeLimit: 5_000 };

/** Without places. */
const shape = (syntax: Syntax): unknown =>
  JSON.parse(
    JSON.stringify(syntax, (key, value) =>
      key === 'offset' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
    ),
  );

describe('the old language', () => {
  test('[MX-3] what is printed reads back', () => {
    fc.assert(
      fc.property(fc.oneof(text, condition), (source) => {
        const read = parseExpression(source);
        if (!read.ok) throw new Error(`${source}: ${JSON.stringify(read.diagnostics)}`);
        const again = parseExpression(printSyntax(read.value));
        expect(again.ok && shape(again.value)).toEqual(shape(read.value));
      }),
      limits,
    );
  });

  test('[MX-3] any text is read or refused', () => {
    const words = fc.constantFrom(
      'a',
      '.',
      '"',
      "'",
      '(',
      ')',
      '[',
      ']',
      '|',
      '==',
      '=',
      '0x',
      '1e',
      '\\',
      '/*',
      '//',
      '\n',
      '@',
      '{',
      '...',
      '\ud800',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(words).map((all) => all.join('')),
        ),
        (source) => {
          for (const language of ['istio', 'cel'] as const) {
            const compiled = compileExpression(source, { vocabulary, language });
            if (!compiled.ok) expect(compiled.diagnostics[0]?.origin?.line).toBeGreaterThan(0);
          }
        },
      ),
      limits,
    );
  });
});

describe('both languages', () => {
  test.each(['istio', 'cel'] as const)(
    '[MX-3] %s: nothing throws, and what was not referenced does not matter',
    (language) => {
      fc.assert(
        fc.property(condition, bags, bags, (source, bag, other) => {
          const compiled = compileExpression(source, { vocabulary, language });
          if (!compiled.ok) return;
          const recording = new RecordingSource(bag);
          const outcome = compiled.value.evaluate(recording);
          expect(compiled.value.evaluate(sourceOf(agreeing(bag, other, recording)))).toEqual(outcome);
        }),
        limits,
      );
    },
  );
});

/** The other bag, but for what was referenced in the first. */
function agreeing(bag: AttributeBag, other: AttributeBag, recording: RecordingSource): AttributeBag {
  const made = new Map(other);
  for (const { name, key, isPresent } of recording.references()) {
    const value = bag.get(name);
    if (key === undefined) {
      if (value === undefined || !isPresent) made.delete(name);
      else made.set(name, value);
      continue;
    }
    const known = made.get(name);
    const map = new Map(known instanceof Map ? known : []);
    const wanted = value instanceof Map ? value.get(key) : undefined;
    if (wanted === undefined) map.delete(key);
    else map.set(key, wanted);
    made.set(name, map);
  }
  return made;
}

describe('what is hostile', () => {
  const bag: AttributeBag = new Map<string, AttributeValue>([
    ['s', 'x'.repeat(1 << 20)],
    ['m', new Map([['__proto__', 'text']])],
    ['a.s', '(a+)+$'],
    ['i', 'no number'],
  ]);
  const evaluate = (source: string) => {
    const compiled = compileExpression(source, { vocabulary });
    return compiled.ok ? compiled.value.evaluate(sourceOf(bag)) : compiled.diagnostics[0]?.message;
  };

  test.each<[string, unknown]>([
    ['m["__proto__"]', { ok: true, value: 'text' }],
    ['m["constructor"] | "none"', { ok: true, value: 'none' }],
    [
      'i == 2',
      { ok: false, problem: "error converting value to integer or duration: 'no number'", offset: 0 },
    ],
    ['s + s', { ok: false, problem: 'a text longer than 1048576 characters' }],
    ['s.matches("x")', { ok: false, problem: expect.stringContaining('longer than 4096') }],
    ['constructor', 'unknown attribute constructor'],
    ['toString()', 'unknown function: toString'],
    ['("(").matches(a.s)', { ok: false, problem: expect.stringContaining('missing closing )') }],
  ])('[MX-3] %s', (source, outcome) => {
    const found = evaluate(source);
    if (typeof outcome === 'object') expect(found).toMatchObject(outcome ?? {});
    else expect(found).toBe(outcome);
  });

  test('[MX-3] a pattern that would take another engine for ever takes none', () => {
    const compiled = compileExpression('a.s.matches(s)', { vocabulary });
    if (!compiled.ok) throw new Error('refused');
    const attributes = new Map<string, AttributeValue>([
      ['a.s', '(x+x+)+y'],
      ['s', 'x'.repeat(20_000)],
    ]);
    expect(compiled.value.evaluate(sourceOf(attributes))).toEqual({ ok: true, value: false });
  });

  test('[MX-3] nests and joins as deep as somebody writes, and no deeper', () => {
    const nested = (depth: number) => evaluate(`${'('.repeat(depth)}true${')'.repeat(depth)}`);
    expect(nested(100)).toEqual({ ok: true, value: true });
    expect(nested(10_000)).toContain('nested deeper');
    expect(evaluate(`true${' && true'.repeat(900)}`)).toEqual({ ok: true, value: true });
    expect(evaluate(`true${' && true'.repeat(9_000)}`)).toContain('unable to parse');
    const many = `${'('.repeat(190)}i${`${'+1'.repeat(150)})`.repeat(190)}`;
    expect(evaluate(many)).toContain('joined of more than 1000 parts');
    for (const text of [
      `i${'+ 1'.repeat(2_600)}`,
      `s${'.reverse()'.repeat(800)}`,
      `i${'.b'.repeat(4_000)}`,
    ]) {
      const compiled = compileExpression(text, { vocabulary, language: 'cel' });
      expect(compiled.ok ? [] : compiled.diagnostics).toMatchObject([{ code: 'expression-syntax' }]);
    }
  });
});
