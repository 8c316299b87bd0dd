// Networks: which one a workload or a client is in, and by which gateways each is reached from the others.
import {
  isInBlocks,
  type MeshNetworkSpec,
  type NetworkGatewaySpec,
  networkLabel,
  type ObjectOf,
} from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { EndpointSet, Layer, Layered, NetworkGateway, ObjectKey } from '@xebec/model';
import { seenIn } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { compareText, serviceHost } from './host-names.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import type { Lookup } from './lookups.ts';
import { defaultSettings, settingsOf } from './settings.ts';

/** The name of a network; never empty. */
export type NetworkName = string;

/** What a ConfigMap says of networks. */
export interface NetworkPlan {
  readonly blocks: readonly { readonly network: NetworkName; readonly blocks: readonly string[] }[];
  /** Of what nothing else says a network of. */
  readonly fallback?: NetworkName;
  readonly gateways: Readonly<Record<NetworkName, readonly NetworkGatewaySpec[]>>;
}

interface NetworkSettings {
  readonly rootNamespace: string;
  readonly network?: string;
}

/** From which the network of anything is known. */
export interface NetworkSources {
  /** By ConfigMap; that of the root namespace counts. */
  readonly networkPlans: Collection<ObjectKey, NetworkPlan>;
  /** By namespace. */
  readonly namespaceNetworks: Collection<string, NetworkName>;
}

export interface NetworkLookups {
  readonly networkPlans: Lookup<ObjectKey, NetworkPlan>;
  readonly namespaceNetworks: Lookup<string, NetworkName>;
  readonly settings: Lookup<'mesh', NetworkSettings>;
}

export function deriveNetworks(graph: Graph, { namespaces, configMaps }: MeshInputs): NetworkSources {
  const labelled = graph.index(namespaces, 'byNetwork', ({ metadata }) =>
    (metadata.labels[networkLabel] ?? '') === '' ? [] : [metadata.name],
  );
  const namespaceNetworks = graph.derive({
    name: 'mesh.namespaceNetworks',
    from: graph.group(labelled),
    reads: { labelled },
    fn: (_keys, namespace: string, read) =>
      read.labelled
        .at(namespace)
        .map(([, { metadata }]) => [namespace, metadata.labels[networkLabel] ?? ''] as const),
  });
  const planned = graph.index(configMaps, 'withNetworks', ({ spec }, key) =>
    spec.meshNetworks === undefined ? [] : [key],
  );
  const networkPlans = graph.derive({
    name: 'mesh.networkPlans',
    from: graph.group(planned),
    reads: { configMaps },
    equals: deepEqual,
    fn: (_keys, object: ObjectKey, read) => {
      const written = read.configMaps.get(object)?.spec.meshNetworks;
      return written === undefined ? [] : [[object, planOf(written)] as const];
    },
  });
  return { networkPlans, namespaceNetworks };
}

function planOf(written: Readonly<Record<NetworkName, MeshNetworkSpec>>): NetworkPlan {
  const networks = Object.entries(written);
  const [fallback] = networks.find(([, { isDefault }]) => isDefault) ?? [];
  return {
    blocks: networks.flatMap(([network, { blocks }]) => (blocks.length === 0 ? [] : [{ network, blocks }])),
    ...(fallback === undefined ? {} : { fallback }),
    gateways: Object.fromEntries(networks.map(([network, { gateways }]) => [network, gateways])),
  };
}

const planIn = (namespace: string): ObjectKey => `ConfigMap/${namespace}/istio`;

/** Whose network is asked for. */
export interface NetworkMember {
  /** What it says itself; empty: nothing. */
  readonly network: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly address: string | undefined;
}

/** Its own word, its label, that of its namespace, the block its address is in, and last what holds for the mesh. Empty: none. */
export function networkOf(member: NetworkMember, read: NetworkLookups): string {
  const { network, labels, namespace, address } = member;
  const own = network || labels[networkLabel] || read.namespaceNetworks.get(namespace) || '';
  if (own !== '') return own;
  const settings = read.settings.get('mesh') ?? defaultSettings;
  const plan = read.networkPlans.get(planIn(settings.rootNamespace));
  const within = plan?.blocks.find(({ blocks }) => address !== undefined && isInBlocks(address, blocks));
  const ofRoot = within?.network ?? read.namespaceNetworks.get(settings.rootNamespace);
  return ofRoot ?? plan?.fallback ?? settings.network ?? '';
}

/** The port of gateways between networks, unless the Service says another. */
const usualPort = 15_443;
const portLabel = 'networking.istio.io/gatewayPort';

type EndpointSets = Collection<Layered<HostPort>, EndpointSet>;
/** By `NETWORK|SAYER`. */
type FoundGateways = Collection<string, readonly NetworkGateway[]>;

