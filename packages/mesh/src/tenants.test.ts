// The tenant matrix: what one namespace writes changes no other namespace's traffic, unless it is exported in so many words.
import type { ObjectOf } from '@xebec/config';
import { describe, expect, test } from 'vitest';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { destinationRule, forward, proxy, service, serviceEntry, virtualService } from './testing/objects.ts';

const host = 'bank.b.svc.cluster.local';
const settings = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
};

/** Whose rules each namespace's clients follow for b's service, with what an object of namespace a adds. */
function seenWith(foreign: MeshObject, options: { readonly exportTo?: readonly string[] } = {}) {
  const { mesh, put, connect, settings: source, graph } = createMesh();
  if (options.exportTo !== undefined) {
    const { exportTo: virtualServices } = options;
    graph.transact(() =>
      source.set('mesh', {
        ...settings,
        outboundTrafficPolicy: 'ALLOW_ANY',
        accessLog: { format: 'text' },
        network: '',
        exportTo: { virtualServices },
      }),
    );
  }
  connect(...['a', 'b', 'c'].map((namespace) => proxy(`${namespace}/client`, { id: namespace })));
  put(service('b/bank'), foreign);
  const see = (namespace: string) => {
    const key = [`ns:${namespace}|${host}`, `*|${host}`] as const;
    const table = mesh.routeTables.get(key[0]) ?? mesh.routeTables.get(key[1]);
    const destination = mesh.destinations.get(key[0]) ?? mesh.destinations.get(key[1]);
    const isChanged =
      table?.rules.length !== 0 ||
      table.service?.platform !== 'kubernetes' ||
      destination?.service.platform !== 'kubernetes' ||
      destination.subsets.length > 0;
    return isChanged ? namespace : '';
  };
  return {
    changed: ['a', 'b', 'c'].map(see).join(''),
    codes: [...mesh.conflicts.entries()]
      .filter(([, { origin }]) => origin !== undefined && 'object' in origin && origin.object.includes('/a/'))
      .map(([, { code }]) => code),
  };
}

const route = (exportTo: readonly string[], namespace = 'a'): ObjectOf<'VirtualService'> =>
  virtualService(`${namespace}/grab`, {
    hosts: [host],
    exportTo,
    http: [forward(['evil.a.svc.cluster.local'])],
  });

describe('[MG-8] a VirtualService for a host of another namespace', () => {
  test('changes its own clients only, and its status says so', () => {
    expect(seenWith(route([]))).toEqual({
      changed: 'a',
      codes: expect.arrayContaining(['host-of-another-namespace']),
    });
  });
  test('reaches those it is exported to by name', () => {
    expect(seenWith(route(['c'])).changed).toBe('c');
    expect(seenWith(route(['*'])).changed).toBe('abc');
  });
  test('reaches everybody where the mesh has it so, as Istio does', () => {
    expect(seenWith(route([]), { exportTo: ['*'] }).changed).toBe('abc');
    expect(seenWith(route([]), { exportTo: ['.'] }).changed).toBe('a');
  });
  test('reaches everybody when it is of the root namespace, or of the service’s own', () => {
    expect(seenWith(route([], 'istio-system')).changed).toBe('abc');
    expect(seenWith(route([], 'b')).changed).toBe('abc');
  });
});

describe('[MG-8] other objects of another namespace', () => {
  test('a DestinationRule is for clients of its own', () => {
    const rule = destinationRule('a/grab', { host, subsets: [{ name: 'x', labels: {} }] });
    expect(seenWith(rule).changed).toBe('a');
  });
  test.each([[[]], [['*']], [['b', 'c', '.']]])(
    'a ServiceEntry for a name of another namespace is for its own, exported to %j',
    (exportTo) => {
      const seen = seenWith(serviceEntry('a/grab', { hosts: [host], exportTo }));
      expect(seen).toEqual({ changed: 'a', codes: ['host-claimed-twice'] });
    },
  );
  test('a ServiceEntry cannot take a name that no service has yet', () => {
    const { mesh, put } = createMesh();
    put(serviceEntry('a/grab', { hosts: ['new.b.svc.cluster.local'] }));
    expect([...mesh.services.keys()]).toEqual(['ns:a|new.b.svc.cluster.local']);
    expect([...mesh.conflicts.entries()].map(([, { message }]) => message)).toEqual([
      expect.stringContaining('belongs to Namespace//b'),
    ]);
  });
});
