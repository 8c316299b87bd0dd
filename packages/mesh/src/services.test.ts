// Services: what Services and ServiceEntries become, who wins a host, and who sees which one.
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { service, serviceEntry, servicePort } from './testing/objects.ts';
import { virtualAddress } from './virtual-address.ts';

const servicesOf = (...objects: readonly MeshObject[]) => {
  const { mesh, put } = createMesh();
  put(...objects);
  return {
    services: contents(mesh.services),
    codes: [...mesh.conflicts.entries()].map(([, { code, origin }]) => `${code} ${origin?.object}`),
  };
};

test('a Service is one service for everybody', () => {
  const { services } = servicesOf(service('default/reviews'));
  expect(services).toEqual({
    '*|reviews.default.svc.cluster.local': {
      host: 'reviews.default.svc.cluster.local',
      name: 'reviews',
      namespace: 'default',
      ports: [{ number: 9080, name: 'http', protocol: 'http' }],
      resolution: 'endpoints',
      addresses: ['10.0.0.1'],
      location: 'mesh',
      platform: 'kubernetes',
      subjectAltNames: [],
      labels: {},
      causes: [{ object: 'Service/default/reviews' }],
    },
  });
});

test('a service without an address gets one that depends on its host only, a headless one gets none', () => {
  const { services } = servicesOf(
    service('default/reviews', { clusterIPs: [] }),
    service('default/store', { clusterIPs: [], isHeadless: true }),
  );
  const address = virtualAddress('reviews.default.svc.cluster.local');
  expect(address).toMatch(/^2[45]\d\.\d+\.\d+\.\d+$/);
  expect(services['*|reviews.default.svc.cluster.local']?.addresses).toEqual([address]);
  expect(services['*|store.default.svc.cluster.local']).toMatchObject({
    addresses: [],
    resolution: 'endpoints',
  });
});

test('every host of a ServiceEntry is a service, with the resolution it asks for', () => {
  const { services } = servicesOf(
    serviceEntry('shop/external', {
      hosts: ['a.example', '*.b.example'],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      ports: [{ number: 443, name: 'tls', protocol: 'tls', targetPort: 443 }],
    }),
    serviceEntry('shop/dns', {
      hosts: ['c.example'],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS_ROUND_ROBIN',
    }),
  );
  expect(
    Object.entries(services).map(([key, { resolution, location }]) => [key, resolution, location]),
  ).toEqual([
    ['*|*.b.example', 'original-destination', 'external'],
    ['*|a.example', 'original-destination', 'external'],
    ['*|c.example', 'dns-round-robin', 'external'],
  ]);
});

test.each([
  { exportTo: ['*'], layers: ['*'] },
  { exportTo: ['.'], layers: ['ns:default'] },
  { exportTo: ['shop', '.'], layers: ['ns:default', 'ns:shop'] },
  { exportTo: ['~'], layers: [] },
])('exportTo $exportTo is layers $layers', ({ exportTo, layers }) => {
  const { services } = servicesOf(service('default/reviews', { exportTo }));
  expect(Object.keys(services)).toEqual(layers.map((layer) => `${layer}|reviews.default.svc.cluster.local`));
});

test('Kubernetes wins a host for everybody, but a namespace prefers its own', () => {
  const { services, codes } = servicesOf(
    serviceEntry('a/reviews', { hosts: ['reviews.default.svc.cluster.local'] }),
    service('default/reviews'),
  );
  const platforms = Object.entries(services).map(([key, { platform }]) => [key, platform]);
  expect(platforms).toEqual([
    ['*|reviews.default.svc.cluster.local', 'kubernetes'],
    ['ns:a|reviews.default.svc.cluster.local', 'service-entry'],
  ]);
  expect(codes).toEqual(['host-claimed-twice ServiceEntry/a/reviews']);
});

test("nobody takes another namespace's host by exporting to it", () => {
  const { services } = servicesOf(
    serviceEntry('a/reviews', {
      hosts: ['reviews.default.svc.cluster.local'],
      exportTo: ['default', 'shop'],
    }),
    service('default/reviews'),
  );
  expect(Object.keys(services)).toEqual(['*|reviews.default.svc.cluster.local']);
});

test('one address and port for two hosts is reported, unless HTTP tells them apart', () => {
  const tcp = [servicePort(5432, 'tcp')];
  expect(servicesOf(service('a/one', { ports: tcp }), service('a/two', { ports: tcp })).codes).toEqual([
    'address-claimed-twice Service/a/two',
  ]);
  expect(servicesOf(service('a/one'), service('a/two')).codes).toEqual([]);
});
