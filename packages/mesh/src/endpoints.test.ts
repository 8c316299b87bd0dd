// Endpoint sets: where endpoints come from, when they are there, and whether mutual TLS reaches them.
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import {
  inlineEndpoint,
  object,
  peerAuthentication,
  pod,
  service,
  serviceEntry,
  servicePort,
} from './testing/objects.ts';

const meshed = { 'security.istio.io/tlsMode': 'istio' };

function meshOf(...objects: readonly MeshObject[]) {
  const fixture = createMesh();
  fixture.put(...objects);
  return fixture;
}

const addressesOf = (...objects: readonly MeshObject[]) =>
  Object.fromEntries(
    Object.entries(contents(meshOf(...objects).mesh.endpointSets)).map(([key, { endpoints }]) => [
      key,
      endpoints.map(({ address, port, tls, health }) => `${address}:${port} ${tls} ${health}`),
    ]),
  );

const reviews = '*|reviews.default.svc.cluster.local|9080';

test('a Pod behind a Service is an endpoint with everything that is known about it', () => {
  const { mesh } = meshOf(
    service('default/reviews'),
    pod(
      'default/reviews-v1-5b7-x',
      { app: 'reviews', version: 'v1', 'istio-locality': 'r.z.s' },
      {
        spec: { serviceAccountName: 'bookinfo', owner: { kind: 'Deployment', name: 'reviews-v1' } },
      },
    ),
  );
  expect(mesh.endpointSets.get(reviews)?.endpoints).toEqual([
    {
      address: '127.0.1.1',
      port: 9080,
      labels: { app: 'reviews', version: 'v1', 'istio-locality': 'r.z.s' },
      namespace: 'default',
      workload: 'reviews-v1',
      identity: 'spiffe://cluster.local/ns/default/sa/bookinfo',
      locality: { region: 'r', zone: 'z', subzone: 's' },
      network: '',
      weight: 1,
      health: 'healthy',
      tls: 'istio',
      causes: [{ object: 'Pod/default/reviews-v1-5b7-x' }],
    },
  ]);
});

test('a Pod is an endpoint while it is ready, selected and has the port', () => {
  const named = service('default/reviews', { ports: [servicePort(9080, 'http', { targetPort: 'web' })] });
  const own = { app: 'reviews' };
  expect(
    addressesOf(
      named,
      pod('default/a', own, { ip: '127.0.1.1', ports: [{ name: 'web', port: 8080 }] }),
      pod('default/b', own, { ip: '127.0.1.2', ports: [{ name: 'web', port: 8081 }], isReady: false }),
      pod('default/c', own, { ip: '127.0.1.3' }),
      pod('default/d', own, { ip: '127.0.1.4', ports: [{ name: 'web', port: 8080 }], isTerminating: true }),
      pod('default/e', { app: 'other' }, { ip: '127.0.1.5', ports: [{ name: 'web', port: 8080 }] }),
      pod('other/f', own, { ip: '127.0.1.6', ports: [{ name: 'web', port: 8080 }] }),
      pod('default/g', own, { ip: '', ports: [{ name: 'web', port: 8080 }] }),
    ),
  ).toEqual({ [reviews]: ['127.0.1.1:8080 istio healthy', '127.0.1.4:8080 istio draining'] });
});

test('a port number that is TCP and UDP at once has endpoints of both kinds, and the server expects both', () => {
  const dns = service('default/dns', {
    ports: [servicePort(53, 'tcp'), servicePort(53, 'udp', { transport: 'UDP', targetPort: 5353 })],
    selector: { app: 'dns' },
  });
  const { mesh, graph } = meshOf(dns, pod('default/dns-0', { app: 'dns' }, { ip: '127.0.1.1' }));
  expect(graph.errors()).toEqual([]);
  expect([...mesh.endpointSets.keys()]).toEqual(['*|dns.default.svc.cluster.local|53']);
  expect(mesh.endpointSets.get('*|dns.default.svc.cluster.local|53')?.port.protocol).toBe('tcp');
  const datagrams = contents(mesh.udpEndpointSets)['*|dns.default.svc.cluster.local|53/udp'];
  expect(datagrams).toMatchObject({
    port: { protocol: 'udp' },
    endpoints: [{ address: '127.0.1.1', port: 5353 }],
  });
});

test('publishNotReadyAddresses publishes Pods that are not ready', () => {
  const objects = [pod('default/a', { app: 'reviews' }, { isReady: false })];
  expect(addressesOf(service('default/reviews', { publishNotReadyAddresses: true }), ...objects)).toEqual({
    [reviews]: ['127.0.1.1:9080 istio healthy'],
  });
  expect(addressesOf(service('default/reviews'), ...objects)).toEqual({ [reviews]: [] });
});

test('a Pod that stops being ready changes no identity', () => {
  const fixture = meshOf(service('default/reviews'), pod('default/a', { app: 'reviews' }));
  const before = fixture.mesh.destinations.get('*|reviews.default.svc.cluster.local');
  fixture.put(pod('default/a', { app: 'reviews' }, { isReady: false }));
  expect(fixture.mesh.destinations.get('*|reviews.default.svc.cluster.local')).toBe(before);
  expect(before?.identities).toEqual(['spiffe://cluster.local/ns/default/sa/default']);
});

