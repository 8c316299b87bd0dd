// Budgets of a change through the whole pipeline, as counts of transform runs: what a change costs does not grow with the mesh.
import { parseDocuments } from '@xebec/config';
import { createPipeline, type Pipeline } from '@xebec/control-plane';
import type { ProxyNode } from '@xebec/model';
import type { EncodedResource } from '@xebec/xds';
import { describe, expect, it } from 'vitest';
import { documentsOf, meshPolicy, type ServiceState } from '../../bench/generate/manifests.ts';
import { endpointAddress, endpointsPerService, hostOf } from '../../bench/generate/naming.ts';

const plain = 1;
const routed = 0;

const proxy = (name: string, namespace: string, discovery: ProxyNode['discovery']): ProxyNode => ({
  id: `sidecar~10.200.0.${name.length}~${name}.${namespace}~${namespace}.svc.cluster.local`,
  role: 'sidecar',
  namespace,
  name,
  address: `10.200.0.${name.length}`,
  serviceAccount: 'default',
  labels: { app: name },
  capture: 'transparent',
  applicationAddress: `10.200.0.${name.length}`,
  discovery,
  workloadName: name,
  network: '',
  gatewayPorts: {},
});

const stateOf = (service: number): ServiceState => ({
  service,
  addresses: Array.from({ length: endpointsPerService }, (_, i) => endpointAddress(service, i)),
  weight: 10,
});

function apply(pipeline: Pipeline, ...documents: readonly string[]): void {
  const { objects } = parseDocuments(documents.join('\n---\n'), 'mesh.yaml');
  const change = { upserts: objects, author: 'test', owner: 'file:test', mode: 'all-or-nothing' } as const;
  expect(pipeline.store.apply(change).ok).toBe(true);
}

/** A mesh of so many services, with one ordinary sidecar and one on demand. */
function createMesh(services: number): Pipeline {
  const pipeline = createPipeline({ clock: () => 0 });
  const { graph, proxies } = pipeline;
  graph.transact(() => {
    for (const node of [proxy('all', 'ns-3', 'eager'), proxy('few', 'ns-4', 'on-demand')])
      proxies.set(node.id, node);
  });
  const states = Array.from({ length: services }, (_, service) => stateOf(service));
  apply(pipeline, meshPolicy('PERMISSIVE'), ...states.map(documentsOf));
  return pipeline;
}

interface Cost {
  /** Transform runs by collection. */
  readonly runs: Readonly<Record<string, number>>;
  /** Changed resources, as `Type NAME`. */
  readonly changed: readonly string[];
  /** Bytes of them that were not there before. */
  readonly freshBytes: number;
}

const shortType = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

/** Runs a change and says what it cost. */
function costOf({ graph, resources }: Pipeline, change: () => void): Cost {
  const before = graph.runs();
  const changed: string[] = [];
  let freshBytes = 0;
  const watches = resources.map(({ typeUrl, resources: collection }) =>
    graph.watch(collection, ({ changes }) => {
      for (const [key, { before: old, after }] of changes) {
        changed.push(`${shortType(typeUrl)} ${key}`);
        freshBytes += bytesNotIn(old, after);
      }
    }),
  );
  change();
  for (const watch of watches) watch[Symbol.dispose]();
  const runs = Object.entries(graph.runs())
    .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return { runs: Object.fromEntries(runs), changed: changed.sort(), freshBytes };
}

/** Pieces that both share are the same arrays, not copies. */
function bytesNotIn(before: EncodedResource | undefined, after: EncodedResource | undefined): number {
  const known = new Set(before?.chunks ?? []);
  return (after?.chunks ?? [])
    .filter((chunk) => !known.has(chunk))
    .reduce((sum, chunk) => sum + chunk.byteLength, 0);
}

const changeEndpoint = (pipeline: Pipeline) => () => {
  const { addresses, ...rest } = stateOf(plain);
  apply(pipeline, documentsOf({ ...rest, addresses: ['10.250.0.1', ...addresses.slice(1)] }));
};

const changeRoute = (pipeline: Pipeline) => () =>
  apply(pipeline, documentsOf({ ...stateOf(routed), weight: 30 }));

const addService = (pipeline: Pipeline, service: number) => () =>
  apply(pipeline, documentsOf(stateOf(service)));

/** A change passes each stage at most once. */
function expectOncePerStage({ runs }: Cost, stages: number): void {
  const repeated = Object.entries(runs).filter(([, count]) => count > 1);
  expect(repeated).toEqual([]);
  expect(Object.keys(runs).length, Object.keys(runs).join(', ')).toBeLessThanOrEqual(stages);
}

describe('a change costs what it touches', () => {
  const small = createMesh(100);
  const large = createMesh(1_000);

  it('sends one resource when an endpoint changes, for the same work in a larger mesh', () => {
    const cost = costOf(small, changeEndpoint(small));
    expect(cost.changed).toEqual([`ClusterLoadAssignment *|outbound|80||${hostOf(plain)}`]);
    expect(cost.freshBytes).toBeLessThan(4_096);
    expectOncePerStage(cost, 8);
    expect(costOf(large, changeEndpoint(large))).toEqual(cost);
  });

  it('encodes one virtual host when a route changes, for the same work in a larger mesh', () => {
    const cost = costOf(small, changeRoute(small));
    expect(cost.changed).toEqual(['RouteConfiguration eager:ns-3|80', `VirtualHost *|80/${hostOf(routed)}`]);
    // Two of them only find that no patches apply.
    expectOncePerStage(cost, 14);
    const larger = costOf(large, changeRoute(large));
    expect({ ...larger, freshBytes: 0 }).toEqual({ ...cost, freshBytes: 0 });
    // The virtual host, and the few bytes of framing before each host of a whole configuration.
    expect(larger.freshBytes).toBeLessThan(8_192);
  });

  it('adds what a new service needs and leaves the others alone', () => {
    const cost = costOf(small, addService(small, 101));
    // Among them those that find nothing of their concern: patches, UDP, proxyless gRPC, connections.
    expectOncePerStage(cost, 44);
    expect(cost.changed).toEqual([
      `Cluster *|outbound|80||${hostOf(101)}`,
      `ClusterLoadAssignment *|outbound|80||${hostOf(101)}`,
      'RouteConfiguration eager:ns-3|80',
      `VirtualHost *|80/${hostOf(101)}`,
    ]);
    expect(costOf(large, addService(large, 1_001)).runs).toEqual(cost.runs);
  });

  it('computes nothing shared again when one more sidecar of a namespace connects', () => {
    const connect =
      ({ graph, proxies }: Pipeline) =>
      () => {
        const node = proxy('another', 'ns-3', 'eager');
        graph.transact(() => proxies.set(node.id, node));
      };
    const cost = costOf(small, connect(small));
    // Its class, place, scope, patches and view among them: each asks its own of one proxy.
    expect(Object.values(cost.runs).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(17);
    expect(cost.changed.filter((resource) => !resource.includes(' proxy:'))).toEqual([]);
    expect(costOf(large, connect(large))).toEqual(cost);
  });

  it('does nothing when a document is written again as it was', () => {
    const cost = costOf(small, () => apply(small, documentsOf(stateOf(50))));
    expect(cost).toEqual({ runs: {}, changed: [], freshBytes: 0 });
  });

  it('leaves the graph without errors', () => {
    expect(small.graph.errors()).toEqual([]);
    expect(large.graph.errors()).toEqual([]);
  });
});
