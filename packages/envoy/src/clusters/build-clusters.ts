// Clusters and their endpoints as collections: per layer, port and subset.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, EndpointSet, Host, Layered, ServicePort, Subset } from '@xebec/model';
import type { Demand } from '../demand.ts';
import { encodeEndpoints } from '../endpoints/assignment.ts';
import type { ResourceInputs } from '../inputs.ts';
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
const setKey = (host: Host, port: number): string => `${host}|${port}`;
const resolvesByDns = ({ service }: Destination): boolean => service.resolution.startsWith('dns');

function buildOutbound(graph: Graph, { destinations, endpointSets }: ResourceInputs): Resources {
  return graph.derive({
    name: 'outboundClusters',
    from: destinations,
    reads: { endpointSets },
    fn: (destination, _key, read) =>
      targetsOf(destination).map((target): Emission => {
        const { host } = destination.service;
        const set = resolvesByDns(destination)
          ? read.endpointSets.get(setKey(host, target.port.number))
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
      if (destination.layer !== '*' || destination.service.resolution !== 'endpoints') return [];
      if (read.demand.get('role:grpc') === undefined) return [];
      return targetsOf(destination).map(({ port, subset }): Emission => {
        const encoded = encodeGrpcCluster(destination, port, subset);
        return [clusterKey(grpcLayer, encoded.name), encoded];
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
  readonly layer: string;
  readonly subsets: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
}

export function buildEndpoints(graph: Graph, { destinations, endpointSets }: ResourceInputs): Resources {
  const selections = graph.derive({
    name: 'endpointSelections',
    from: destinations,
    fn: ({ service, layer, subsets }, key: Layered<Host>) => {
      if (service.resolution !== 'endpoints') return [];
      const selection: Selection = {
        host: service.host,
        layer,
        subsets: [{ name: '', labels: {} }, ...subsets.map(({ name, labels }) => ({ name, labels }))],
      };
      return [[key, selection] as const];
    },
    equals: (left, right) => JSON.stringify(left) === JSON.stringify(right),
  });
  const byHost = graph.index(selections, 'byHost', ({ host }) => [host]);
  return graph.derive({
    name: 'endpoints',
    from: endpointSets,
    reads: { byHost },
    fn: (set: EndpointSet, _key, read) =>
      read.byHost.at(set.host).flatMap(([, { layer, subsets }]) =>
        subsets.map(({ name: subset, labels }): Emission => {
          const name = outboundCluster(set.port.number, subset, set.host);
          return [clusterKey(layer, name), encodeEndpoints({ name, labels, set })];
        }),
      ),
    equals: equalResources,
  });
}