test.each([
  { how: 'by a label', labels: { 'sidecar.istio.io/inject': 'false' }, annotations: {} },
  { how: 'by an annotation', labels: {}, annotations: { 'sidecar.istio.io/inject': 'false' } },
  { how: 'by its TLS mode', labels: { 'security.istio.io/tlsMode': 'disabled' }, annotations: {} },
])('a Pod that is out of the mesh $how has plaintext and no identity', ({ labels, annotations }) => {
  const { mesh } = meshOf(
    service('default/reviews'),
    pod('default/a', { app: 'reviews', ...labels }, { annotations }),
  );
  const [endpoint] = mesh.endpointSets.get(reviews)?.endpoints ?? [];
  expect(endpoint).toMatchObject({ tls: 'disabled' });
  expect(endpoint).not.toHaveProperty('identity');
});

test('mutual TLS is not offered to a port whose server has it disabled', () => {
  const ports = [servicePort(80, 'http', { targetPort: 8080 }), servicePort(81, 'tcp', { targetPort: 8081 })];
  expect(
    addressesOf(
      service('default/reviews', { ports }),
      pod('default/a', { app: 'reviews' }),
      peerAuthentication('default/off', {
        selector: { app: 'reviews' },
        mode: 'STRICT',
        portModes: { 8081: 'DISABLE' },
      }),
    ),
  ).toEqual({
    '*|reviews.default.svc.cluster.local|80': ['127.0.1.1:8080 istio healthy'],
    '*|reviews.default.svc.cluster.local|81': ['127.0.1.1:8081 disabled healthy'],
  });
});

test('endpoints of a ServiceEntry keep their order, ports by name, and sockets', () => {
  expect(
    addressesOf(
      serviceEntry('shop/api', {
        hosts: ['api.example'],
        ports: [{ number: 80, name: 'http', protocol: 'http', targetPort: 8080 }],
        endpoints: [
          inlineEndpoint('127.0.2.2', { labels: meshed }),
          inlineEndpoint('127.0.2.1', { ports: { http: 9000 } }),
          inlineEndpoint('unix:///run/api.sock'),
        ],
      }),
    ),
  ).toEqual({
    '*|api.example|80': [
      '127.0.2.2:8080 istio healthy',
      '127.0.2.1:9000 disabled healthy',
      '/run/api.sock:0 disabled healthy',
    ],
  });
});

test('a ServiceEntry may select WorkloadEntries and Pods; names of ports go first for entries', () => {
  expect(
    addressesOf(
      serviceEntry('shop/api', { hosts: ['api.example'], workloadSelector: { app: 'api' } }),
      object(
        'WorkloadEntry',
        'shop/vm',
        inlineEndpoint('127.0.3.1', { labels: { app: 'api', ...meshed }, ports: { http: 8080 } }),
      ),
      pod('shop/a', { app: 'api' }),
      object('WorkloadEntry', 'other/vm', inlineEndpoint('127.0.3.2', { labels: { app: 'api' } })),
    ),
  ).toEqual({ '*|api.example|80': ['127.0.1.1:80 istio healthy', '127.0.3.1:8080 istio healthy'] });
});

test('a DNS service without endpoints is reached by its own name; without resolution there is no set', () => {
  expect(
    addressesOf(
      serviceEntry('shop/dns', { hosts: ['a.example', 'b.example'], resolution: 'DNS' }),
      serviceEntry('shop/none', { hosts: ['*.c.example'], resolution: 'NONE' }),
      serviceEntry('shop/static', { hosts: ['d.example'] }),
    ),
  ).toEqual({
    '*|a.example|80': ['a.example:80 disabled healthy'],
    '*|b.example|80': ['b.example:80 disabled healthy'],
    '*|d.example|80': [],
  });
});

test('EndpointSlices count for Services without a selector', () => {
  const endpoint = {
    isReady: true,
    isServing: true,
    isTerminating: false,
    hostname: '',
    nodeName: '',
    zone: 'z1',
    deprecatedTopology: {},
  };
  const slice = object('EndpointSlice', 'default/reviews-1', {
    service: 'reviews',
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, transport: 'TCP', protocol: 'http' }],
    endpoints: [
      { ...endpoint, addresses: ['127.0.4.1'] },
      { ...endpoint, addresses: ['127.0.1.1'], target: { kind: 'Pod', namespace: '', name: 'a' } },
      { ...endpoint, addresses: ['127.0.4.3'], isReady: false },
      { ...endpoint, addresses: ['127.0.4.4'], isReady: false, isTerminating: true },
    ],
  });
  const pods = pod('default/a', { app: 'else' });
  expect(addressesOf(service('default/reviews', { selector: {} }), slice, pods)).toEqual({
    [reviews]: [
      '127.0.4.1:8080 disabled healthy',
      '127.0.1.1:8080 istio healthy',
      '127.0.4.4:8080 disabled draining',
    ],
  });
  expect(addressesOf(service('default/reviews'), slice, pods)).toEqual({ [reviews]: [] });
});

test('private hosts of one name in two namespaces keep their endpoints apart', () => {
  const entry = (namespace: string, address: string) =>
    serviceEntry(`${namespace}/api`, {
      hosts: ['api.internal'],
      exportTo: ['.'],
      endpoints: [inlineEndpoint(address)],
    });
  expect(addressesOf(entry('a', '127.0.2.1'), entry('b', '127.0.2.2'))).toEqual({
    'ns:a|api.internal|80': ['127.0.2.1:80 disabled healthy'],
    'ns:b|api.internal|80': ['127.0.2.2:80 disabled healthy'],
  });
});
