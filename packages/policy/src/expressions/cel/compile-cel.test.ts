// CEL over the vocabulary: types, values, what is refused and where, and that the short way gives what the library gives.
import { parse } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReferences, RecordingSource, sourceOf } from '../../attributes/bag.ts';
import { istioVocabulary } from '../../attributes/make-vocabulary.ts';
import { type AttributeBag, type AttributeValue, Duration, Timestamp } from '../../attributes/value.ts';
import { compileExpression } from '../compile-expression.ts';
import { Failure, outcomeOf } from '../failure.ts';
import { CelChecker } from './check-cel.ts';
import { planned } from './compile-cel.ts';
import { compileFast } from './fast-path.ts';
import { expandMacros } from './macros.ts';

const bag: AttributeBag = new Map<string, AttributeValue>([
  ['request.headers', new Map([['user-agent', 'curl/8']])],
  ['request.method', 'GET'],
  ['request.size', 20n],
  ['request.time', new Timestamp(1_420_211_075_000_000_000n)],
  ['response.duration', new Duration(1_500_000_000n)],
  ['source.ip', Uint8Array.from([10, 0, 0, 1])],
  ['source.labels', new Map([['app', 'reviews']])],
  ['connection.mtls', true],
  ['destination.port', 9_223_372_036_854_775_807n],
]);

const compile = (text: string) => compileExpression(text, { vocabulary: istioVocabulary, language: 'cel' });

function evaluate(text: string): unknown {
  const compiled = compile(text);
  if (!compiled.ok) return compiled.diagnostics[0]?.message;
  const outcome = compiled.value.evaluate(sourceOf(bag));
  return outcome.ok ? outcome.value : `failed: ${outcome.problem}`;
}

describe('values', () => {
  test.each<[string, unknown]>([
    ["request.headers['user-agent'] == 'curl/8'", true],
    ["match(request.headers['user-agent'], 'curl*')", true],
    ["request.headers['missing'] == 'x'", "failed: no such key: 'missing'"],
    ["'missing' in request.headers && request.headers['missing'] == 'x'", false],
    ["request.headers['missing'] == 'x' || true", true],
    ['source.labels.app', 'reviews'],
    ['has(source.labels.app) && !has(source.labels.version)', true],
    ['has(request.host)', false],
    ['request.host', ''],
    ['request.size + 1', 21n],
    ['destination.port', 9_223_372_036_854_775_807n],
    ["request.method in ['GET', 'HEAD']", true],
    ["['a', 'b'].exists(one, one == request.method)", false],
    ["response.duration > duration('1s')", true],
    ["request.time + duration('1s')", new Timestamp(1_420_211_076_000_000_000n)],
    ["request.time < timestamp('2015-01-02T15:04:35.000000001Z')", true],
    ["source.ip == ip('10.0.0.1')", true],
    ["source.ip in [ip('10.0.0.2'), ip('::ffff:10.0.0.1')]", true],
    ["dnsName('Foo.bar') == dnsName('foo.BAR.')", true],
    ["dnsName('foo.bar') != dnsName('bar.foo')", true],
    ["uri('HTTP://a.b/') == uri('http://A.b/')", true],
    ["email('a@b.C') == email('a@B.c')", true],
    ["'abc'.matches('^a.c$')", true],
    ["conditional(connection.mtls, 'yes', 'no')", 'yes'],
    ["pick(request.host, request.headers['x'], request.headers['user-agent'], 'none')", 'curl/8'],
    ["request.headers.map(key, key)[0] + toLower('ABC') + reverse('ab')", 'user-agentabcba'],
    ['emptyStringMap()', new Map()],
    ["size(request.method) == 3 ? 'three' : 'other'", 'three'],
    ['1 / (request.size - 20)', expect.stringMatching(/^failed: .*zero/)],
  ])('[MX-3] %s', (text, value) => {
    expect(evaluate(text)).toEqual(value);
  });
});

