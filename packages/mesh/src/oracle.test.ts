// The oracle: after any history of objects, the incremental mesh equals the one built at once from what is left.

import type { ProxyNode } from '@xebec/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMesh, everything, type MeshObject } from './testing/mesh-fixture.ts';
import {
  authorizationPolicy,
  destinationRule,
  forward,
  gatewayServer,
  gatewayTls,
  inlineEndpoint,
  jwtRule,
  keyOf,
  object,
  onPrefix,
  peerAuthentication,
  pod,
  proxy,
  requestAuthentication,
  service,
  serviceEntry,
  servicePort,
  virtualService,
} from './testing/objects.ts';

const namespace = fc.constantFrom('a', 'b', 'istio-system');
const name = fc.constantFrom('one', 'two');
const id = fc.tuple(namespace, name).map(([left, right]): `${string}/${string}` => `${left}/${right}`);
const exportTo = fc.constantFrom(['*'], ['.'], ['a'], ['b', '.'], ['~']);
const host = fc.constantFrom(
  'one',
  'two',
  'one.a.svc.cluster.local',
  'two.b.svc.cluster.local',
  'x.example',
  '*.example',
  '*.a.svc.cluster.local',
);
const app = fc.constantFrom('one', 'two');
const labels = fc.record({ app, version: fc.constantFrom('v1', 'v2') });
/** Labels by which rules tell clients apart; mostly they do not. */
const clients = fc.constantFrom({}, {}, { app: 'one' }, { app: 'two', version: 'v1' }, { version: 'v1' });
const subset = fc.constantFrom('', '/v1', '/v2');
const mode = fc.constantFrom('UNSET', 'STRICT', 'DISABLE', 'PERMISSIVE' as const);
const tls = fc.constantFrom({}, { 'security.istio.io/tlsMode': 'istio' });

const anyService = fc
  .tuple(
    id,
    exportTo,
    fc.constantFrom({ app: 'one' }, { app: 'two', version: 'v1' }, {}),
    fc.constantFrom(9080, 'web'),
    fc.boolean(),
    fc.constantFrom({}, {}, { 'topology.istio.io/network': 'far', 'networking.istio.io/gatewayPort': '81' }),
  )
  .map(([key, to, selector, targetPort, isHeadless, own]) => {
    const made = service(key, {
      exportTo: to,
      selector,
      isHeadless,
      clusterIPs: [],
      ports: [
        servicePort(80, 'http', { targetPort }),
        servicePort(81, 'tcp'),
        servicePort(81, 'udp', { transport: 'UDP' }),
      ],
    });
    return { ...made, metadata: { ...made.metadata, labels: own } };
  });
const anyNamespace = fc
  .tuple(namespace, fc.constantFrom({}, { 'topology.istio.io/network': 'near' }))
  .map(([key, own]) => object('Namespace', `/${key}`, {}, { labels: own, annotations: {} }));
const anyPlan = fc.tuple(namespace, fc.boolean()).map(([key, isDefault]) =>
  object('ConfigMap', `${key}/istio`, {
    data: {},
    meshNetworks: {
      far: {
        blocks: ['127.0.1.1/32'],
        isDefault,
        gateways: [
          { kind: 'address', address: '192.0.2.1', port: 1 },
          { kind: 'service', host: 'one.a.svc.cluster.local', port: 81 },
        ],
      },
    },
  }),
);
const anyPod = fc
  .tuple(id, labels, fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.boolean())
  .map(([key, own, last, isReady, isTerminating]) =>
    pod(key, own, { ip: `127.0.1.${last}`, isReady, isTerminating, ports: [{ name: 'web', port: 8080 }] }),
  );
const anyEntry = fc
  .tuple(
    id,
    fc.uniqueArray(host, { minLength: 1, maxLength: 2 }),
    exportTo,
    fc.constantFrom('STATIC', 'DNS', 'NONE' as const),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), tls), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([key, hosts, to, resolution, endpoints, isSelecting]) =>
    serviceEntry(key, {
      hosts: hosts.map((text) => (text.includes('.') ? text : `${text}.example`)),
      exportTo: to,
      resolution,
      ...(isSelecting
        ? { workloadSelector: { app: 'one' } }
        : {
            endpoints: endpoints.map(([last, own]) =>
              inlineEndpoint(`127.0.2.${last}`, { labels: own, serviceAccount: 'x' }),
            ),
          }),
    }),
  );
