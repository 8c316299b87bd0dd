// What the compiler says refuses a write: at its place, with the last good value in force, and nothing else of the change.
import { parseDocuments } from '@xebec/config';
import { createGraph } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
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

test('what others go by is not deleted without them, and its users are named', () => {
  const { store, apply } = createWorld();
  const handler =
    'apiVersion: config.istio.io/v1alpha2\nkind: handler\nmetadata: { name: h }\nspec: { compiledAdapter: denier }\n';
  const instance =
    'apiVersion: config.istio.io/v1alpha2\nkind: instance\nmetadata: { name: i }\nspec: { compiledTemplate: checknothing }\n';
  const remove = (...deletes: readonly ObjectKey[]) =>
    store.apply({ deletes, author: 'ann', owner: 'api', mode: 'all-or-nothing' });
  const spare = handler.replace('name: h', 'name: spare');
  expect(
    apply('all-or-nothing', manifest('training.job'), handler, instance, spare, rule('training.job == "a"'))
      .ok,
  ).toBe(true);
  for (const key of ['attributemanifest/default/m', 'handler/default/h', 'instance/default/i'] as const) {
    const refused = remove(key);
    expect([key, refused.ok ? [] : refused.diagnostics]).toMatchObject([
      key,
      [{ code: 'in-use', origin: { object: key }, message: expect.stringContaining('rule/default/a') }],
    ]);
    expect(store.get(key)).toBeDefined();
  }
  // What the manifest no longer declares is as good as deleted.
  const without = apply('all-or-nothing', manifest('training.other'));
  expect(without.ok ? [] : without.diagnostics).toMatchObject([
    { code: 'in-use', origin: { object: 'attributemanifest/default/m' } },
  ]);
  expect(remove('handler/default/spare').ok).toBe(true);
  expect(
    remove('attributemanifest/default/m', 'handler/default/h', 'instance/default/i', 'rule/default/a').ok,
  ).toBe(true);
});

test('what was broken before is no reason to keep anything', () => {
  const { store, apply } = createWorld();
  const spare = manifest('training.spare').replace('name: m', 'name: spare');
  expect(apply('all-or-nothing', rule('"a" == "a"'), manifest('training.job'), spare).ok).toBe(true);
  const removed = store.apply({
    deletes: ['attributemanifest/default/spare'],
    author: 'ann',
    owner: 'api',
    mode: 'all-or-nothing',
  });
  expect(removed.ok).toBe(true);
});

test('what a source has no more is gone, whoever used it', () => {
  const { store } = createWorld();
  const source = (...texts: readonly string[]) =>
    store.apply({
      upserts: parseDocuments(texts.join('---\n'), 'a.yaml').objects,
      deletes: texts.length === 1 ? ['attributemanifest/default/m'] : [],
      author: 'files',
      owner: 'file:a',
      mode: 'each',
    });
  source(manifest('training.job'), rule('training.job == "a"'));
  expect(source(rule('training.job == "a"')).ok).toBe(true);
  expect(store.get('attributemanifest/default/m')).toBeUndefined();
});
