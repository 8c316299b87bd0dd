// One change is one revision: validated whole, persisted first, visible at once, or refused with nothing changed.
import { rawObject } from '@xebec/config';
import { fail } from '@xebec/std';
import { expect, test } from 'vitest';
import {
  badService,
  codesOf,
  createWorld,
  keyOfService,
  portOf,
  restart,
  service,
  unwrap,
} from './testing/services.ts';

test('a change of several objects is one revision and one epoch', () => {
  const { graph, store, apply } = createWorld();
  const epoch = graph.epoch;
  const { revision, changes } = unwrap(apply({ upserts: [service('a'), service('b')], message: 'first' }));
  expect(graph.epoch).toBe(epoch + 1);
  expect(changes.map(({ key, change }) => [key, change])).toEqual([
    ['Service/default/a', 'created'],
    ['Service/default/b', 'created'],
  ]);
  expect(revision).toMatchObject({
    number: 1,
    author: 'ann',
    owner: 'api',
    message: 'first',
    epoch: graph.epoch,
  });
  expect(revision?.time).toMatch(/^2026-01-01T00:00:0\d\.000Z$/);
  expect(store.get(keyOfService('a'))).toMatchObject({ resourceVersion: '1', generation: 1, uid: 'uid-1' });
  expect(portOf(store, 'b')).toBe(80);
});

test('resourceVersion follows every change, generation those of the spec, uid none', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  unwrap(apply({ upserts: [service('a', 81)] }));
  const labelled = service('a', 81);
  const value = structuredClone(labelled.value) as { metadata: { labels?: object } };
  value.metadata.labels = { team: 'x' };
  unwrap(apply({ upserts: [{ ...labelled, value }] }));
  expect(store.get(keyOfService('a'))).toMatchObject({ resourceVersion: '3', generation: 2, uid: 'uid-1' });
});

test('a change that changes nothing makes no revision and no epoch', () => {
  const { graph, store, apply, journal } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  const epoch = graph.epoch;
  const { revision, changes } = unwrap(apply({ upserts: [service('a', 80, { line: 7 })] }));
  expect(revision).toBeUndefined();
  expect(changes.map(({ change }) => change)).toEqual(['unchanged']);
  expect([graph.epoch, store.latest, journal.content().revisions.length]).toEqual([epoch, 1, 1]);
});

test('moved lines reach places but neither values nor revisions', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a', 80, { line: 3 })] }));
  const before = store.source('Service').get(keyOfService('a'));
  unwrap(apply({ upserts: [service('a', 80, { line: 9 })] }));
  expect(store.locate(keyOfService('a'), 'spec.ports[0]')).toEqual({
    ...{ file: 'a.yaml', line: 12, column: 3 },
    ...{ object: 'Service/default/a', revision: 1 },
  });
  expect(store.locate(keyOfService('a'))).toMatchObject({ file: 'a.yaml', line: 9, column: 1 });
  expect(store.source('Service').get(keyOfService('a'))).toBe(before);
  expect(store.locate(keyOfService('nobody'))).toBeUndefined();
});

test('all or nothing: one bad object refuses the change with all diagnostics', () => {
  const { store, apply, journal } = createWorld();
  const refused = apply({ upserts: [service('a'), badService('b'), badService('c')] });
  expect(refused.ok).toBe(false);
  expect(!refused.ok && refused.diagnostics.map(({ origin }) => origin?.object)).toEqual([
    'Service/default/b',
    'Service/default/c',
  ]);
  expect([store.latest, store.list().length, journal.content().revisions.length]).toEqual([0, 0, 0]);
  expect(store.verdicts()).toEqual([]);
});

