// Watchers see each transaction once, can come back where they left, and runtime objects are events without history.
import { expect, test } from 'vitest';
import { codesOf, createWorld, keyOfService, service, startMs, unwrap } from './testing/services.ts';
import type { WatchEvent } from './types.ts';

const pod = (labels: Record<string, string>, status: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', labels },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status,
});

const shape = ({ revision, changes }: WatchEvent) => [
  revision,
  changes.map(({ type, key }) => `${type} ${key}`),
];

test('one event per transaction, with the object set or lost', () => {
  const { store, apply } = createWorld();
  const events: WatchEvent[] = [];
  const watch = unwrap(store.watch((event) => events.push(event)));
  unwrap(apply({ upserts: [service('a'), service('b')] }));
  unwrap(apply({ upserts: [service('a')] }));
  unwrap(apply({ deletes: [keyOfService('b')] }));
  watch[Symbol.dispose]();
  unwrap(apply({ deletes: [keyOfService('a')] }));
  expect(events.map(shape)).toEqual([
    [1, ['set Service/default/a', 'set Service/default/b']],
    [2, ['delete Service/default/b']],
  ]);
  expect(events[1]?.changes[0]?.object.manifest).toMatchObject({ metadata: { name: 'b' } });
});

test('a watch goes on where a list was, or is told that this is too long ago', () => {
  const { store, apply } = createWorld({ watchLimit: 3 });
  const versions = [store.version];
  for (let port = 1; port <= 5; port++) {
    unwrap(apply({ upserts: [service('a', port)] }));
    versions.push(store.version);
  }
  const revisionsSince = (since: string) => {
    const seen: (number | undefined)[] = [];
    const watch = store.watch(({ revision }) => seen.push(revision), since);
    if (watch.ok) watch.value[Symbol.dispose]();
    return watch.ok ? seen : codesOf(watch);
  };
  expect(versions.map(revisionsSince)).toEqual([['expired'], ['expired'], [3, 4, 5], [4, 5], [5], []]);
  for (const since of ['', 'x', '1', '-1', String(startMs * 2_000)])
    expect(revisionsSince(since)).toEqual(['expired']);
});

test('a watcher that throws does not keep the event from the others', () => {
  const { store, apply } = createWorld();
  let seen = 0;
  unwrap(
    store.watch(() => {
      throw new Error('bug');
    }),
  );
  unwrap(store.watch(() => seen++));
  expect(() => apply({ upserts: [service('a')] })).toThrow('store watcher');
  expect([seen, store.latest]).toEqual([1, 1]);
});

test('runtime objects flow without revisions, and a status that says nothing new reaches no transform', () => {
  const { graph, store, journal } = createWorld();
  const events: WatchEvent[] = [];
  unwrap(store.watch((event) => events.push(event)));
  const first = unwrap(store.putRuntime(pod({ app: 'a' }, { podIP: '127.0.0.2', phase: 'Running' })));
  const value = store.source('Pod').get('Pod/default/p');
  expect(value?.spec.status.podIP).toBe('127.0.0.2');
  const epoch = graph.epoch;

  const status = { podIP: '127.0.0.2', phase: 'Running', conditions: [{ type: 'Weather', status: 'True' }] };
  const second = unwrap(store.putRuntime(pod({ app: 'a' }, status)));
  expect(store.source('Pod').get('Pod/default/p')).toBe(value);
  expect(graph.epoch).toBe(epoch);
  expect(Number(second.resourceVersion)).toBeGreaterThan(Number(first.resourceVersion));
  expect([second.uid, second.generation]).toEqual([first.uid, 1]);

  unwrap(store.putRuntime(pod({ app: 'a' }, status)));
  expect(events.map(shape)).toEqual([
    [undefined, ['set Pod/default/p']],
    [undefined, ['set Pod/default/p']],
  ]);
  unwrap(store.putRuntime(pod({ app: 'b' }, status)));
  expect(graph.epoch).toBe(epoch + 1);
  expect(store.deleteRuntime('Pod/default/p')).toBe(true);
  expect(store.deleteRuntime('Pod/default/p')).toBe(false);
  expect([store.source('Pod').size, store.latest, journal.content().revisions.length]).toEqual([0, 0, 0]);
});

test('only kinds of the platform are runtime objects, and names are not taken from others', () => {
  const { store, apply } = createWorld();
  expect(codesOf(store.putRuntime({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } }))).toEqual([
    'not-a-runtime-kind',
  ]);
  expect(codesOf(store.putRuntime({}))).toEqual(['unidentified-object']);
  unwrap(apply({ upserts: [{ ...service('p'), value: pod({}) }] }));
  expect(codesOf(store.putRuntime(pod({})))).toEqual(['owned-elsewhere']);
  expect(store.deleteRuntime('Pod/default/p')).toBe(false);
});
