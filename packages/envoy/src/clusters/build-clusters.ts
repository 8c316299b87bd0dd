// Clusters and their endpoints as collections: per layer, port and subset.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, EndpointSet, Host, Layer, Layered, ServicePort, Subset } from '@xebec/model';
import { isClassLayer, layerChain, seenIn, splitLayered } from '@xebec/model';
import type { Demand } from '../demand.ts';
import { encodeEndpoints } from '../endpoints/assignment.ts';
import type { HostPort, ResourceInputs } from '../inputs.ts';
import { buildConnectClusters } from '../listeners/build-connects.ts';
import { outboundCluster } from '../names.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { baseLayer, grpcLayer, proxyLayer } from '../views.ts';
import { encodeBaseClusters, encodeInboundCluster } from './base-clusters.ts';
import { encodeGrpcCluster, encodeOutboundCluster } from './outbound-cluster.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

export function buildClusters(graph: Graph, inputs: ResourceInputs, demand: Demand): Resources {
  return graph.union(
    'clusters',
    buildOutbound(graph, inputs),
    buildGrpc(graph, inputs, demand),
    buildInbound(graph, inputs),
    buildBase(graph, inputs),
    buildConnectClusters(graph, { inputs, demand }),
  );
}

/** The whole host and each of its subsets, on every port. */
function targetsOf(
  destination: Destination,
): readonly { readonly port: ServicePort; readonly subset?: Subset }[] {
  const subsets = destination.subsets.map((subset) => ({ subset }));
  return destination.service.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .flatMap((port) => [{ port }, ...subsets.map((each) => ({ port, ...each }))]);
}

const clusterKey = (layer: string, name: string): ResourceKey => `${layer}|${name}`;
const resolvesByDns = ({ service: { resolution } }: Destination): boolean =>
  resolution === 'dns' || resolution === 'dns-round-robin';

function buildOutbound(graph: Graph, { destinations, endpointSets }: ResourceInputs): Resources {
  return graph.derive({
    name: 'outboundClusters',
    from: destinations,
    reads: { endpointSets },
    fn: (destination, _key, read) =>
      targetsOf(destination).map((target): Emission => {
        const { host } = destination.service;
        const set = resolvesByDns(destination)
          ? seenIn(read.endpointSets, destination.layer, `${host}|${target.port.number}`)
          : undefined;
        const encoded = encodeOutboundCluster({
          destination,
          ...target,
          ...(set === undefined ? {} : { endpointSet: set }),
        });
        return [clusterKey(destination.layer, encoded.name), encoded];
      }),
    equals: equalResources,
  });
}

function buildGrpc(graph: Graph, { destinations }: ResourceInputs, demand: Demand): Resources {
  return graph.derive({
    name: 'grpcClusters',
    from: destinations,
    reads: { demand },
    fn: (destination, _key, read): Emission[] => {
      if (destination.service.resolution !== 'endpoints') return [];
      if (read.demand.get('role:grpc') === undefined) return [];
      return targetsOf(destination).map(({ port, subset }): Emission => {
        const encoded = encodeGrpcCluster(destination, port, subset);
        return [clusterKey(grpcLayer(destination.layer), encoded.name), encoded];
      });
    },
    equals: equalResources,
  });
}

function buildInbound(graph: Graph, { inbounds }: ResourceInputs): Resources {
  return graph.derive({
    name: 'inboundClusters',
    from: inbounds,
    fn: (inbound, id: string) =>
      inbound.ports.map((port): Emission => {
        const encoded = encodeInboundCluster(inbound, port);
        return [clusterKey(proxyLayer(id), encoded.name), encoded];
      }),
    equals: equalResources,
  });
}

function buildBase(graph: Graph, { settings }: ResourceInputs): Resources {
  return graph.derive({
    name: 'baseClusters',
    from: settings,
    fn: () => encodeBaseClusters().map((encoded): Emission => [clusterKey(baseLayer, encoded.name), encoded]),
    equals: equalResources,
  });
}

/** What endpoint selection reads of a destination; unchanged by most changes of its policy. */
interface Selection {
  readonly host: Host;
  readonly layer: Layer;
  readonly subsets: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
}

export function buildEndpoints(graph: Graph, { destinations, endpointSets }: ResourceInputs): Resources {
  const selections = graph.derive({
    name: 'endpointSelections',
    from: destinations,
    fn: (destination, key: Layered<Host>) =>
      destination.service.resolution === 'endpoints' ? [[key, selectionOf(destination)] as const] : [],
    equals: (left, right) => JSON.stringify(left) === JSON.stringify(right),
  });
  const byHost = graph.index(selections, 'byHost', ({ host }) => [host]);
  return graph.derive({
    name: 'endpoints',
    from: endpointSets,
    reads: { byHost, endpointSets },
    fn: (set: EndpointSet, key: Layered<HostPort>, read) => {
      const { layer, name: hostPort } = splitLayered(key);
      const candidates = read.byHost.at(set.host).map(([, selection]) => selection);
      const hasOwn = (other: Layer) =>
        read.endpointSets.get(`${other}|${hostPort}` as Layered<HostPort>) !== undefined;
      const wide = candidates.filter((each) => !isClassLayer(each.layer));
      const narrow = candidates.filter((each) => isClassLayer(each.layer));
      return [
        ...selectionsFor(layer, wide, hasOwn),
        ...narrow.flatMap((each) => selectionOfClass(each, { layer, wide, hasOwn })),
      ].flatMap((selection) => encodeSelection(selection, set));
    },
    equals: equalResources,
  });
}

const selectionOf = ({ service, layer, subsets }: Destination): Selection => ({
  host: service.host,
  layer,
  subsets: [{ name: '', labels: {} }, ...subsets.map(({ name, labels }) => ({ name, labels }))],
});

/**
 * Destinations and endpoints are layered each by themselves: shared endpoints also serve a namespace's own
 * destination unless it has its own endpoints, and a namespace's own endpoints also serve the shared destination.
 */
function selectionsFor(
  layer: Layer,
  candidates: readonly Selection[],
  hasOwn: (layer: Layer) => boolean,
): readonly Selection[] {
  if (layer === '*') return candidates.filter((each) => each.layer === '*' || !hasOwn(each.layer));
  const own = candidates.filter((each) => each.layer === layer);
  return own.length > 0
    ? own
    : candidates.filter((each) => each.layer === '*').map((each) => ({ ...each, layer }));
}

/** Subsets that the class's namespace does not have so: the others are seen there. */
function selectionOfClass(
  selection: Selection,
  { layer, wide, hasOwn }: EndpointPlace,
): readonly Selection[] {
  const [, namespace = '*'] = layerChain(selection.layer);
  if (layer !== (hasOwn(namespace) ? namespace : '*')) return [];
  const wider = wide.find((each) => each.layer === namespace) ?? wide.find((each) => each.layer === '*');
  const known = new Set(wider?.subsets.map((subset) => JSON.stringify(subset)));
  return [
    { ...selection, subsets: selection.subsets.filter((subset) => !known.has(JSON.stringify(subset))) },
  ];
}

/** Where a set of endpoints is, and what else is there for its host. */
interface EndpointPlace {
  readonly layer: Layer;
  readonly wide: readonly Selection[];
  readonly hasOwn: (layer: Layer) => boolean;
}

const encodeSelection = ({ layer, subsets }: Selection, set: EndpointSet): readonly Emission[] =>
  subsets.map(({ name: subset, labels }): Emission => {
    const name = outboundCluster(set.port.number, subset, set.host);
    return [clusterKey(layer, name), encodeEndpoints({ name, labels, set })];
  });