test('each: a bad object keeps its last good value and gets a verdict, the rest goes on', () => {
  const { store, apply } = createWorld();
  const change = { mode: 'each', owner: 'file:d' } as const;
  unwrap(apply({ ...change, upserts: [service('a', 80), service('b', 80)] }));
  const { refused } = unwrap(apply({ ...change, upserts: [badService('a', { line: 5 }), service('b', 90)] }));
  expect(refused).toHaveLength(1);
  expect([portOf(store, 'a'), portOf(store, 'b')]).toEqual([80, 90]);
  expect(store.verdicts()).toMatchObject([
    { key: 'Service/default/a', origin: { line: 5 }, owner: 'file:d' },
  ]);
  expect(store.status(keyOfService('a'))).toMatchObject({ accepted: false, lastGood: '1' });
  expect(store.status(keyOfService('b'))).toEqual({ accepted: true, generation: 2, resourceVersion: '2' });

  unwrap(apply({ ...change, upserts: [service('a', 80)] }));
  expect(store.verdicts()).toEqual([]);
  expect(store.latest).toBe(2);
});

test('the verdict of an object that was never good ends with its document', () => {
  const { store, apply } = createWorld();
  const change = { mode: 'each', owner: 'file:d' } as const;
  unwrap(apply({ ...change, upserts: [badService('a')] }));
  expect(store.status(keyOfService('a'))).toMatchObject({ accepted: false });
  unwrap(apply({ ...change, deletes: [keyOfService('a')] }));
  expect(store.status(keyOfService('a'))).toBeUndefined();
  expect(store.latest).toBe(0);
});

test('one object written twice in a change is an error that names both places', () => {
  const { store, apply } = createWorld();
  const upserts = [service('a', 80, { line: 1 }), service('a', 81, { file: 'b.yaml', line: 4 })];
  const refused = apply({ upserts });
  expect(!refused.ok && refused.diagnostics).toMatchObject([
    {
      code: 'duplicate-object',
      message: expect.stringContaining('a.yaml:1:1'),
      origin: { file: 'b.yaml', line: 4 },
    },
  ]);
  unwrap(apply({ upserts, mode: 'each' }));
  expect(portOf(store, 'a')).toBe(80);
  expect(store.status(keyOfService('a'))).toMatchObject({ accepted: true });
});

test('documents that do not say what they are are refused at their place', () => {
  const { apply } = createWorld();
  const origin = { file: 'x.yaml', line: 2 };
  expect(codesOf(apply({ upserts: [rawObject('text', origin)] }))).toEqual(['wrong-type']);
  expect(codesOf(apply({ upserts: [rawObject({ apiVersion: 'v9', kind: 'Cat' }, origin)] }))).toEqual([
    'unknown-kind',
  ]);
  const nameless = { apiVersion: 'v1', kind: 'Service', metadata: {}, spec: { ports: [{ port: 1 }] } };
  expect(codesOf(apply({ upserts: [rawObject(nameless, origin)] }))).toEqual(['missing-field']);
});

test('a dry run says what would happen and does not do it', () => {
  const { store, apply } = createWorld();
  const { changes, revision } = unwrap(apply({ upserts: [service('a')], dryRun: true }));
  expect(changes).toMatchObject([{ key: 'Service/default/a', change: 'created' }]);
  expect([revision, store.latest, store.list().length]).toEqual([undefined, 0, 0]);
});

test('optimistic concurrency: by request and by the version in the manifest', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  unwrap(apply({ upserts: [service('a', 81)] }));
  const key = keyOfService('a');
  const refused = apply({ upserts: [service('a', 82)], expected: { [key]: '1' } });
  expect(!refused.ok && refused.diagnostics).toMatchObject([
    { code: 'conflict', message: expect.stringMatching(/version 1.*version 2/) },
  ]);
  expect(codesOf(apply({ upserts: [service('a', 82)], expected: { [key]: '' } }))).toEqual(['conflict']);
  expect(codesOf(apply({ deletes: [key], expected: { [key]: '1' } }))).toEqual(['conflict']);

  const edited = structuredClone(service('a', 83).value) as { metadata: { resourceVersion?: string } };
  edited.metadata.resourceVersion = '1';
  expect(codesOf(apply({ upserts: [rawObject(edited, {})] }))).toEqual(['conflict']);
  edited.metadata.resourceVersion = '2';
  unwrap(apply({ upserts: [rawObject(edited, {})] }));
  expect(store.get(key)?.manifest['metadata']).toEqual({ name: 'a', namespace: 'default' });
  unwrap(apply({ deletes: [key], expected: { [key]: '3' } }));
});

