// Revisions say what changed; earlier states can be seen and restored; old ones are forgotten, the present never.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Manifest } from './journal.ts';
import { diffRevision } from './revision-diff.ts';
import {
  codesOf,
  createWorld,
  keyOfService,
  portOf,
  restart,
  service,
  unwrap,
  type World,
} from './testing/services.ts';

test('history shows before and after, newest first', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a'), service('b')] }));
  unwrap(apply({ upserts: [service('a', 81)], deletes: [keyOfService('b')], author: 'bob' }));
  expect(store.history().map(({ number, author }) => [number, author])).toEqual([
    [2, 'bob'],
    [1, 'ann'],
  ]);
  expect(store.history({ limit: 1 })).toHaveLength(1);
  expect(store.revision(2)?.changes).toMatchObject([
    { key: keyOfService('a'), change: 'configured', before: { spec: {} }, after: { spec: {} } },
    { key: keyOfService('b'), change: 'deleted', before: { spec: {} } },
  ]);
  expect(store.revision(3)).toBeUndefined();
});

test('the diff of a revision is a unified diff of YAML', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  const { revision } = unwrap(apply({ upserts: [service('a', 81)] }));
  expect(revision === undefined ? '' : diffRevision(revision)).toBe(
    [
      '--- Service/default/a',
      '+++ Service/default/a',
      '@@ -6,4 +6,4 @@',
      ' spec:',
      '   ports:',
      '     - name: http',
      '-      port: 80',
      '+      port: 81',
    ].join('\n'),
  );
  const deleted = unwrap(apply({ deletes: [keyOfService('a')] })).revision;
  expect(deleted === undefined ? '' : diffRevision(deleted)).toContain(
    '+++ /dev/null\n@@ -1,9 +0,0 @@\n-apiVersion',
  );
  expect(store.latest).toBe(3);
});

test('the contents of Secrets are never shown in a diff', () => {
  const { apply } = createWorld();
  const secret = (password: string) => ({
    ...service('s'),
    value: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 's',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `"${password}"` },
      },
      stringData: { user: 'ann', password },
    },
  });
  unwrap(apply({ upserts: [secret('hunter2')] }));
  const { revision } = unwrap(apply({ upserts: [secret('hunter3')] }));
  const diff = revision === undefined ? '' : diffRevision(revision);
  expect(diff).not.toContain('hunter');
  expect(diff).toContain('-  password: (hidden)\n+  password: (hidden, changed)');
});

test('rollback is a new revision that restores the state after an earlier one', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a'), service('b')] }));
  unwrap(apply({ upserts: [service('a', 81), service('c')], deletes: [keyOfService('b')] }));
  const { revision } = unwrap(store.rollback(1, 'bob'));
  expect(revision).toMatchObject({ number: 3, author: 'bob', message: 'rollback to revision 1' });
  expect(store.list().map(({ key }) => key)).toEqual([keyOfService('a'), keyOfService('b')]);
  expect(portOf(store, 'a')).toBe(80);
  expect(unwrap(store.rollback(3, 'bob')).revision).toBeUndefined();
  expect(unwrap(store.rollback(0, 'bob')).revision?.changes).toHaveLength(2);
  expect(codesOf(store.rollback(9, 'bob'))).toEqual(['unknown-revision']);
  expect(codesOf(store.rollback(-1, 'bob'))).toEqual(['unknown-revision']);
  expect(codesOf(store.rollback(0.5, 'bob'))).toEqual(['unknown-revision']);
});

test('old revisions are forgotten, and the journal shrinks with them', () => {
  const { store, apply, journal } = createWorld({ historyLimit: 5 });
  for (let port = 1; port <= 23; port++)
    unwrap(apply({ upserts: [service('a', port), service(`s${port}`)] }));
  expect(store.history().map(({ number }) => number)).toEqual([23, 22, 21, 20, 19]);
  expect(codesOf(store.objectsAt(17))).toEqual(['unknown-revision']);
  expect(unwrap(store.objectsAt(18)).size).toBe(19);
  expect(journal.content().revisions.length).toBeLessThanOrEqual(10);
  const after = restart(journal.content(), { historyLimit: 5 });
  expect(after.store.list()).toEqual(store.list());
  expect(unwrap(after.store.objectsAt(18))).toEqual(unwrap(store.objectsAt(18)));
});

const names = ['a', 'b', 'c', 'd'];
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('apply' as const),
      upserts: fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.integer({ min: -1, max: 3 })), {
        selector: ([name]) => name,
      }),
      deletes: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
      mode: fc.constantFrom('all-or-nothing' as const, 'each' as const),
      owner: fc.constantFrom('api' as const, 'file:d' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback' as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

const stateOf = ({ store }: World): Record<string, Manifest> =>
  Object.fromEntries(store.list().map(({ key, manifest }) => [key, manifest]));

test('random histories: the sources hold the final state, and each past state is as it was recorded', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let world = createWorld({ historyLimit: 10 });
      const recorded = [stateOf(world)];
      for (const next of steps) {
        if (next.kind === 'apply') {
          const { mode, owner } = next;
          const upserts = next.upserts.map(([name, port]) => service(name, port));
          world.apply({ mode, owner, upserts, deletes: next.deletes.map(keyOfService) });
        } else if (next.kind === 'rollback') {
          const target = Math.max(0, world.store.latest - next.back);
          unwrap(world.store.rollback(target, 'bob'));
          expect(stateOf(world)).toEqual(recorded[target]);
        } else world = restart(world.journal.content(), { historyLimit: 10 });
        const known = recorded.length === world.store.latest + 1;
        if (known) expect(stateOf(world)).toEqual(recorded.at(-1));
        else recorded.push(stateOf(world));
        expect(recorded).toHaveLength(world.store.latest + 1);
      }
      for (const { number } of world.store.history()) {
        expect(Object.fromEntries(unwrap(world.store.objectsAt(number)))).toEqual(recorded[number]);
      }
      const fromScratch = createWorld();
      const final = world.store
        .list()
        .map(({ key }) => service(key.split('/')[2] ?? '', portOf(world.store, key.split('/')[2] ?? '')));
      unwrap(fromScratch.apply({ upserts: final }));
      const contents = ({ store }: World) => new Map(store.source('Service').entries());
      expect(contents(world)).toEqual(contents(fromScratch));
    }),
    { numRuns: 300 },
  );
});
