// Any plain data is an object or is refused with a place; objects print to what they were read from.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kindOf, kinds, objectKey, resolveKindName } from '../kinds/registry.ts';
import { listExamples } from '../testing/corpus.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';
import { toManifest, toYaml } from './manifest.ts';
import { parseObject } from './parse-object.ts';
import { rawObject } from './raw-object.ts';

const options = { defaultNamespace: 'default' };
const judge = (value: unknown) => parseObject(rawObject(value, { file: 'f' }), options);

describe('kinds', () => {
  test.each([
    ['vs', 'VirtualService'],
    ['virtualservices', 'VirtualService'],
    ['VirtualService', 'VirtualService'],
    ['virtualservices.networking.istio.io', 'VirtualService'],
    ['deploy', 'Deployment'],
    ['po', 'Pod'],
    ['we', 'WorkloadEntry'],
    ['nonsense', undefined],
    ['__proto__', undefined],
    ['constructor', undefined],
  ])('%s is %s', (word, kind) => expect(resolveKindName(word)).toBe(kind));

  test('have versions', () => {
    for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
      expect(kindOf(`networking.istio.io/${version}`, 'Gateway')?.kind).toBe('Gateway');
    }
    expect(kindOf('gateway.networking.k8s.io/v1', 'Gateway')).toBeUndefined();
    expect(kindOf('v1', 'Service')?.plural).toBe('services');
    expect(objectKey('Namespace', '', 'a')).toBe('Namespace//a');
  });

  test.each([
    [
      { apiVersion: 'v1', kind: 'Sevrice', metadata: { name: 'a' } },
      'unknown-kind',
      'did you mean "Service"?',
    ],
    [{ apiVersion: 'v1', kind: 'ReplicaSet', metadata: { name: 'a' } }, 'unknown-kind', 'kinds known here'],
    [{ apiVersion: 'networking.istio.io/v2', kind: 'Gateway' }, 'unknown-version', 'networking.istio.io/v1'],
    [
      { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' },
      'unknown-kind',
      'networking.istio.io/v1',
    ],
    [{ kind: 'Gateway' }, 'missing-field', 'apiVersion'],
    [{ apiVersion: 'v1' }, 'missing-field', 'kind'],
    [{ apiVersion: 1, kind: [] }, 'missing-field', 'apiVersion'],
    [[1], 'wrong-type', 'apiVersion'],
    [null, 'wrong-type', 'apiVersion'],
  ])('%j is refused', (value, code, remedy) => {
    const result = judge(value);
    if (result.ok) throw new Error('taken');
    expect(result.diagnostics).toHaveLength(1);
    expect(result.diagnostics[0]).toMatchObject({ code, severity: 'error' });
    expect(result.diagnostics[0]?.remedy).toContain(remedy);
  });
});

describe('manifests', () => {
  test('say their namespace, and give the same object again', () => {
    for (const { text, file } of listExamples('valid')) {
      for (const raw of parseDocuments(text, file).objects) {
        const first = parseObject(raw, options);
        if (!first.ok) throw new Error('refused');
        const manifest = toManifest(first.value);
        const again = parseObject(rawObject(JSON.parse(JSON.stringify(manifest)), {}), {
          defaultNamespace: 'other',
        });
        if (!again.ok) throw new Error('refused again');
        expect(again.value.metadata).toEqual(first.value.metadata);
        expect(again.value.spec).toEqual(first.value.spec);
        expect(parse(toYaml(manifest))).toEqual(manifest);
      }
    }
  });

  test('quote what other tools would misread', () => {
    const manifest = { a: 'yes', b: '017', c: '1_000', d: 'null', e: '80', f: 'x: y', g: 'multi\nline' };
    const text = toYaml(manifest);
    expect(text).toBe(
      'a: "yes"\nb: "017"\nc: "1_000"\nd: "null"\ne: "80"\nf: "x: y"\ng: |-\n  multi\n  line\n',
    );
  });
});