test('deleting what is not there is refused, or passed over in mode each', () => {
  const { apply } = createWorld();
  expect(codesOf(apply({ deletes: [keyOfService('a')] }))).toEqual(['not-found']);
  expect(apply({ deletes: [keyOfService('a')], mode: 'each' }).ok).toBe(true);
  expect(codesOf(apply({ upserts: [service('a')], deletes: [keyOfService('a')] }))).toEqual([
    'conflicting-change',
  ]);
});

test('when the journal refuses nothing changes, and later it works again', () => {
  const full = { severity: 'error', code: 'disk-full', message: 'no space' } as const;
  let isFull = true;
  const { graph, store, apply } = createWorld({
    journal: {
      append: () => (isFull ? fail(full) : { ok: true, value: undefined, warnings: [] }),
      rewrite: () => fail(full),
    },
  });
  const epoch = graph.epoch;
  expect(apply({ upserts: [service('a')] })).toEqual(fail(full));
  expect([store.latest, store.list().length, graph.epoch]).toEqual([0, 0, epoch]);
  isFull = false;
  expect(unwrap(apply({ upserts: [service('a')] })).revision?.number).toBe(1);
});

test('the journal is written before anyone sees the change', () => {
  const seen: string[] = [];
  const world = createWorld({
    journal: {
      append: () => {
        seen.push('journal');
        return { ok: true, value: undefined, warnings: [] };
      },
      rewrite: () => fail(),
    },
  });
  world.graph.watch(world.store.source('Service'), () => seen.push('graph'));
  world.store.watch(() => seen.push('watcher'));
  unwrap(world.apply({ upserts: [service('a')] }));
  expect(seen).toEqual(['journal', 'graph', 'watcher']);
});

test('a restart brings back objects, bookkeeping and history', () => {
  const before = createWorld();
  unwrap(before.apply({ upserts: [service('a'), service('b')] }));
  unwrap(before.apply({ upserts: [service('a', 81)], deletes: [keyOfService('b')] }));
  const after = restart(before.journal.content());
  expect(after.store.list()).toEqual(before.store.list());
  expect(after.store.source('Service').get(keyOfService('a'))).toEqual(
    before.store.source('Service').get(keyOfService('a')),
  );
  const withoutEpoch = before.store.history().map(({ epoch: _epoch, ...revision }) => revision);
  expect(after.store.history()).toEqual(withoutEpoch);
  expect(after.store.locate(keyOfService('a'), 'spec.ports[0]')).toMatchObject({
    file: 'a.yaml',
    line: 1,
    revision: 2,
  });
});

test('an object that is not valid any more after a restart is kept, reported and not used', () => {
  const before = createWorld();
  unwrap(before.apply({ upserts: [service('a'), service('b')] }));
  const content = JSON.parse(JSON.stringify(before.journal.content()).replace('"port":80', '"port":-1'));
  const { store, apply } = restart(content);
  expect(portOf(store, 'a')).toBeUndefined();
  expect(portOf(store, 'b')).toBe(80);
  expect(store.list()).toHaveLength(2);
  expect(store.status(keyOfService('a'))).toMatchObject({ accepted: false });
  unwrap(apply({ upserts: [service('a', 82)] }));
  expect(portOf(store, 'a')).toBe(82);
  expect(store.status(keyOfService('a'))).toMatchObject({ accepted: true });
});

test('prototype words are names like any others, also after a restart', () => {
  const before = createWorld();
  const value = JSON.parse(
    '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"constructor","namespace":"default"},"stringData":{"__proto__":"x","constructor":"y","prototype":"z"}}',
  );
  unwrap(before.apply({ upserts: [rawObject(value, {})] }));
  const after = restart(before.journal.content());
  for (const { store, apply } of [before, after]) {
    const secret = store.source('Secret').get('Secret/default/constructor');
    expect(Object.keys(secret?.spec.data ?? {}).sort()).toEqual(['__proto__', 'constructor', 'prototype']);
    expect(JSON.stringify(store.get('Secret/default/constructor')?.manifest)).toContain('"__proto__":"x"');
    expect(unwrap(apply({ upserts: [rawObject(value, {})] })).revision).toBeUndefined();
  }
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});
