import type { AuthorizationTest, TextPattern } from '@xebec/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { istioVocabulary, sourceOf } from '../attributes/index.ts';
import type { AttributeBag, AttributeValue } from '../attributes/value.ts';
import { compileExpression } from '../expressions/index.ts';
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import type { Alternatives } from './conditions.ts';
import { type Destination, knowledgeOf } from './destination.ts';
import { express, type Truth } from './express.ts';

const destination: Destination = {
  namespace: 'shop',
  name: 'web-1',
  workloadName: 'web',
  labels: { app: 'web' },
  services: [{ host: 'web.shop.svc.cluster.local', name: 'web', namespace: 'shop' }],
};

function truthOf(text: string): Truth {
  const read = readSyntax(text);
  if (!read.ok) throw new Error(`${text}: ${read.problem.message}`);
  return express(read.syntax, knowledgeOf(destination));
}

/** As a proxy would test it. */
function passes(alternatives: Alternatives, bag: AttributeBag): boolean {
  return alternatives.some((tests) => tests.every((each) => passesTest(each, bag)));
}

function passesTest({ attribute, values, isNegated }: AuthorizationTest, bag: AttributeBag): boolean {
  const text =
    typeof attribute === 'object' && 'header' in attribute
      ? headerOf(attribute.header, bag)
      : attribute === 'destination-port'
        ? String(bag.get('destination.port'))
        : undefined;
  return values.some((pattern) => passesPattern(pattern, text)) !== isNegated;
}

const pseudo: Readonly<Record<string, string>> = { ':method': 'request.method', ':path': 'request.path' };

function headerOf(name: string, bag: AttributeBag): string | undefined {
  const found = pseudo[name] === undefined ? undefined : bag.get(pseudo[name]);
  if (typeof found === 'string') return found;
  const headers = bag.get('request.headers');
  return headers instanceof Map ? headers.get(name) : undefined;
}

function passesPattern(pattern: TextPattern, text: string | undefined): boolean {
  if (text === undefined) return false;
  switch (pattern.kind) {
    case 'present':
      return true;
    case 'exact':
      return text === pattern.value;
    case 'prefix':
      return text.startsWith(pattern.value);
    case 'suffix':
      return text.endsWith(pattern.value);
    case 'template':
      return false;
  }
}

describe('what is known of the destination', () => {
  test.each([
    ['destination.namespace == "shop"', true],
    ['destination.labels["app"] == "api"', false],
    ['destination.service.host == "other.shop.svc.cluster.local"', false],
    ['(destination.labels["tier"] | "none") == "none"', true],
    ['match(destination.service.host, "web.*")', true],
    ['context.reporter.kind == "outbound"', false],
  ])('%s is %s', (text, value) => {
    const { whenTrue, whenFalse, isExact } = truthOf(text);
    expect({ whenTrue, whenFalse, isExact }).toEqual({
      whenTrue: value ? [[]] : [],
      whenFalse: value ? [] : [[]],
      isExact: true,
    });
  });

  test('a label that is not there is empty', () => {
    expect(truthOf('destination.labels["tier"] == ""')).toMatchObject({ whenTrue: [[]], isExact: true });
  });
});

describe('the port that is called', () => {
  test('is told from others, of connections, too', () => {
    const is = {
      attribute: 'destination-port',
      values: [{ kind: 'exact', value: '9000' }],
      isNegated: false,
    };
    expect(truthOf('destination.port == 9000')).toEqual({
      whenTrue: [[is]],
      whenFalse: [[{ ...is, isNegated: true }]],
      isExact: true,
      isAboutRequests: false,
    });
  });

  test.each(['destination.port == 0', 'destination.port == 70000'])('%s is left to a call', (text) => {
    expect(truthOf(text).isExact).toBe(false);
  });
});

describe('what a proxy cannot tell', () => {
  test('is asked for: what it can tell narrows down what about', () => {
    const truth = truthOf('request.method == "PUT" && source.labels["app"] == "b"');
    expect(truth.isExact).toBe(false);
    expect(truth.whenTrue).toEqual([
      [{ attribute: { header: ':method' }, values: [{ kind: 'exact', value: 'PUT' }], isNegated: false }],
    ]);
  });

  test('does not hide what can never be', () => {
    expect(truthOf('source.labels["app"] == "b" && destination.namespace == "x"').whenTrue).toEqual([]);
  });

  test('too many alternatives are not said', () => {
    const one = (index: number): string => `(request.method == "A${index}" || request.path == "/${index}")`;
    const text = Array.from({ length: 10 }, (_, index) => one(index)).join(' && ');
    const { whenTrue, isExact } = truthOf(text);
    expect(isExact).toBe(false);
    expect(whenTrue.length).toBeLessThanOrEqual(64);
  });
});

const leaf = fc.oneof(
  ...['request.method == "GET"', 'request.path != "/a"', 'request.path.startsWith("/a")'].map(fc.constant),
  ...['match(request.path, "*b")', 'request.headers["x"] == "1"', 'request.headers["x"] != "1"'].map(
    fc.constant,
  ),
  ...['(request.headers["x"] | "1") == "1"', '(request.headers["y"] | "") != "2"'].map(fc.constant),
  ...['destination.port == 80', '(destination.port | 0) != 80', 'destination.port == 0'].map(fc.constant),
  ...['destination.namespace == "shop"', 'destination.labels["none"] == "x"', 'true', 'false'].map(
    fc.constant,
  ),
);

const expression = fc.letrec<{ any: string; pair: string }>((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, leaf, tie('pair')),
  pair: fc
    .tuple(tie('any'), fc.constantFrom('&&', '||'), tie('any'))
    .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
})).any;

const bag = fc
  .record({
    method: fc.constantFrom('GET', 'PUT'),
    path: fc.constantFrom('/a', '/ab', '/c', '/b'),
    x: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
    y: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
    port: fc.constantFrom(80n, 8080n),
  })
  .map(({ method, path, x, y, port }): AttributeBag => {
    const headers = new Map<string, string>();
    if (x !== undefined) headers.set('x', x);
    if (y !== undefined) headers.set('y', y);
    return new Map<string, AttributeValue>([
      ['request.method', method],
      ['request.path', path],
      ['request.headers', headers],
      ['destination.namespace', 'shop'],
      ['destination.port', port],
      ['destination.labels', new Map([['app', 'web']])],
    ]);
  });

test('[MX-1] a proxy decides what the policy service would, also about what is absent', () => {
  fc.assert(
    fc.property(expression, bag, (text, attributes) => {
      const compiled = compileExpression(text, { vocabulary: istioVocabulary });
      if (!compiled.ok) throw new Error(text);
      const found = compiled.value.evaluate(sourceOf(attributes));
      const truth = truthOf(text);
      const isTrue = found.ok && found.value === true;
      const isFalse = found.ok && found.value === false;
      if (truth.isExact) {
        expect([passes(truth.whenTrue, attributes), passes(truth.whenFalse, attributes)]).toEqual([
          isTrue,
          isFalse,
        ]);
      } else {
        expect(passes(truth.whenTrue, attributes) || !isTrue).toBe(true);
        expect(passes(truth.whenFalse, attributes) || !isFalse).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});
