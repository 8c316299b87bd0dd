// Gateways: servers by port, hosts cut to what both sides allow, secrets of the proxy's own namespace.
import type { GatewayServerSpec } from '@xebec/config';
import type { GatewayServer } from '@xebec/model';
import { describe, expect, test } from 'vitest';
import { defaultSettings } from './settings.ts';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import {
  forward,
  gatewayServer,
  gatewayTls,
  object,
  onPrefix,
  proxy,
  service,
  virtualService,
} from './testing/objects.ts';

const node = proxy('ingress/gw-1', {
  id: 'gw',
  role: 'router',
  address: '127.0.9.1',
  labels: { istio: 'ingressgateway', app: 'gw' },
  gatewayPorts: { 80: 8080 },
});

const selector = { istio: 'ingressgateway' };
const gateway = (
  id: `${string}/${string}`,
  servers: readonly GatewayServerSpec[],
  labels: Readonly<Record<string, string>> = selector,
) => object('Gateway', id, { selector: labels, servers });
const route = (id: `${string}/${string}`, hosts: readonly string[], gateways: readonly string[]) =>
  virtualService(id, { hosts, gateways, http: [forward(['reviews'])] });
const tlsServer = (hosts: readonly string[], credentialName: string, portName = 'https'): GatewayServerSpec =>
  gatewayServer(443, hosts, {
    port: { number: 443, name: portName, protocol: 'HTTPS' },
    tls: { ...gatewayTls(credentialName), minVersion: 'TLSV1_2' },
  });
const secret = (id: `${string}/${string}`) =>
  object('Secret', id, {
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': new Uint8Array([1]), 'tls.key': new Uint8Array([2]) },
  });

function meshOf(...objects: readonly MeshObject[]) {
  const { mesh, put, connect } = createMesh();
  connect(node);
  put(service('default/reviews'), ...objects);
  return mesh;
}

const httpOf = ({ traffic }: GatewayServer) => (traffic.kind === 'http' ? [traffic] : []);

/** `PORT ROUTE` → `DOMAIN` → places of its rules. */
function hostsOf(...objects: readonly MeshObject[]) {
  const { gateways } = meshOf(...objects);
  const servers = (gateways.get('gw')?.listeners ?? []).flatMap(({ servers: each }) => each);
  return Object.fromEntries(
    servers
      .flatMap(httpOf)
      .map(({ routeName, virtualHosts }) => [
        routeName,
        Object.fromEntries(
          virtualHosts.map(({ domain, rules, httpsRedirect }) => [
            domain,
            [
              ...(httpsRedirect ? ['redirect'] : []),
              ...rules.map(({ cause }) => `${cause.object.slice(15)} ${cause.field}`),
            ],
          ]),
        ),
      ]),
  );
}

const codesOf = (...objects: readonly MeshObject[]) =>
  [...meshOf(...objects).conflicts.entries()].map(([, { code, origin, field }]) => [
    code,
    origin?.object,
    field,
  ]);

test('a plaintext gateway on the port the proxy may bind', () => {
  const { gateways } = meshOf(
    gateway('default/gw', [gatewayServer(80, ['*'])]),
    route('default/v', ['*'], ['gw']),
  );
  const model = gateways.get('gw');
  expect(model?.listeners).toHaveLength(1);
  expect(model?.listeners[0]).toMatchObject({
    port: 80,
    bindPort: 8080,
    bindAddress: '127.0.9.1',
    servers: [
      {
        serverNames: [],
        tls: { kind: 'none' },
        traffic: {
          kind: 'http',
          routeName: 'http.80',
          virtualHosts: [
            { domain: '*', httpsRedirect: false, causes: [{ object: 'VirtualService/default/v' }] },
          ],
        },
        causes: [{ object: 'Gateway/default/gw', field: 'spec.servers[0]' }],
      },
    ],
  });
});

test.each([
  { why: 'the same host', open: ['a.example'], wanted: ['a.example'], domains: ['a.example'] },
  {
    why: 'a route within a wildcard',
    open: ['*.example'],
    wanted: ['a.example', 'a.other'],
    domains: ['a.example'],
  },
  {
    why: 'a server within a route',
    open: ['a.example', 'b.example'],
    wanted: ['*'],
    domains: ['a.example', 'b.example'],
  },
  { why: 'two wildcards', open: ['*.example'], wanted: ['*.a.example'], domains: ['*.a.example'] },
  { why: 'nothing in common', open: ['a.example'], wanted: ['b.example'], domains: [] },
  {
    why: 'the namespace of the Gateway',
    open: ['./a.example'],
    wanted: ['a.example'],
    domains: ['a.example'],
  },
  { why: 'another namespace', open: ['other/a.example'], wanted: ['a.example'], domains: [] },
  {
    why: 'a short name, also as written',
    open: ['*'],
    wanted: ['shop'],
    domains: ['shop', 'shop.default.svc.cluster.local'],
  },
])('hosts: $why', ({ open, wanted, domains }) => {
  const hosts = hostsOf(gateway('default/gw', [gatewayServer(80, open)]), route('default/v', wanted, ['gw']));
  expect(Object.keys(hosts['http.80'] ?? {})).toEqual(domains);
});

