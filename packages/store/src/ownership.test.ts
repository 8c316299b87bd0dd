// A source owns what it declares; what others do to it stands until the source's own document changes.
import { expect, test } from 'vitest';
import { codesOf, createWorld, keyOfService, portOf, restart, service, unwrap } from './testing/services.ts';

const fromFile = { owner: 'file:d', author: 'files', mode: 'each' } as const;
const key = keyOfService('a');

test('a change through the API stands, also after a restart, until the document changes', () => {
  const first = createWorld();
  unwrap(first.apply({ ...fromFile, upserts: [service('a', 80)] }));
  unwrap(first.apply({ upserts: [service('a', 81)] }));
  expect(unwrap(first.apply({ ...fromFile, upserts: [service('a', 80)] })).revision).toBeUndefined();
  expect(portOf(first.store, 'a')).toBe(81);

  const second = restart(first.journal.content());
  unwrap(second.apply({ ...fromFile, upserts: [service('a', 80, { line: 30 })] }));
  expect(portOf(second.store, 'a')).toBe(81);
  expect(second.store.get(key)).toMatchObject({ owner: 'file:d', author: 'ann' });
  unwrap(second.apply({ ...fromFile, upserts: [service('a', 82)] }));
  expect(portOf(second.store, 'a')).toBe(82);
  expect(second.store.get(key)).toMatchObject({ owner: 'file:d', author: 'files' });
});

test('an object deleted through the API stays deleted, also after a restart, until the document changes', () => {
  const first = createWorld();
  unwrap(first.apply({ ...fromFile, upserts: [service('a', 80)] }));
  unwrap(first.apply({ deletes: [key] }));
  const { store, apply } = restart(first.journal.content());
  expect(store.ownedBy('file:d')).toMatchObject([{ key }]);
  for (let reading = 1; reading <= 3; reading++) {
    unwrap(apply({ ...fromFile, upserts: [service('a', 80)] }));
    expect(store.get(key)).toBeUndefined();
  }
  unwrap(apply({ ...fromFile, upserts: [service('a', 81)] }));
  expect(portOf(store, 'a')).toBe(81);
});

test('a source deletes only what is its own', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  unwrap(apply({ ...fromFile, upserts: [service('b')] }));
  unwrap(apply({ ...fromFile, deletes: [key, keyOfService('b')] }));
  expect(store.list().map((object) => object.key)).toEqual([key]);
});

test('a source takes over from the API but not from another source', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  unwrap(apply({ ...fromFile, upserts: [service('a', 81, { file: 'd/a.yaml' })] }));
  expect(store.get(key)?.owner).toBe('file:d');
  const { refused } = unwrap(
    apply({ ...fromFile, owner: 'file:e', upserts: [service('a', 82, { file: 'e/a.yaml' })] }),
  );
  expect(refused[0]?.diagnostics).toMatchObject([
    {
      code: 'owned-elsewhere',
      message: expect.stringContaining('d/a.yaml:1:1'),
      origin: { file: 'e/a.yaml' },
    },
  ]);
  expect(portOf(store, 'a')).toBe(81);
});

test('a rollback of what a file declares stands until the document changes', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ ...fromFile, upserts: [service('a', 80)] }));
  unwrap(apply({ ...fromFile, upserts: [service('a', 81)] }));
  unwrap(store.rollback(1, 'bob'));
  unwrap(apply({ ...fromFile, upserts: [service('a', 81)] }));
  expect(portOf(store, 'a')).toBe(80);
  expect(store.get(key)).toMatchObject({ owner: 'file:d', author: 'bob' });
});

test('a rollback that brings back what a file declared no more belongs to the API', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ ...fromFile, upserts: [service('a', 80)] }));
  unwrap(apply({ ...fromFile, deletes: [key] }));
  unwrap(store.rollback(1, 'bob'));
  expect(store.get(key)).toMatchObject({ owner: 'api' });
  unwrap(apply({ ...fromFile, deletes: [key] }));
  expect(portOf(store, 'a')).toBe(80);
});

test('nobody applies or deletes what the platform makes', () => {
  const { store, apply } = createWorld();
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  unwrap(store.putRuntime(manifest));
  expect(codesOf(apply({ deletes: ['Pod/default/p'] }))).toEqual(['runtime-object']);
});
