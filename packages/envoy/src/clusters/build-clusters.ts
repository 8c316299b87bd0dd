// Clusters as collections: per layer, port and subset.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, Layer, ServicePort, Subset } from '@xebec/model';
import { seenIn } from '@xebec/model';
import type { Demand } from '../demand.ts';
import type { Place } from '../endpoints/place.ts';
import type { ResourceInputs } from '../inputs.ts';
import { buildConnectClusters } from '../listeners/build-connects.ts';
import { buildTokenClusters } from '../login/token-cluster.ts';
import { type Places, placeLayer } from '../places.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { baseLayer, grpcLayer, ipv6BaseLayer, proxyLayer } from '../views.ts';
import { encodeBaseClusters, encodeInboundCluster, encodeIpv6BaseClusters } from './base-clusters.ts';
import { buildNamedClusters } from './named-clusters.ts';
import type { NamingGateways } from './naming-gateways.ts';
import {
  encodeGrpcCluster,
  encodeOutboundCluster,
  type OutboundClusterOptions,
  policyFor,
} from './outbound-cluster.ts';
import { buildPolicyClusters } from './policy-cluster.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

interface ClusterSources {
  readonly demand: Demand;
  readonly places: Places;
  readonly naming: NamingGateways;
}

export function buildClusters(
  graph: Graph,
  inputs: ResourceInputs,
  { demand, places, naming }: ClusterSources,
): Resources {
  return graph.union(
    'clusters',
    buildOutbound(graph, inputs, places),
    buildGrpc(graph, inputs, demand),
    buildInbound(graph, inputs),
    buildNamedClusters(graph, inputs.destinations, naming),
    buildBase(graph, inputs),
    buildConnectClusters(graph, { inputs, demand }),
    buildTokenClusters(graph, inputs.gateways),
    buildPolicyClusters(graph, inputs),
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

function buildOutbound(
  graph: Graph,
  { destinations, endpointSets }: ResourceInputs,
  { byLayer: places }: Places,
): Resources {
  return graph.derive({
    name: 'outboundClusters',
    from: destinations,
    reads: { endpointSets, places },
    fn: (destination, _key, read) =>
      targetsOf(destination).flatMap((target): Emission[] => {
        const { host } = destination.service;
        const set = resolvesByDns(destination)
          ? seenIn(read.endpointSets, destination.layer, `${host}|${target.port.number}`)
          : undefined;
        const options = { destination, ...target, ...(set === undefined ? {} : { endpointSet: set }) };
        const encoded = encodeOutboundCluster(options);
        const own: Emission = [clusterKey(destination.layer, encoded.name), encoded];
        return [own, ...placedClusters(options, read.places)];
      }),
    equals: equalResources,
  });
}

/** Names are resolved by the cluster, which then has to know where its client is. */
function placedClusters(
  options: OutboundClusterOptions,
  places: { at(layer: Layer): readonly (readonly [string, Place])[] },
): readonly Emission[] {
  const { layer, service } = options.destination;
  const setting = policyFor(options).locality;
  if (service.resolution !== 'dns' || setting === undefined) return [];
  return places.at(layer).flatMap(([, place]): Emission[] => {
    if (place.isNetwork) return [];
    const encoded = encodeOutboundCluster({ ...options, arrangement: { place, setting } });
    return [[clusterKey(placeLayer(layer, place), encoded.name), encoded]];
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
    fn: () => [
      ...encodeBaseClusters().map((encoded): Emission => [clusterKey(baseLayer, encoded.name), encoded]),
      ...encodeIpv6BaseClusters().map(
        (encoded): Emission => [clusterKey(ipv6BaseLayer, encoded.name), encoded],
      ),
    ],
    equals: equalResources,
  });
}