const anyWorkloadEntry = fc
  .tuple(id, labels, tls, fc.integer({ min: 1, max: 4 }))
  .map(([key, own, mutual, last]) =>
    object(
      'WorkloadEntry',
      key,
      inlineEndpoint(`127.0.3.${last}`, { labels: { ...own, ...mutual }, serviceAccount: 'vm' }),
    ),
  );
const anySlice = fc.tuple(id, name, fc.boolean(), name).map(([key, of, isReady, target]) =>
  object('EndpointSlice', key, {
    service: of,
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, transport: 'TCP', protocol: 'http' }],
    endpoints: [
      {
        addresses: ['127.0.4.1'],
        isReady,
        isServing: true,
        isTerminating: !isReady,
        hostname: '',
        nodeName: '',
        zone: 'z',
        target: { kind: 'Pod', namespace: '', name: target },
        deprecatedTopology: {},
      },
    ],
  }),
);
const anyRoute = fc
  .tuple(
    id,
    fc.uniqueArray(host, { minLength: 1, maxLength: 2 }),
    exportTo,
    fc.constantFrom(['mesh'], ['mesh', 'one'], ['a/one']),
    fc.tuple(host, subset),
    fc.boolean(),
    clients,
  )
  .map(([key, hosts, to, gateways, [target, of], hasMatch, sourceLabels]) =>
    virtualService(key, {
      hosts,
      exportTo: to,
      gateways,
      http: [
        forward([`${target}${of}`], {
          matches: hasMatch ? [{ ...onPrefix('/x'), sourceLabels }, onPrefix('/y', ['a/one'])] : [],
        }),
        forward([target]),
      ],
      tcp: [
        {
          matches: hasMatch
            ? [{ destinationSubnets: ['10.0.0.0/8'], sourceLabels, sourceNamespace: 'a', gateways: ['mesh'] }]
            : [],
          destinations: [{ host: target, subset: 'v1', port: 81, weight: 100 }],
        },
      ],
    }),
  );
const anyRule = fc
  .tuple(id, host, exportTo, fc.boolean(), fc.constantFrom('v1', 'v2'), clients)
  .map(([key, of, to, hasPolicy, version, workloadSelector]) =>
    destinationRule(key, {
      workloadSelector,
      host: of,
      exportTo: to,
      subsets: [{ name: version, labels: { version } }],
      ...(hasPolicy
        ? {
            trafficPolicy: {
              loadBalancer: { simple: 'RANDOM' },
              portLevelSettings: [{ port: 80, tls: { mode: 'DISABLE' } }],
            },
          }
        : {}),
    }),
  );
const anyPeer = fc
  .tuple(id, mode, fc.option(labels, { nil: undefined }), mode)
  .map(([key, own, selector, portMode]) =>
    peerAuthentication(key, {
      mode: own,
      ...(selector === undefined ? {} : { selector, portModes: { 8080: portMode } }),
    }),
  );
const anyAuthorization = fc
  .tuple(id, fc.option(labels, { nil: undefined }), fc.constantFrom('ALLOW', 'DENY' as const))
  .map(([key, selector, action]) =>
    authorizationPolicy(key, { action, ...(selector === undefined ? {} : { selector }) }),
  );
const issuer = 'https://a.example';
const anyAuthentication = fc
  .tuple(
    id,
    fc.option(labels, { nil: undefined }),
    fc.constantFrom(jwtRule(issuer), jwtRule(issuer, { keys: { kind: 'discovery' }, timeoutMs: 1 })),
  )
  .map(([key, selector, rule]) =>
    requestAuthentication(key, { jwtRules: [rule], ...(selector === undefined ? {} : { selector }) }),
  );
