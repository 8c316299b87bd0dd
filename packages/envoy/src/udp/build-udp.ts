// UDP as collections: clusters, endpoints and listeners of the ports that carry datagrams, and of no others.
import type { Collection, Graph } from '@xebec/flow';
import type { Host, HostPort, Layer, Layered } from '@xebec/model';
import { hostPort, isImported } from '@xebec/model';
import type { Client } from '../clients.ts';
import type { Demand } from '../demand.ts';
import type { ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { addressLayer, proxyLayer } from '../views.ts';
import { encodeInboundUdp, encodeOutboundUdp } from './clusters.ts';
import { buildGatewayUdp } from './gateways.ts';
import { encodeOutboundUdpListener } from './listeners.ts';
import { placeUdpServices, redirectedUdpPort, type UdpService } from './names.ts';
import { deriveUdpTargets, ownerOf, setOf, type UdpTarget, type UdpTargets, udpPortsOf } from './targets.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

export interface UdpResources {
  readonly clusters: Resources;
  readonly endpoints: Resources;
  readonly listeners: Resources;
}

/** What the rest of the translation already knows of connected proxies. */
interface Connected {
  readonly clients: Collection<string, Client>;
  readonly demand: Demand;
}

export function buildUdp(graph: Graph, inputs: ResourceInputs, { clients, demand }: Connected): UdpResources {
  const targets = deriveUdpTargets(graph, inputs);
  return {
    clusters: graph.union('udpClusters', buildOutbound(graph, inputs), buildInbound(graph, inputs)),
    endpoints: buildEndpoints(graph, inputs),
    listeners: graph.union(
      'udpListeners',
      buildAddresses(graph, inputs, { targets, demand }),
      buildExplicit(graph, inputs, { targets, clients }),
      buildGatewayUdp(graph, inputs, targets),
    ),
  };
}

const emission = (layer: string, resource: EncodedResource): Emission => [
  `${layer}|${resource.name}`,
  resource,
];

function buildOutbound(graph: Graph, { destinations, udpEndpointSets }: ResourceInputs): Resources {
  return graph.derive({
    name: 'outboundUdpClusters',
    from: destinations,
    reads: { udpEndpointSets },
    fn: (destination, _key: Layered<Host>, read) =>
      udpPortsOf(destination).map((port) => {
        const set = setOf(destination, port, read.udpEndpointSets);
        return emission(destination.layer, encodeOutboundUdp(destination, port, set).cluster);
      }),
    equals: equalResources,
  });
}

function buildEndpoints(graph: Graph, { destinations, udpEndpointSets }: ResourceInputs): Resources {
  return graph.derive({
    name: 'udpEndpoints',
    from: destinations,
    reads: { udpEndpointSets },
    fn: (destination, _key: Layered<Host>, read) =>
      udpPortsOf(destination).flatMap((port) => {
        const set = setOf(destination, port, read.udpEndpointSets);
        const { endpoints } = encodeOutboundUdp(destination, port, set);
        return endpoints === undefined ? [] : [emission(destination.layer, endpoints)];
      }),
    equals: equalResources,
  });
}

function buildInbound(graph: Graph, { inbounds }: ResourceInputs): Resources {
  return graph.derive({
    name: 'inboundUdpClusters',
    from: inbounds,
    fn: (inbound, id: string) =>
      inbound.udpPorts.map((port) => emission(proxyLayer(id), encodeInboundUdp(inbound, port))),
    equals: equalResources,
  });
}

const discoveries = ['on-demand', 'eager'] as const;

/** At the addresses of services, for sidecars in whose networks these addresses lead to the sidecar. */
function buildAddresses(
  graph: Graph,
  { settings }: ResourceInputs,
  { targets, demand }: { readonly targets: UdpTargets; readonly demand: Demand },
): Resources {
  const byPlace = graph.index(targets, 'byPlace', placesOf);
  return graph.derive({
    name: 'udpAddressListeners',
    from: graph.group(byPlace),
    reads: { byPlace, settings, demand },
    fn: (_keys, place: string, read): readonly Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined || read.demand.get('style:port') === undefined) return [];
      const [first] = read.byPlace.at(place);
      if (first === undefined) return [];
      const [, target] = first;
      const at = { address: addressIn(place), port: redirectedUdpPort(target.port.number) };
      const encoded = encodeOutboundUdpListener(target, at, current);
      return discoveries.map((discovery) => emission(addressLayer(discovery, target.layer), encoded));
    },
    equals: equalResources,
  });
}

/** `LAYER|ADDRESS|PORT`: two services at one place, the first by name has it. */
const placesOf = ({ layer, destination, port }: UdpTarget): readonly string[] =>
  destination.service.addresses
    .filter((address) => !address.includes('/'))
    .map((address) => `${layer}|${address}|${redirectedUdpPort(port.number)}`);

const addressIn = (place: string): string => place.split('|')[1] ?? '';

/** At a sidecar's own address, with a port number for each service that its namespace sees. */
function buildExplicit(
  graph: Graph,
  { inbounds, settings }: Pick<ResourceInputs, 'inbounds' | 'settings'>,
  { targets, clients }: { readonly targets: UdpTargets; readonly clients: Collection<string, Client> },
): Resources {
  const byLayer = graph.index(targets, 'byLayer', ({ layer }) => [layer]);
  return graph.derive({
    name: 'explicitUdpListeners',
    from: inbounds,
    reads: { byLayer, clients, settings },
    fn: ({ proxy, udpPorts }, id: string, read): readonly Emission[] => {
      const current = read.settings.get('mesh');
      if (proxy.capture !== 'explicit' || current === undefined) return [];
      const taken = new Set(udpPorts.map(({ port }) => port));
      const { address } = proxy;
      return [...placeUdpServices(visibleTo(read.clients.get(id), read.byLayer), taken)].map(
        ([port, { target }]) =>
          emission(proxyLayer(id), encodeOutboundUdpListener(target, { address, port }, current)),
      );
    },
    equals: equalResources,
  });
}

/** What a client sees: of each host that its scope imports the one in its narrowest layer. */
function visibleTo(
  client: Client | undefined,
  byLayer: { at(layer: Layer): readonly (readonly [Layered<HostPort>, UdpTarget])[] },
): readonly ExplicitService[] {
  const found = new Map<string, ExplicitService>();
  const { layers = [], scope } = client ?? {};
  for (const [, target] of layers.flatMap((layer) => byLayer.at(layer))) {
    if (scope !== undefined && !isImported(scope, ownerOf(target))) continue;
    const { host } = target.destination.service;
    const name = hostPort(host, target.port);
    if (!found.has(name)) found.set(name, { host, port: target.port.number, target });
  }
  return [...found.values()];
}

interface ExplicitService extends UdpService {
  readonly target: UdpTarget;
}
