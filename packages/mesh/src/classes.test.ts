// Classes of clients: only mentioned labels divide them, and they see something else only where a rule says so.
import type { Layered } from '@xebec/model';
import { beforeEach, expect, test } from 'vitest';
import { createMesh, type MeshFixture } from './testing/mesh-fixture.ts';
import { destinationRule, forward, onPrefix, proxy, service, virtualService } from './testing/objects.ts';

const host = 'app.a.svc.cluster.local';
const keysOf = (collection: { keys(): IterableIterator<string> }) => [...collection.keys()].sort();

let mesh: MeshFixture;
beforeEach(() => {
  mesh = createMesh();
  mesh.put(service('a/app'));
  mesh.connect(
    proxy('a/web', { id: 'web', labels: { app: 'web', version: 'v1' } }),
    proxy('a/shop', { id: 'shop', labels: { app: 'shop' } }),
    proxy('b/web', { id: 'far', labels: { app: 'web' } }),
  );
});

const layersOf = (id: string) => mesh.mesh.clientLayers.get(id);
const forWeb = (exportTo: readonly string[] = ['*']) =>
  virtualService('a/app', {
    hosts: ['app'],
    exportTo,
    http: [
      forward(['app/v2'], { matches: [{ ...onPrefix('/'), sourceLabels: { app: 'web' } }] }),
      forward(['app/v1']),
    ],
  });
const subsetsAt = (key: Layered<string>) =>
  mesh.mesh.routeTables.get(key)?.rules.map(({ action, matches }) => ({
    to: action.kind === 'forward' ? action.destinations.map(({ subset }) => subset).join() : action.kind,
    matches: matches.length,
  }));

test('without selectors there are no classes', () => {
  expect(layersOf('web')).toEqual(['ns:a', '*']);
});

test('clients that hold a mentioned label are a class of their namespace', () => {
  mesh.put(forWeb());
  expect(layersOf('web')).toEqual(['class:a/app=web', 'ns:a', '*']);
  expect(layersOf('far')).toEqual(['class:b/app=web', 'ns:b', '*']);
  expect(layersOf('shop')).toEqual(['ns:a', '*']);
});

test('a match on labels holds for the class and vanishes for everybody else', () => {
  mesh.put(forWeb());
  expect(keysOf(mesh.mesh.routeTables)).toEqual([
    `*|${host}`,
    `class:a/app=web|${host}`,
    `class:b/app=web|${host}`,
  ]);
  expect(subsetsAt(`*|${host}`)).toEqual([{ to: 'v1', matches: 0 }]);
  expect(subsetsAt(`class:a/app=web|${host}`)).toEqual([
    { to: 'v2', matches: 1 },
    { to: 'v1', matches: 0 },
  ]);
});

test('labels that only a rule of another namespace mentions, for itself, divide nobody', () => {
  mesh.put(forWeb(['b']));
  expect(layersOf('web')).toEqual(['ns:a', '*']);
  expect(layersOf('far')).toEqual(['class:b/app=web', 'ns:b', '*']);
});

test('all labels of a match must be held', () => {
  mesh.put(
    virtualService('a/app', {
      hosts: ['app'],
      http: [
        forward(['app/v2'], {
          matches: [{ ...onPrefix('/'), sourceLabels: { app: 'shop', version: 'v1' } }],
        }),
      ],
    }),
  );
  expect(layersOf('shop')).toEqual(['class:a/app=shop', 'ns:a', '*']);
  expect(keysOf(mesh.mesh.routeTables)).toEqual([`*|${host}`]);
});

test('a class that nobody is in any more is gone, with what was its own', () => {
  mesh.put(forWeb());
  mesh.connect(proxy('a/web', { id: 'web', labels: { app: 'other' } }));
  expect(keysOf(mesh.mesh.routeTables)).toEqual([`*|${host}`, `class:b/app=web|${host}`]);
});

test('a DestinationRule that selects clients is for them alone, in its own namespace, and stands alone there', () => {
  mesh.put(
    destinationRule('a/all', { host: 'app', subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
    destinationRule('a/web', {
      host: 'app',
      workloadSelector: { app: 'web' },
      trafficPolicy: { connectionPool: { maxConnections: 7 }, portLevelSettings: [] },
    }),
  );
  const { destinations } = mesh.mesh;
  expect(keysOf(destinations)).toEqual([`*|${host}`, `class:a/app=web|${host}`]);
  expect(destinations.get(`*|${host}`)?.subsets.map(({ name }) => name)).toEqual(['v1']);
  expect(destinations.get(`class:a/app=web|${host}`)).toMatchObject({
    subsets: [],
    policy: { connectionPool: { maxConnections: 7 } },
  });
  expect(layersOf('far')).toEqual(['ns:b', '*']);
  expect(keysOf(mesh.mesh.conflicts)).toEqual([]);
});

test('a rule that mentions known labels changes no client, whoever else holds them', () => {
  mesh.put(forWeb());
  const runs = mesh.runsOf(() =>
    mesh.put(destinationRule('a/web', { host: 'app', workloadSelector: { app: 'web' } })),
  );
  expect(runs['mesh.clientLayers']).toBeUndefined();
  expect(runs['mesh.routeTables']).toBeUndefined();
});
