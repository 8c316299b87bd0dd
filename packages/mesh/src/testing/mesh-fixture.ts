// A mesh over sources that a test writes; objects go in by kind, collections come out as plain text keys and values.
import type { KindName, ObjectOf } from '@xebec/config';
import { type Collection, createGraph, type Graph, type Source } from '@xebec/flow';
import type { KeySource, ObjectKey, ProxyNode } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { buildMesh } from '../build-mesh.ts';
import type { MeshCollections } from '../inputs.ts';
import type { MeshSettings } from '../settings.ts';
import { keyOf } from './objects.ts';

/** Kinds of which the mesh is made. */
export type MeshObject = {
  readonly [K in KindName]: ObjectOf<K>;
}[
  | 'Service'
  | 'ServiceEntry'
  | 'WorkloadEntry'
  | 'Pod'
  | 'EndpointSlice'
  | 'VirtualService'
  | 'DestinationRule'
  | 'Gateway'
  | 'PeerAuthentication'
  | 'RequestAuthentication'
  | 'BrowserLogin'
  | 'rule'
  | 'handler'
  | 'instance'
  | 'template'
  | 'QuotaSpec'
  | 'QuotaSpecBinding'
  | 'QuotaPool'
  | 'HTTPAPISpec'
  | 'HTTPAPISpecBinding'
  | 'QuotaPlan'
  | 'Sidecar'
  | 'EnvoyFilter'
  | 'WasmPlugin'
  | 'TrafficExtension'
  | 'AuthorizationPolicy'
  | 'Secret'
  | 'Namespace'
  | 'ConfigMap'];

export interface MeshFixture {
  readonly graph: Graph;
  readonly mesh: MeshCollections;
  readonly proxies: Source<string, ProxyNode>;
  readonly settings: Source<'mesh', MeshSettings>;
  readonly keySets: Source<KeySource, string>;
  /** One transaction. */
  put(...objects: readonly MeshObject[]): void;
  delete(...keys: readonly ObjectKey[]): void;
  connect(...proxies: readonly ProxyNode[]): void;
  /** Transform runs of one action, by collection; those without a run are left out. */
  runsOf(action: () => void): Readonly<Record<string, number>>;
}

function createSources(graph: Graph) {
  const of = <K extends KindName>(kind: K): Source<ObjectKey, ObjectOf<K>> =>
    graph.source<ObjectKey, ObjectOf<K>>(kind, { equals: deepEqual });
  return {
    Service: of('Service'),
    ServiceEntry: of('ServiceEntry'),
    WorkloadEntry: of('WorkloadEntry'),
    Pod: of('Pod'),
    EndpointSlice: of('EndpointSlice'),
    VirtualService: of('VirtualService'),
    DestinationRule: of('DestinationRule'),
    Gateway: of('Gateway'),
    PeerAuthentication: of('PeerAuthentication'),
    RequestAuthentication: of('RequestAuthentication'),
    BrowserLogin: of('BrowserLogin'),
    rule: of('rule'),
    handler: of('handler'),
    instance: of('instance'),
    template: of('template'),
    QuotaSpec: of('QuotaSpec'),
    QuotaSpecBinding: of('QuotaSpecBinding'),
    QuotaPool: of('QuotaPool'),
    HTTPAPISpec: of('HTTPAPISpec'),
    HTTPAPISpecBinding: of('HTTPAPISpecBinding'),
    QuotaPlan: of('QuotaPlan'),
    AuthorizationPolicy: of('AuthorizationPolicy'),
    Secret: of('Secret'),
    Sidecar: of('Sidecar'),
    EnvoyFilter: of('EnvoyFilter'),
    WasmPlugin: of('WasmPlugin'),
    TrafficExtension: of('TrafficExtension'),
    Namespace: of('Namespace'),
    ConfigMap: of('ConfigMap'),
  };
}

type Sources = ReturnType<typeof createSources>;

function write(sources: Sources, object: MeshObject): void {
  const source: Source<ObjectKey, never> = sources[object.kind] as Source<ObjectKey, never>;
  source.set(keyOf(object), object as never);
}

export function createMesh(): MeshFixture {
  const graph = createGraph();
  const sources = createSources(graph);
  const proxies = graph.source<string, ProxyNode>('proxies', { equals: deepEqual });
  const settings = graph.source<'mesh', MeshSettings>('settings', { equals: deepEqual });
  const keySets = graph.source<KeySource, string>('keySets');
  const mesh = buildMesh(graph, {
    services: sources.Service,
    serviceEntries: sources.ServiceEntry,
    workloadEntries: sources.WorkloadEntry,
    pods: sources.Pod,
    endpointSlices: sources.EndpointSlice,
    virtualServices: sources.VirtualService,
    destinationRules: sources.DestinationRule,
    gateways: sources.Gateway,
    peerAuthentications: sources.PeerAuthentication,
    sidecars: sources.Sidecar,
    requestAuthentications: sources.RequestAuthentication,
    browserLogins: sources.BrowserLogin,
    // Told apart by name, as real ones are.
    sessionKey: (name, secret) =>
      new TextEncoder().encode(`${name} of ${secret?.length ?? 'the mesh'}`.padEnd(32, '.')),
    policyRules: sources.rule,
    handlers: sources.handler,
    instances: sources.instance,
    templates: sources.template,
    quotaSpecs: sources.QuotaSpec,
    quotaSpecBindings: sources.QuotaSpecBinding,
    quotaPools: sources.QuotaPool,
    httpApiSpecs: sources.HTTPAPISpec,
    httpApiSpecBindings: sources.HTTPAPISpecBinding,
    quotaPlans: sources.QuotaPlan,
    keySets,
    authorizationPolicies: sources.AuthorizationPolicy,
    secrets: sources.Secret,
    envoyFilters: sources.EnvoyFilter,
    wasmPlugins: sources.WasmPlugin,
    trafficExtensions: sources.TrafficExtension,
    namespaces: sources.Namespace,
    configMaps: sources.ConfigMap,
    proxies,
    settings,
  });
  return {
    graph,
    mesh,
    proxies,
    settings,
    keySets,
    put: (...objects) => {
      graph.transact(() => {
        for (const object of objects) write(sources, object);
      });
    },
    delete: (...keys) => {
      graph.transact(() => {
        for (const key of keys)
          for (const source of Object.values(sources)) if (source.has(key)) source.delete(key);
      });
    },
    connect: (...nodes) => {
      graph.transact(() => {
        for (const node of nodes) proxies.set(node.id, node);
      });
    },
    runsOf: (action) => runsOf(graph, action),
  };
}

function runsOf(graph: Graph, action: () => void): Readonly<Record<string, number>> {
  const before = graph.runs();
  action();
  const differences = Object.entries(graph.runs()).map(([name, runs]): [string, number] => [
    name,
    runs - (before[name] ?? 0),
  ]);
  return Object.fromEntries(differences.filter(([, runs]) => runs > 0));
}

/** A collection as an object with sorted keys. */
export function contents<K extends string, V>(collection: Collection<K, V>): Readonly<Record<string, V>> {
  return Object.fromEntries([...collection.entries()].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Every collection of a mesh, to compare two of them. */
export const everything = ({
  acceptances: _asked,
  ...collections
}: MeshCollections): Readonly<Record<string, object>> =>
  Object.fromEntries(
    Object.entries(collections).map(([name, collection]: [string, Collection<string, unknown>]) => [
      name,
      contents(collection),
    ]),
  );