describe('refused, with the place', () => {
  test.each<[string, string, number]>([
    ['request.headerz', 'unknown attribute request.headerz', 1],
    ['true && source.principle == "x"', 'unknown attribute source.principle', 9],
    ['request', 'unknown attribute request', 1],
    ['request.size == "x"', "found no matching overload for '_==_' applied to '(int, string)'", 14],
    [
      'request.size.startsWith("x")',
      "found no matching overload for 'startsWith' applied to 'int.(string)'",
      13,
    ],
    ['request.method && true', "found no matching overload for '_&&_' applied to '(string, bool)'", 1],
    ['nothing(1)', 'unknown function: nothing', 1],
    ['request.method.first', 'a value of type string has no member first', 15],
    [
      'request.headers[1]',
      "found no matching overload for '_[_]' applied to '(map(string, string), int)'",
      16,
    ],
    ['[1, 2]', 'the expression gives list(int), which no attribute can hold', 1],
    ['request.method.matches("(")', 'error parsing regexp: missing closing ): `(`', 24],
    ['source.ip < ip("1.2.3.4")', "found no matching overload for '_<_' applied to '(ip, ip)'", 11],
    ['google.protobuf.Timestamp{seconds: 1}', 'unexpected expression: message google.protobuf.Timestamp', 1],
    ['request.method ==', 'unable to parse expression: found = but expecting end of input', 16],
    [
      `${'('.repeat(65)}1${')'.repeat(65)}`,
      'unable to parse expression: longer than 8192 characters, or nested deeper than 64',
      1,
    ],
  ])('[MX-3] %s', (text, message, column) => {
    const compiled = compile(text);
    expect(compiled.ok ? [] : compiled.diagnostics).toMatchObject([
      { message, origin: { line: 1 }, remedy: expect.any(String) },
    ]);
    expect(compiled.ok ? 0 : compiled.diagnostics[0]?.origin?.column).toBe(column);
  });
});

test('[MX-3] only the keys that were asked for are referenced', () => {
  const compiled = compile(
    "request.headers['user-agent'] == 'x' || 'a' in source.labels || has(request.host)",
  );
  if (!compiled.ok) throw new Error('refused');
  const source = new RecordingSource(bag);
  compiled.value.evaluate(source);
  expect(formatReferences(source.references())).toEqual([
    '-request.host',
    '-source.labels[a]',
    'request.headers',
    'request.headers[user-agent]',
    'source.labels',
  ]);
});

const texts = fc.oneof(
  fc.constantFrom(
    'request.method',
    'request.host',
    "request.headers['user-agent']",
    "request.headers['x']",
    "'GET'",
  ),
  fc.constantFrom("source.labels['app']", 'toLower(request.method)', 'source.labels.app'),
);

const conditions = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(texts, fc.constantFrom('==', '!=', '<', '>='), texts).map((parts) => parts.join(' ')),
    fc
      .tuple(texts, fc.constantFrom('startsWith', 'endsWith', 'contains'), texts)
      .map(([a, f, b]) => `${a}.${f}(${b})`),
    fc.constantFrom(
      'request.size > 10',
      'connection.mtls',
      'has(request.host)',
      "'x' in request.headers",
      "request.method in ['GET', 'POST']",
      "request.method.matches('^G')",
      "match(request.method, 'G*')",
      'has(source.labels)',
    ),
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||', '=='), tie('condition'))
      .map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    tie('condition').map((one) => `!(${one})`),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map(([c, a, b]) => `(${c}) ? (${a}) : (${b})`),
  ),
})).condition;

/** Compiles one text both ways. */
function bothWays(text: string) {
  const check = () => {
    const { expr } = parse(text);
    expandMacros(expr);
    const checker = new CelChecker(istioVocabulary, () => 0);
    const type = checker.check(expr);
    if (typeof type !== 'string') throw new Error(JSON.stringify(type));
    return { expr, checker };
  };
  const [a, b] = [check(), check()];
  return { fast: compileFast(a.expr, a.checker), slow: planned(b.expr, b.checker, { type: 'BOOL' }) };
}

test('[MX-3] the short way gives what the library gives', () => {
  fc.assert(
    fc.property(conditions, (text) => {
      const { fast, slow } = bothWays(text);
      if (fast === undefined) throw new Error(`no short way: ${text}`);
      const show = (value: AttributeValue | Failure): unknown =>
        value instanceof Failure ? { isAbsent: outcomeOf(value) } : value;
      const [quick, slowly] = [fast(sourceOf(bag)), slow(sourceOf(bag))];
      if (quick instanceof Failure && slowly instanceof Failure) return;
      expect(show(quick)).toEqual(show(slowly));
    }),
    { numRuns: 300, interruptAfterTimeLimit: 10_000 },
  );
});