const loginHosts = fc.constantFrom(['a.example'], ['b.example', 'a.example'], ['c.example']);
const anyLogin = fc
  .tuple(id, fc.option(labels, { nil: undefined }), name, loginHosts)
  .map(([key, selector, credentialName, hosts]) =>
    object('BrowserLogin', key, {
      ...(selector === undefined ? {} : { selector }),
      targetGateways: [],
      hosts: [...hosts],
      issuer,
      clientId: 'a',
      credentialName,
      scopes: ['openid'],
      redirectPath: '/in',
      logoutPath: '/out',
      passThroughPaths: [],
      forwardToken: false,
      sessionKeyVersion: 0,
    }),
  );
const anySidecar = fc
  .tuple(
    id,
    fc.option(labels, { nil: undefined }),
    fc.option(fc.array(fc.constantFrom('a', 'b', '.', '*'), { maxLength: 2 }), { nil: undefined }),
    fc.option(fc.constantFrom(8080, 9090), { nil: undefined }),
    fc.option(fc.constantFrom('REGISTRY_ONLY', 'ALLOW_ANY'), { nil: undefined }),
  )
  .map(([key, selector, namespaces, port, outboundMode]) =>
    object('Sidecar', key, {
      ...(selector === undefined ? {} : { selector }),
      ...(namespaces === undefined
        ? {}
        : {
            egress: [
              { captureMode: 'DEFAULT', imports: namespaces.map((namespace) => ({ namespace, host: '*' })) },
            ],
          }),
      ...(port === undefined ? {} : { ingress: [{ port: { number: port, protocol: 'http' } }] }),
      ...(outboundMode === undefined ? {} : { outboundMode }),
    }),
  );
const anyGateway = fc
  .tuple(
    id,
    fc.constantFrom({ istio: 'ingress' }, {}, { istio: 'other' }),
    fc.array(
      fc.tuple(
        fc.constantFrom(80, 443),
        fc.constantFrom('*', 'a/*.example', './x.example'),
        fc.boolean(),
        fc.boolean(),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([key, selector, servers]) =>
    object('Gateway', key, {
      selector,
      servers: servers.map(([port, open, isTls, httpsRedirect]) =>
        gatewayServer(port, [open], {
          httpsRedirect,
          ...(isTls
            ? {
                port: { number: port, name: 'https', protocol: 'HTTPS' },
                tls: gatewayTls('one'),
              }
            : {}),
        }),
      ),
    }),
  );
const anySecret = id.map((key) =>
  object('Secret', key, {
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': new Uint8Array([1]),
      'tls.key': new Uint8Array([2]),
      '.dockerconfigjson': new Uint8Array([3]),
      'client-secret': new Uint8Array([4]),
      'hmac-secret': new Uint8Array(32).fill(5),
    },
  }),
);

const anyFilter = fc
  .tuple(
    id,
    fc.option(labels, { nil: undefined }),
    fc.integer({ min: -1, max: 1 }),
    fc.uniqueArray(fc.constantFrom('ANY', 'GATEWAY', 'SIDECAR_INBOUND' as const), { minLength: 1 }),
  )
  .map(([key, selector, priority, contexts]) =>
    object('EnvoyFilter', key, {
      ...(selector === undefined ? {} : { workloadSelector: selector }),
      targetGateways: [],
      priority,
      patches: contexts.map((context) => ({
        applyTo: 'CLUSTER',
        operation: 'REMOVE',
        filterClass: 'UNSPECIFIED',
        match: { context },
      })),
    }),
  );

const anyExtension = fc
  .tuple(
    id,
    fc.option(labels, { nil: undefined }),
    fc.integer({ min: -1, max: 1 }),
    fc.constantFrom('AUTHN', 'STATS', 'UNSPECIFIED' as const),
    fc.uniqueArray(fc.constantFrom('CLIENT', 'SERVER' as const)),
  )
  .map(([key, selector, priority, phase, modes]) =>
    object('TrafficExtension', key, {
      ...(selector === undefined ? {} : { selector }),
      targetGateways: [],
      priority,
      phase,
      match: modes.map((mode) => ({ mode, ports: [] })),
      filter: { kind: 'lua', inlineCode: '' },
    }),
  );

const anyObject: fc.Arbitrary<MeshObject> = fc.oneof(
  anyService,
  anyPod,
  anyEntry,
  anyWorkloadEntry,
  anySlice,
  anyNamespace,
  anyPlan,
  anyRoute,
  anyRule,
  anyPeer,
  anyAuthorization,
  anyAuthentication,
  anySidecar,
  anyGateway,
  anySecret,
  anyLogin,
  anyFilter,
  anyExtension,
);

type Step =
  | { readonly kind: 'put'; readonly objects: readonly MeshObject[] }
  | { readonly kind: 'delete'; readonly position: number }
  | { readonly kind: 'domain'; readonly clusterDomain: string }
  | { readonly kind: 'relabel'; readonly labels: Readonly<Record<string, string>> };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      objects: fc.array(anyObject, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), position: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('domain' as const),
      clusterDomain: fc.constantFrom('cluster.local', 'other'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('relabel' as const), labels }) },
);