/** By network, in order; a network nobody says a gateway of has none, and is reached as if it were near. */
export function deriveNetworkGateways(
  graph: Graph,
  inputs: MeshInputs,
  sources: NetworkSources & { readonly endpointSets: EndpointSets },
): Collection<NetworkName, readonly NetworkGateway[]> {
  const found: FoundGateways = graph.union(
    'mesh.gatewaysFound',
    deriveWritten(graph, inputs, sources),
    deriveLabelled(graph, inputs, sources.endpointSets),
  );
  const byName = graph.index(found, 'byName', (gateways, key) =>
    gateways.length === 0 ? [] : [key.slice(0, key.lastIndexOf('|'))],
  );
  return graph.derive({
    name: 'mesh.networkGateways',
    from: graph.group(byName),
    reads: { byName },
    equals: deepEqual,
    fn: (_keys, network: string, read) => [
      [network, distinct(read.byName.at(network).flatMap(([, gateways]) => gateways))] as const,
    ],
  });
}

/** Those that the ConfigMap of the mesh says. */
function deriveWritten(
  graph: Graph,
  { settings }: MeshInputs,
  { networkPlans, endpointSets }: NetworkSources & { readonly endpointSets: EndpointSets },
): FoundGateways {
  return graph.derive({
    name: 'mesh.writtenGateways',
    from: networkPlans,
    reads: { endpointSets, settings },
    equals: deepEqual,
    fn: ({ gateways }, object, read) => {
      const { rootNamespace } = settingsOf(read.settings);
      if (object !== planIn(rootNamespace)) return [];
      return Object.entries(gateways).map(
        ([network, specs]) => [`${network}|written`, writtenGateways(specs, object, read)] as const,
      );
    },
  });
}

/** Services that are labelled with a network. */
function deriveLabelled(
  graph: Graph,
  { services, settings }: MeshInputs,
  endpointSets: EndpointSets,
): FoundGateways {
  const byNetwork = graph.index(services, 'byNetwork', ({ metadata }) => {
    const network = metadata.labels[networkLabel] ?? '';
    return network === '' ? [] : [network];
  });
  return graph.derive({
    name: 'mesh.labelledGateways',
    from: graph.group(byNetwork),
    reads: { byNetwork, endpointSets, settings },
    equals: deepEqual,
    fn: (_keys, network: string, read) => {
      const { clusterDomain } = settingsOf(read.settings);
      const found = read.byNetwork
        .at(network)
        .flatMap(([object, service]) => labelledGateways(service, object, { clusterDomain, read }));
      return [[`${network}|labelled`, found] as const];
    },
  });
}

interface SetReads {
  readonly endpointSets: Lookup<Layered<HostPort>, EndpointSet>;
}

/** The ready endpoints of a port, as its service's own namespace sees them. */
const endpointsOf = ({ endpointSets }: SetReads, layer: Layer, port: HostPort) =>
  (seenIn(endpointSets, layer, port)?.endpoints ?? []).filter(({ address }) => /^[\d.]+$|:/.test(address));

function writtenGateways(
  gateways: readonly NetworkGatewaySpec[],
  object: ObjectKey,
  read: SetReads,
): readonly NetworkGateway[] {
  const causes = [{ object, field: 'data.meshNetworks' }];
  const [, namespace = ''] = object.split('/');
  return gateways.flatMap((gateway): readonly NetworkGateway[] => {
    const { port } = gateway;
    if (gateway.kind === 'address') return [{ address: gateway.address, port, causes }];
    return endpointsOf(read, `ns:${namespace}`, `${gateway.host}|${port}`).map((endpoint) => ({
      address: endpoint.address,
      port: endpoint.port,
      causes: [...causes, ...endpoint.causes],
    }));
  });
}

/** Where the platform puts it for others, else where its Pods are. */
function labelledGateways(
  { metadata, spec }: ObjectOf<'Service'>,
  object: ObjectKey,
  { clusterDomain, read }: { readonly clusterDomain: string; readonly read: SetReads },
): readonly NetworkGateway[] {
  const port = Number(metadata.labels[portLabel] ?? usualPort);
  const causes = [{ object, field: `metadata.labels["${networkLabel}"]` }];
  const outside = spec.externalAddresses ?? [];
  if (outside.length > 0) return outside.map((address) => ({ address, port, causes }));
  const host = serviceHost(metadata.name, { namespace: metadata.namespace, clusterDomain });
  return endpointsOf(read, `ns:${metadata.namespace}`, `${host}|${port}`).map((endpoint) => ({
    address: endpoint.address,
    port: endpoint.port,
    causes: [...causes, ...endpoint.causes],
  }));
}

function distinct(gateways: readonly NetworkGateway[]): readonly NetworkGateway[] {
  const byPlace = new Map<string, NetworkGateway>();
  for (const gateway of gateways) {
    const place = `${gateway.address} ${gateway.port}`;
    if (!byPlace.has(place)) byPlace.set(place, gateway);
  }
  return [...byPlace.entries()].sort(([a], [b]) => compareText(a, b)).map(([, gateway]) => gateway);
}
