// Small random meshes as manifests. All are valid, and refer only to what exists wherever it is read.
import fc from 'fast-check';
import { connectionsOf } from './arbitrary-connections.ts';
import { type Backend, routeOf, subsets } from './arbitrary-routes.ts';

export type Manifest = Readonly<Record<string, unknown>>;

const networking = (kind: string, namespace: string, name: string, spec: unknown): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace },
  spec,
});

const namespaces = ['a', 'b'] as const;
const namespace = fc.constantFrom(...namespaces);

const portWords = fc.uniqueArray(
  fc.constantFrom('http', 'http2', 'grpc', 'grpc-web', 'tcp', 'tls', 'https', 'unsaid'),
  { minLength: 1, maxLength: 4 },
);

/** Numbers are shared between services, so that several speak on one port. */
const numberOf = (word: string, position: number): number => (word === 'tcp' ? 90 + position : 80 + position);

interface Part {
  readonly manifests: readonly Manifest[];
  readonly backends: readonly Backend[];
}

const kubernetes = (position: number) =>
  fc
    .record({
      namespace,
      words: portWords,
      isPrivate: fc.boolean(),
      address: fc.constantFrom([`10.0.0.${position}`], ['None'], [`fd00::${position}`, `10.0.1.${position}`]),
      hasDatagrams: fc.boolean(),
      pods: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ words, isPrivate, address, hasDatagrams, pods, ...own }): Part => {
      const name = `s${position}`;
      const ports = words.map((word, i) => ({ name: word, port: numberOf(word, i) }));
      const datagrams = hasDatagrams ? [{ name: 'dns', port: 53, protocol: 'UDP' }] : [];
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          name,
          namespace: own.namespace,
          ...(isPrivate ? { annotations: { 'networking.istio.io/exportTo': '.' } } : {}),
        },
        spec: { clusterIPs: address, selector: { app: name }, ports: [...ports, ...datagrams] },
      };
      const host = `${name}.${own.namespace}.svc.cluster.local`;
      return {
        manifests: [service, ...Array.from({ length: pods }, (_, i) => podOf(name, own.namespace, i))],
        backends: [{ host, namespace: own.namespace, ports: ports.map(({ port }) => port), isPrivate }],
      };
    });