test('routes bind by namespace and name, and only those the proxy may see', () => {
  const hidden = virtualService('shop/h', {
    hosts: ['h.example'],
    gateways: ['default/gw'],
    exportTo: ['.'],
    http: [forward(['reviews'])],
  });
  expect(
    hostsOf(
      gateway('default/gw', [gatewayServer(80, ['*'])]),
      route('shop/v', ['v.example'], ['default/gw']),
      route('shop/w', ['w.example'], ['gw']),
      hidden,
    ),
  ).toEqual({ 'http.80': { 'v.example': ['shop/v spec.http[0]'] } });
});

test('a rule may be for some gateways only', () => {
  const both = virtualService('default/v', {
    hosts: ['reviews'],
    gateways: ['gw', 'mesh'],
    http: [
      forward(['reviews'], { matches: [onPrefix('/in', ['gw'])] }),
      forward(['reviews'], { matches: [onPrefix('/mesh', ['mesh'])] }),
      forward(['reviews']),
    ],
  });
  const mesh = meshOf(gateway('default/gw', [gatewayServer(80, ['*'])]), both);
  const server = mesh.gateways.get('gw')?.listeners[0]?.servers[0];
  const domain = server === undefined ? undefined : httpOf(server)[0]?.virtualHosts[0];
  expect(domain?.rules.map(({ cause }) => cause.field)).toEqual(['spec.http[0]', 'spec.http[2]']);
  const table = mesh.routeTables.get('*|reviews.default.svc.cluster.local');
  expect(table?.rules.map(({ cause }) => cause.field)).toEqual(['spec.http[1]', 'spec.http[2]']);
});

test('plaintext servers of one port share a route configuration; a redirect concerns its own hosts', () => {
  const objects = [
    gateway('default/a', [gatewayServer(80, ['a.example'])]),
    gateway('default/b', [gatewayServer(80, ['b.example', 'c.example'], { httpsRedirect: true })], {
      app: 'gw',
    }),
    gateway('default/c', [gatewayServer(80, ['d.example'])], { istio: 'other' }),
    gateway('default/d', [gatewayServer(80, ['e.example'])], {}),
    route('default/v', ['a.example', 'b.example', 'd.example', 'e.example'], ['a', 'b', 'c', 'd']),
  ];
  expect(hostsOf(...objects)).toEqual({
    'http.80': {
      'a.example': ['default/v spec.http[0]'],
      'b.example': ['redirect', 'default/v spec.http[0]'],
      'c.example': ['redirect'],
      'e.example': ['default/v spec.http[0]'],
    },
  });
});

test('each TLS server has its own names, secret and routes', () => {
  const { gateways, conflicts } = meshOf(
    gateway('default/gw', [
      tlsServer(['a.example'], 'a-cert', 'https-a'),
      tlsServer(['*'], 'b-cert', 'https-b'),
    ]),
    route('default/v', ['a.example', 'z.example'], ['gw']),
    secret('ingress/a-cert'),
    secret('ingress/b-cert'),
  );
  expect(gateways.get('gw')?.listeners[0]?.servers).toMatchObject([
    {
      serverNames: ['a.example'],
      tls: {
        kind: 'certificate',
        certificates: [{ from: 'control-plane', name: 'kubernetes://ingress/a-cert' }],
        minVersion: 'TLSV1_2',
        cipherSuites: [],
      },
      traffic: { routeName: 'https.443.https-a.gw.default', virtualHosts: [{ domain: 'a.example' }] },
    },
    {
      serverNames: [],
      traffic: {
        routeName: 'https.443.https-b.gw.default',
        virtualHosts: [{ domain: 'a.example' }, { domain: 'z.example' }],
      },
    },
  ]);
  expect(conflicts.size).toBe(0);
});

