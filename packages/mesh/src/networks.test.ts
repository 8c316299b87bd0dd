// Which network something is in, and where the gateways of a network are.
import { expect, test } from 'vitest';
import { contents, createMesh } from './testing/mesh-fixture.ts';
import { object, pod, service, servicePort } from './testing/objects.ts';

const label = 'topology.istio.io/network';
const labelled = (id: `${string}/${string}`, network: string) =>
  object('Namespace', id, {}, { labels: { [label]: network }, annotations: {} });
const plan = (spec: { readonly blocks?: readonly string[]; readonly isDefault?: boolean }) =>
  object('ConfigMap', 'istio-system/istio', {
    data: {},
    meshNetworks: {
      planned: { blocks: spec.blocks ?? [], isDefault: spec.isDefault ?? false, gateways: [] },
    },
  });

test('its own word, its namespace, its address, the root namespace, the rest', () => {
  const mesh = createMesh();
  const networkOf = () => mesh.mesh.workloads.get('Pod/a/one')?.network;
  mesh.put(pod('a/one', {}, { ip: '10.1.0.1' }));
  expect(networkOf()).toBe('');
  mesh.put(plan({ isDefault: true }));
  expect(networkOf()).toBe('planned');
  mesh.put(labelled('/istio-system', 'root'));
  expect(networkOf()).toBe('root');
  mesh.put(plan({ blocks: ['10.1.0.0/16'] }));
  expect(networkOf()).toBe('planned');
  mesh.put(labelled('/a', 'near'));
  expect(networkOf()).toBe('near');
  mesh.put(pod('a/one', { [label]: 'own' }, { ip: '10.1.0.1' }));
  expect(networkOf()).toBe('own');
});

const gateway = (spec: Parameters<typeof service>[1] = {}) => {
  const made = service('istio-system/gw', { ports: [servicePort(15_443, 'tls')], ...spec });
  return { ...made, metadata: { ...made.metadata, labels: { [label]: 'far' } } };
};

test('a gateway is where the platform puts it, else where it is ready', () => {
  const mesh = createMesh();
  const places = () =>
    Object.entries(contents(mesh.mesh.networkGateways)).map(([network, found]) => [
      network,
      ...found.map(({ address, port }) => `${address}:${port}`),
    ]);
  mesh.put(gateway());
  expect(places()).toEqual([]);
  mesh.put(pod('istio-system/gw-1', { app: 'gw' }, { ip: '10.0.0.2' }));
  expect(places()).toEqual([['far', '10.0.0.2:15443']]);
  mesh.put(gateway({ externalAddresses: ['192.0.2.8', '192.0.2.7'] }));
  expect(places()).toEqual([['far', '192.0.2.7:15443', '192.0.2.8:15443']]);
});

test('where nobody says a network, nothing of networks runs', () => {
  const mesh = createMesh();
  const runs = mesh.runsOf(() => mesh.put(service('a/one'), pod('a/one', { app: 'one' })));
  expect(Object.keys(runs).filter((name) => /network|gateways/i.test(name))).toEqual([]);
});