const proxies: readonly ProxyNode[] = [
  proxy('a/one', { id: 'sidecar-1', labels: { app: 'one', version: 'v1' } }),
  proxy('b/none', { id: 'sidecar-2', address: '127.0.1.2', labels: { app: 'two', version: 'v1' } }),
  proxy('istio-system/gw', {
    id: 'router-1',
    role: 'router',
    labels: { istio: 'ingress' },
    gatewayPorts: { 80: 8080 },
  }),
  proxy('a/gw', { id: 'router-2', role: 'router', labels: {}, capture: 'transparent' }),
];

const settings = (clusterDomain: string) => ({
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  clusterDomain,
  outboundTrafficPolicy: 'ALLOW_ANY' as const,
  accessLog: { format: 'text' as const },
  network: '',
});

/** The client whose labels change. */
const changing = (own: Readonly<Record<string, string>>) =>
  proxy('b/changing', { id: 'sidecar-3', address: '127.0.1.3', labels: own });

interface Remains {
  readonly clusterDomain: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A mesh to which the keys of one issuer are known. */
function createMeshWithKeys() {
  const mesh = createMesh();
  mesh.graph.transact(() => mesh.keySets.set(`uri ${issuer}/keys`, '{"keys":[]}'));
  return mesh;
}

function fromScratch(objects: readonly MeshObject[], { clusterDomain, labels: own }: Remains) {
  const scratch = createMeshWithKeys();
  scratch.graph.transact(() => scratch.settings.set('mesh', settings(clusterDomain)));
  scratch.connect(...proxies, changing(own));
  scratch.put(...objects);
  return everything(scratch.mesh);
}

/** Collections that no history has put anything into: the generators would have a hole. */
const seen = new Map<string, number>();
function count(mesh: Readonly<Record<string, object>>): void {
  for (const [name, rows] of Object.entries(mesh)) {
    seen.set(name, (seen.get(name) ?? 0) + Object.keys(rows).length);
  }
}
const neverSeen = () => [...seen].filter(([, rows]) => rows === 0).map(([name]) => name);

test('equals the mesh from scratch after any history', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (history) => {
      const mesh = createMeshWithKeys();
      const present = new Map<string, MeshObject>();
      let clusterDomain = 'cluster.local';
      let own: Remains['labels'] = {};
      mesh.connect(...proxies, changing(own));
      for (const move of history) {
        if (move.kind === 'put') {
          for (const each of move.objects) present.set(keyOf(each), each);
          mesh.put(...move.objects);
        } else if (move.kind === 'relabel') {
          own = move.labels;
          mesh.connect(changing(own));
        } else if (move.kind === 'domain') {
          clusterDomain = move.clusterDomain;
          mesh.graph.transact(() => mesh.settings.set('mesh', settings(clusterDomain)));
        } else {
          const gone = [...present.values()][move.position % Math.max(1, present.size)];
          if (gone === undefined) continue;
          present.delete(keyOf(gone));
          mesh.delete(keyOf(gone));
        }
      }
      expect(mesh.graph.errors()).toEqual([]);
      const shuffled = [...present.values()].reverse();
      count(everything(mesh.mesh));
      expect(everything(mesh.mesh)).toEqual(fromScratch(shuffled, { clusterDomain, labels: own }));
    }),
    { numRuns: 1000 },
  );
  expect(neverSeen()).toEqual([]);
}, 120_000);