describe('dangerous keys', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString'])(
    '%s is data or an unknown field',
    (key) => {
      const text = `
apiVersion: v1
kind: Service
metadata: {name: a, labels: {"${key}": x}, annotations: {"${key}": y}}
spec: {selector: {"${key}": x}, ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [a]
  ${key}: {}
  http: [{match: [{headers: {"${key}": {exact: x}}, queryParams: {"${key}": {}}}], headers: {request: {set: {"${key}": x}}}, route: [{destination: {host: a}}]}]
---
apiVersion: ${key}
kind: ${key}
`;
      for (const raw of parseDocuments(text, 'f').objects) {
        const result = parseObject(raw, options);
        if (result.ok && result.value.kind === 'Service') {
          expect(Object.keys(result.value.spec.selector)).toEqual([key]);
          expect(Object.keys(result.value.metadata.labels)).toEqual([key]);
          expect(Object.keys(Object(toManifest(result.value)['spec']))).toEqual(['selector', 'ports']);
        }
        if (!result.ok) expect(result.diagnostics.every(({ message }) => message.length < 300)).toBe(true);
      }
      expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('x');
      expect(Reflect.get({}, 'exact')).toBeUndefined();
    },
  );
});

describe('any data', () => {
  const words = fc.constantFrom(
    'apiVersion',
    'kind',
    'metadata',
    'name',
    'spec',
    'hosts',
    'http',
    'match',
    'route',
  );
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0,
      2 ** 53,
      '__proto__',
      '',
      '\0',
      '('.repeat(200),
    ),
    fc.string({ unit: 'binary', maxLength: 300 }),
  );
  const examples = listExamples('valid').flatMap(({ text, file }) => parseDocuments(text, file).objects);

  /** A copy of `value` in which the `at`-th node is replaced by, removed or wrapped with something else. */
  function mutate(value: unknown, state: { at: number; odd: unknown; how: number; word: string }): unknown {
    if (state.at-- === 0) {
      if (state.how === 0) return state.odd;
      if (state.how === 1) return [value, value, state.odd];
      if (state.how === 2) return { [state.word]: value };
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item) => mutate(item, state));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutate(item, state)]));
  }

  const mutation = fc.record({ at: fc.nat(60), odd, how: fc.nat(3), word: words });

  test('never throws, and says where it is wrong', () => {
    fc.assert(
      fc.property(
        fc.nat(examples.length - 1),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (index, steps) => {
          const broken = steps.reduce<unknown>(
            (value, step) => mutate(value, { ...step }),
            examples[index]?.value,
          );
          const result = judge(broken);
          if (result.ok) return;
          expect(result.diagnostics.length).toBeGreaterThan(0);
          expect(result.diagnostics.length).toBeLessThanOrEqual(210);
          for (const { message, code } of result.diagnostics) {
            expect(code).toMatch(/^[a-z0-9-]+$/);
            expect(message.length).toBeLessThan(1_000);
            expect(message).not.toMatch(/[\p{Cc}]/u);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('as bytes never throws', () => {
    const texts = listExamples('valid').map(({ text }) => text);
    const edit = fc.tuple(fc.nat(4_000), fc.nat(20), fc.string({ unit: 'binary', maxLength: 8 }));
    fc.assert(
      fc.property(fc.nat(texts.length - 1), fc.array(edit, { maxLength: 4 }), (index, edits) => {
        const broken = edits.reduce(
          (text, [at, length, added]) => text.slice(0, at) + added + text.slice(at + length),
          texts[index] ?? '',
        );
        const parsed = parseDocuments(broken, 'f');
        for (const raw of parsed.objects) parseObject(raw, options);
        for (const { origin } of parsed.diagnostics) expect(origin?.line).toBeGreaterThan(0);
      }),
      { numRuns: 400 },
    );
  });

  test('every kind takes its own version only', () => {
    for (const { kind, group, versions } of kinds) {
      const apiVersion = group === '' ? `${versions[0]}x` : `${group}/${versions[0]}x`;
      expect(judge({ apiVersion, kind, metadata: { name: 'a' } }).ok).toBe(false);
    }
  });
});
