// What the compiler says refuses a write: at its place, with the last good value in force, and nothing else of the change.
import { parseDocuments } from '@xebec/config';
import { createGraph } from '@xebec/flow';
import { createMemoryJournal, createStore } from '@xebec/store';
import { expect, test } from 'vitest';
import { checkPolicy } from './check-policy.ts';

const rule = (match: string): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: { name: a }\nspec:\n  match: ${match}\n  actions: [{ handler: h, instances: [i] }]\n`;
const manifest = (name: string, type = 'STRING'): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: attributemanifest\nmetadata: { name: m }\nspec: { attributes: { ${name}: { valueType: ${type} } } }\n`;

function createWorld() {
  const store = createStore({
    graph: createGraph(),
    clock: Date.now,
    journal: createMemoryJournal(),
    checkTogether: checkPolicy,
  });
  const apply = (mode: 'each' | 'all-or-nothing', ...texts: readonly string[]) =>
    store.apply({
      upserts: parseDocuments(texts.join('---\n'), 'a.yaml').objects,
      author: 'ann',
      owner: 'api',
      mode,
    });
  const match = (): string | undefined => store.source('rule').get('rule/default/a')?.spec.match;
  return { store, apply, match };
}

test('an attribute that nobody declares is refused with its place, and the last good value stands', () => {
  const { apply, match } = createWorld();
  expect(apply('all-or-nothing', rule('request.path == "/a"')).ok).toBe(true);
  const refused = apply('all-or-nothing', rule('request.path == "/b" && request.pth == "/"'));
  expect(refused.ok ? [] : refused.diagnostics).toMatchObject([
    {
      code: 'unknown-attribute',
      field: 'spec.match',
      origin: { file: 'a.yaml', line: 5, object: 'rule/default/a' },
      message: expect.stringContaining('column 25'),
    },
  ]);
  expect(match()).toBe('request.path == "/a"');
});

test('it is good beside its manifest, and both come or neither', () => {
  const { apply, match } = createWorld();
  const both = [manifest('training.job'), rule('training.job == "a"')];
  expect(apply('all-or-nothing', ...both).ok).toBe(true);
  expect(match()).toBe('training.job == "a"');
  expect(apply('all-or-nothing', manifest('training.job', 'INT64'), rule('training.job == "b"')).ok).toBe(
    false,
  );
  expect(match()).toBe('training.job == "a"');
});

test('where each object counts, what depends on a refused one is refused with it, and the rest is taken', () => {
  const { apply, store, match } = createWorld();
  const taken = apply(
    'each',
    manifest('request.path', 'INT64').replace('name: m', 'name: bad'),
    manifest('training.share', 'DOUBLE'),
    rule('training.share == "a"'),
  );
  expect(taken.ok && taken.value.refused.map(({ key }) => key)).toEqual([
    'attributemanifest/default/bad',
    'rule/default/a',
  ]);
  expect(match()).toBeUndefined();
  expect(store.get('attributemanifest/default/m')).toBeDefined();
  expect(store.status('rule/default/a')).toMatchObject({ accepted: false });
});

test('what is named and not there yet may come later', () => {
  const { apply } = createWorld();
  const outside =
    'apiVersion: config.istio.io/v1alpha2\nkind: handler\nmetadata: { name: h }\nspec: { adapter: keyval, connection: { address: "a:1" } }\n';
  expect(apply('all-or-nothing', outside, rule('"true" == "true"')).ok).toBe(true);
  const wrong = outside.replace(/spec:.*/, 'spec: { compiledAdapter: deneir }');
  const refused = apply('all-or-nothing', wrong);
  expect(refused.ok ? [] : refused.diagnostics.map(({ code, field }) => [code, field])).toEqual([
    ['unknown-adapter', 'spec.compiledAdapter'],
  ]);
});

test('requests of pools and attributes of APIs are checked, too', () => {
  const { apply } = createWorld();
  const api =
    'apiVersion: config.istio.io/v1alpha2\nkind: HTTPAPISpec\nmetadata: { name: a }\nspec: { attributes: { attributes: { api.nothing: { stringValue: a } } } }\n';
  const refused = apply('all-or-nothing', api);
  expect(refused.ok ? [] : refused.diagnostics.map(({ code }) => code)).toEqual(['unknown-attribute']);
  expect(apply('all-or-nothing', api.replace('nothing', 'service')).ok).toBe(true);
});