const podOf = (app: string, own: string, i: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${app}-${i}`,
    namespace: own,
    labels: { app, version: `v${i + 1}`, ...(i === 2 ? { 'sidecar.istio.io/inject': 'false' } : {}) },
  },
  spec: { serviceAccountName: app, containers: [{ name: 'a', image: 'a', ports: [{ containerPort: 80 }] }] },
  status: {
    phase: 'Running',
    podIP: `127.9.${app.slice(1)}.${i + 1}`,
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

const entry = (position: number) =>
  fc
    .record({
      namespace,
      isPrivate: fc.boolean(),
      resolution: fc.constantFrom('STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'NONE'),
      isWild: fc.boolean(),
      words: portWords,
      location: fc.constantFrom('MESH_INTERNAL', 'MESH_EXTERNAL'),
      endpoints: fc.uniqueArray(fc.constantFrom('127.8.0.1', '127.8.0.2', 'unix:///run/a.sock'), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ resolution, isWild, words, endpoints, isPrivate, location, ...own }): Part => {
      const name = `e${position}`;
      const host = isWild && !resolution.startsWith('DNS') ? `*.${name}.example` : `${name}.example`;
      const isStatic = resolution === 'STATIC';
      const ports = words.map((word, i) => ({
        number: numberOf(word, i),
        name: word,
        protocol: word === 'unsaid' ? '' : word.toUpperCase(),
      }));
      const addresses =
        isStatic && ports.length > 1 ? endpoints.filter((each) => !each.startsWith('unix')) : endpoints;
      const listed = (addresses.length > 0 ? addresses : ['127.8.0.1']).map((address) => ({
        address,
        labels: { version: 'v1', 'security.istio.io/tlsMode': 'istio' },
        serviceAccount: 'elsewhere',
      }));
      const spec = {
        hosts: [host],
        ports,
        location,
        resolution,
        exportTo: [isPrivate ? '.' : '*'],
        ...(isStatic ? { endpoints: listed } : {}),
      };
      return {
        manifests: [networking('ServiceEntry', own.namespace, name, spec)],
        backends: [
          { host, namespace: own.namespace, ports: ports.map(({ number }) => number), isPrivate },
        ].filter(() => !host.startsWith('*')),
      };
    });

const pool = fc.record(
  {
    tcp: fc.record(
      {
        maxConnections: fc.integer({ min: 0, max: 5 }),
        connectTimeout: fc.constantFrom('1ms', '10s'),
        idleTimeout: fc.constantFrom('0s', '1h'),
        maxConnectionDuration: fc.constant('1m'),
        tcpKeepalive: fc.constantFrom({}, { probes: 2, time: '1ms' }),
      },
      { requiredKeys: [] },
    ),
    http: fc.record(
      {
        http2MaxRequests: fc.integer({ min: 0, max: 9 }),
        maxConcurrentStreams: fc.integer({ min: 0, max: 9 }),
        maxRequestsPerConnection: fc.integer({ min: 0, max: 9 }),
        idleTimeout: fc.constantFrom('0s', '1h'),
        h2UpgradePolicy: fc.constantFrom('UPGRADE', 'DEFAULT', 'DO_NOT_UPGRADE'),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const policy = fc.record(
  {
    loadBalancer: fc.constantFrom(...['ROUND_ROBIN', 'RANDOM', 'PASSTHROUGH'].map((simple) => ({ simple }))),
    connectionPool: pool,
    tls: fc.constantFrom({ mode: 'ISTIO_MUTUAL' }, { mode: 'DISABLE' }),
  },
  { requiredKeys: [] },
);

const ruleFor = ({ host, namespace: own, ports, isPrivate }: Backend) =>
  fc
    .tuple(policy, policy, policy, fc.constantFrom(own, ...(isPrivate ? [] : namespaces)), fc.boolean())
    .map(([whole, one, single, place, isOwn]): Manifest[] => {
      const spec = {
        host,
        exportTo: [isOwn && place === own && !isPrivate ? '*' : '.'],
        trafficPolicy: { ...whole, portLevelSettings: [{ port: { number: ports[0] }, ...single }] },
        subsets: subsets.map((name, i) => ({
          name,
          labels: { version: name },
          ...(i === 0 ? { trafficPolicy: one } : {}),
        })),
      };
      // The service's own rule is there for everybody; another namespace may have its own besides.
      const shared = { host, subsets: subsets.map((name) => ({ name, labels: { version: name } })) };
      const base = networking('DestinationRule', own, `own-${host.split('.')[0]}`, shared);
      return [base, networking('DestinationRule', place, `of-${host.split('.')[0]}`, spec)];
    });

const gateway: Manifest = networking('Gateway', 'a', 'edge', {
  selector: { app: 'gateway' },
  servers: [
    { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
    { port: { number: 81, name: 'up', protocol: 'HTTP' }, hosts: ['*'], tls: { httpsRedirect: true } },
  ],
});

const authentication = fc
  .record({
    own: fc.constantFrom('istio-system', ...namespaces),
    mode: fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE'),
  })
  .map(
    ({ own, mode }): Manifest => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: own },
      spec: { mtls: { mode } },
    }),
  );

/** The documents of a mesh of up to five hosts. */
export const anyMesh: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    fc
      .integer({ min: 1, max: 3 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => kubernetes(i + 1)))),
    fc
      .integer({ min: 0, max: 2 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => entry(i + 1)))),
    authentication,
  )
  .chain(([services, entries, peers]) => {
    const parts = [...services, ...entries];
    const backends = parts.flatMap((part) => part.backends);
    const routes = fc.uniqueArray(fc.constantFrom(...backends), { maxLength: 3 });
    return fc
      .tuple(
        fc.tuple(...backends.map(ruleFor)),
        routes.chain((hosts) => fc.tuple(...hosts.map((host) => routeOf(host, backends)))),
        routes.chain((hosts) => fc.tuple(...hosts.map((host) => connectionsOf(host, backends)))),
      )
      .map(([rules, virtualServices, connections]) => [
        ...connections,
        ...parts.flatMap(({ manifests }) => manifests),
        ...rules.flat(),
        ...virtualServices.map(({ namespace: own, name, spec }) =>
          networking('VirtualService', own, name, spec),
        ),
        gateway,
        peers,
      ]);
  });

/** JSON is YAML. */
export const textOf = (manifests: readonly Manifest[]): string =>
  manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