test.each([
  {
    why: 'a missing secret',
    objects: [gateway('default/gw', [tlsServer(['a.example'], 'none')])],
    expected: [['gateway-secret-missing', 'Gateway/default/gw', 'spec.servers[0].tls.credentialName']],
  },
  {
    why: "another namespace's secret",
    objects: [gateway('default/gw', [tlsServer(['a.example'], 'other/cert')]), secret('other/cert')],
    expected: [['gateway-secret-foreign', 'Gateway/default/gw', 'spec.servers[0].tls.credentialName']],
  },
  {
    why: 'plaintext and TLS on one port',
    objects: [gateway('default/gw', [gatewayServer(443, ['*']), tlsServer(['a.example'], 'cert')])],
    expected: [['gateway-port-conflict', 'Gateway/default/gw', 'spec.servers[1].port']],
  },
  {
    why: 'one name twice',
    objects: [
      gateway('default/gw', [
        tlsServer(['a.example'], 'cert', 'one'),
        tlsServer(['a.example'], 'cert', 'two'),
      ]),
      secret('ingress/cert'),
    ],
    expected: [['gateway-host-claimed-twice', 'Gateway/default/gw', 'spec.servers[1].hosts']],
  },
  {
    why: 'one port name twice',
    objects: [
      gateway('default/gw', [tlsServer(['a.example'], 'cert'), tlsServer(['b.example'], 'cert')]),
      secret('ingress/cert'),
    ],
    expected: [['gateway-port-name-twice', 'Gateway/default/gw', 'spec.servers[1].port.name']],
  },
  {
    why: 'two VirtualServices for a domain',
    objects: [
      gateway('default/gw', [gatewayServer(80, ['*'])]),
      route('default/a', ['a.example'], ['gw']),
      route('default/b', ['a.example'], ['gw']),
    ],
    expected: [
      ['gateway-routes-merged', 'VirtualService/default/b', 'spec.hosts'],
      ['rule-shadowed', 'VirtualService/default/b', 'spec.http[0]'],
    ],
  },
])('reported: $why', ({ objects, expected }) => {
  expect(codesOf(...objects)).toEqual(expected);
});

test('secrets by the name proxies ask for; other ones are left alone', () => {
  const { secrets } = meshOf(
    secret('ingress/cert'),
    object('Secret', 'ingress/password', { type: 'Opaque', data: {} }),
  );
  expect([...secrets.entries()]).toEqual([
    [
      'kubernetes://ingress/cert',
      {
        kind: 'certificate',
        name: 'kubernetes://ingress/cert',
        namespace: 'ingress',
        certificate: new Uint8Array([1]),
        key: new Uint8Array([2]),
        causes: [{ object: 'Secret/ingress/cert' }],
      },
    ],
  ]);
});

test('who stands before a gateway is what it says itself, else what the mesh says', () => {
  const ofMesh = { trustedProxies: 2, forwardClientCert: 'SANITIZE_SET', isProxyProtocol: false } as const;
  const own = { ...ofMesh, trustedProxies: 1 };
  const { mesh, connect, settings, graph } = createMesh();
  connect(node, { ...node, id: 'own', topology: own });
  graph.transact(() => settings.set('mesh', { ...defaultSettings, gatewayTopology: ofMesh }));
  expect(mesh.gateways.get('gw')?.proxy.topology).toEqual(ofMesh);
  expect(mesh.gateways.get('own')?.proxy.topology).toEqual(own);
});

describe('datagrams', () => {
  const udpServer = (number: number) =>
    gatewayServer(number, ['*'], { port: { number, name: `udp-${number}`, protocol: 'UDP' } });
  const tcpServer = gatewayServer(53, ['*'], { port: { number: 53, name: 'tcp', protocol: 'TCP' } });
  const to = (hosts: readonly string[], weight = 100) =>
    hosts.map((host) => ({ host, subset: '', port: 9053, weight }));
  const tcpRoute = (id: `${string}/${string}`, hosts: readonly string[]) =>
    virtualService(id, {
      hosts: ['*'],
      gateways: ['gw'],
      tcp: [{ matches: [], destinations: to(hosts) }],
    });
  const opened = (...objects: readonly MeshObject[]) => {
    const { gateways, conflicts } = meshOf(...objects);
    return {
      ports: (gateways.get('gw')?.listeners ?? []).map(({ port, servers }) => [
        port,
        servers.map(({ traffic }) => traffic.kind).join(),
      ]),
      codes: [...conflicts.entries()]
        .map(([, { code }]) => code)
        .filter((code) => !code.startsWith('destination-') && !code.startsWith('connection-')),
    };
  };

  test('a port beside one for connections with the same number', () => {
    const found = opened(
      gateway('default/gw', [udpServer(53), tcpServer]),
      tcpRoute('default/v', ['dns.example']),
    );
    expect(found.ports).toEqual([
      [53, 'datagrams'],
      [53, 'connection'],
    ]);
    expect(found.codes).toEqual([]);
  });

  test('one destination for a port, and the status says what cannot be', () => {
    const shared = opened(
      gateway('default/gw', [udpServer(53)]),
      tcpRoute('default/v', ['a.example', 'b.example']),
    );
    expect(shared).toEqual({ ports: [], codes: ['gateway-datagrams-unroutable'] });
    expect(opened(gateway('default/gw', [udpServer(53)]))).toEqual({
      ports: [],
      codes: ['gateway-server-unrouted'],
    });
    const twice = opened(
      gateway('default/gw', [udpServer(53)]),
      tcpRoute('default/v', ['a.example']),
      tcpRoute('default/w', ['b.example']),
    );
    expect(twice.codes).toContain('gateway-rule-shadowed');
  });
});
