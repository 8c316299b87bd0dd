// Endpoint sets: one value per port of a host, so that a changed endpoint touches the sets it belongs to and nothing else.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type {
  Endpoint,
  EndpointSet,
  Host,
  Layered,
  ObjectKey,
  PeerPolicy,
  Resolution,
  ServicePort,
  Workload,
} from '@xebec/model';
import { hostPort, layered, splitLayered } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { BackedPort, Backing } from './backings.ts';
import {
  endpointOfInline,
  endpointOfName,
  endpointOfWorkload,
  endpointsOfSlice,
  identityOf,
  type Peer,
  takesMutualTls,
} from './endpoint.ts';
import { compareText, serviceHost } from './host-names.ts';
import type { HostView } from './hosts.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import { anchorOfSelector, isSelected } from './label-selectors.ts';
import type { Lookup } from './lookups.ts';
import type { NetworkLookups, NetworkSources } from './networks.ts';
import { defaultPeerPolicy, type PeerLookups, type PeerSources } from './peer-policies.ts';
import { type MeshSettings, type SettingsLookup, settingsOf } from './settings.ts';
import type { WorkloadsByLabel } from './workloads.ts';

/** `OWNER|HOST|PORT`: what one object says about a port, whether or not the host is its own. */
type OwnedPort = `${ObjectKey}|${HostPort}`;
interface OwnedEndpoints {
  readonly set: EndpointSet;
  readonly servers: Servers;
}
/** Who answers on a port; also workloads that are not ready, so that a restart changes no client's trust. */
export interface Servers {
  /** SPIFFE ids, sorted. */
  readonly identities: readonly string[];
  /** There are some, and all of them take mutual TLS. */
  readonly isMutual: boolean;
}

type OwnedSets = Collection<OwnedPort, OwnedEndpoints>;
type OwnedSet = readonly [OwnedPort, OwnedEndpoints];

export interface EndpointSources {
  readonly hosts: Collection<Host, HostView>;
  readonly backings: Collection<ObjectKey, Backing>;
  readonly workloads: Collection<ObjectKey, Workload>;
  readonly workloadsByLabel: WorkloadsByLabel;
  readonly peerPolicies: Collection<ObjectKey, PeerPolicy>;
  readonly peerSources: PeerSources;
  readonly networks: NetworkSources;
}

/** The endpoints of every port, and who answers there (absent where nobody has an identity). */
export interface EndpointCollections {
  readonly endpointSets: Collection<Layered<HostPort>, EndpointSet>;
  readonly udpEndpointSets: Collection<Layered<HostPort>, EndpointSet>;
  readonly servers: Collection<Layered<HostPort>, Servers>;
  readonly identities: Collection<Layered<HostPort>, readonly string[]>;
}

export function deriveEndpoints(
  graph: Graph,
  inputs: MeshInputs,
  sources: EndpointSources,
): EndpointCollections {
  const ownedSets: OwnedSets = graph.union(
    'mesh.ownedEndpointSets',
    deriveInline(graph, inputs, sources),
    deriveSelected(graph, inputs, sources),
    deriveSliced(graph, inputs, sources),
  );
  const { hosts } = sources;
  const setsOf = (name: string, isWanted: (port: ServicePort) => boolean) =>
    graph.derive({
      name,
      from: hosts,
      reads: { ownedSets },
      equals: deepEqual,
      fn: (view, _host, read) =>
        portsOf(view).flatMap(({ key, owned, port }) => {
          if (!isWanted(port)) return [];
          const set: EndpointSet = read.ownedSets.get(owned)?.set ?? { host: view.host, port, endpoints: [] };
          return [[key, set] as const];
        }),
    });
  const endpointSets = setsOf('mesh.endpointSets', (port) => !isDatagram(port));
  const udpEndpointSets = setsOf('mesh.udpEndpointSets', isDatagram);
  const servers = graph.derive({
    name: 'mesh.servers',
    from: hosts,
    reads: { ownedSets },
    equals: deepEqual,
    fn: (view, _host, read) =>
      portsOf(view).flatMap(({ key, owned }) => {
        const found = read.ownedSets.get(owned)?.servers;
        return found === undefined || found.identities.length === 0 ? [] : [[key, found] as const];
      }),
  });
  const identities = graph.derive({
    name: 'mesh.identities',
    from: servers,
    equals: deepEqual,
    fn: (found, key) => [[key, found.identities] as const],
  });
  return { endpointSets, udpEndpointSets, servers, identities };
}

/** Whatever namespace sees them. */
export const indexServers = (
  graph: Graph,
  servers: EndpointCollections['servers'],
): Index<HostPort, Layered<HostPort>, Servers> =>
  graph.index(servers, 'byPort', (_servers, key) => [splitLayered(key).name]);

interface HeldPort {
  readonly key: Layered<HostPort>;
  readonly owned: OwnedPort;
  readonly port: ServicePort;
}

const isDatagram = ({ protocol }: ServicePort): boolean => protocol === 'udp';

/** Where each connection finds its own endpoint, or another service has them. */
const unlisted: ReadonlySet<Resolution> = new Set(['original-destination', 'dynamic-dns', 'alias']);

/** The ports whose endpoints are known, of everybody who holds the host. */
function portsOf({ host, holders }: HostView): readonly HeldPort[] {
  return holders
    .filter(({ service }) => !unlisted.has(service.resolution))
    .flatMap(({ layer, owner, service }) =>
      service.ports.map((port): HeldPort => {
        const name = hostPort(host, port);
        return { key: layered(layer, name), owned: `${owner}|${name}`, port };
      }),
    );
}

function deriveInline(
  graph: Graph,
  { serviceEntries }: MeshInputs,
  { peerSources, networks }: EndpointSources,
): OwnedSets {
  return graph.derive({
    name: 'mesh.inlineEndpoints',
    from: serviceEntries,
    reads: { ...peerSources, ...networks },
    equals: deepEqual,
    fn: (entry, owner, read) =>
      entry.spec.workloadSelector === undefined ? inlineSets(entry, owner, read) : [],
  });
}

function inlineSets(
  entry: ObjectOf<'ServiceEntry'>,
  owner: ObjectKey,
  read: PeerLookups & NetworkLookups,
): readonly OwnedSet[] {
  const { metadata, spec } = entry;
  if (spec.resolution === 'NONE' || spec.resolution === 'DYNAMIC_DNS') return [];
  const isNamed = spec.endpoints.length === 0 && spec.resolution !== 'STATIC';
  const settings = settingsOf(read.settings);
  return spec.ports.flatMap(({ number, name, protocol, targetPort }) => {
    const port: ServicePort = { number, name, protocol };
    const inline = { namespace: metadata.namespace, port, targetPort, settings, owner };
    const listed = spec.endpoints.map((endpoint, position) =>
      endpointOfInline({ ...inline, spec: endpoint, position }, read),
    );
    return [...new Set(spec.hosts)].map((host) =>
      ownedSet(owner, { host, port, endpoints: isNamed ? [endpointOfName(inline, host)] : listed }),
    );
  });
}

function deriveSelected(
  graph: Graph,
  { settings }: MeshInputs,
  { backings, workloadsByLabel, peerPolicies }: EndpointSources,
): OwnedSets {
  return graph.derive({
    name: 'mesh.selectedEndpoints',
    from: backings,
    reads: { workloadsByLabel, peerPolicies, settings },
    equals: deepEqual,
    fn: (backing, owner, read) => {
      const peers = read.workloadsByLabel
        .at(anchorOfSelector(backing.namespace, backing.selector))
        .filter(([, { labels }]) => isSelected(backing.selector, labels))
        .map(([, workload]) => peerOf(workload, read));
      return backing.ports.flatMap((port) => {
        const endpoints = peers.flatMap((peer) => endpointOfWorkload(peer, port, backing));
        const servers = serversOf(peers, port);
        return backing.hosts.map((host) => ownedSet(owner, { host, port: port.port, endpoints }, servers));
      });
    },
  });
}

/** Services without a selector have the endpoints that somebody lists in EndpointSlices; with one, slices are ignored. */
function deriveSliced(
  graph: Graph,
  { services, endpointSlices, settings }: MeshInputs,
  { workloads, peerPolicies }: EndpointSources,
): OwnedSets {
  const slicesByService = graph.index(endpointSlices, 'byService', ({ metadata, spec }) =>
    spec.service === '' ? [] : [`${metadata.namespace}/${spec.service}`],
  );
  return graph.derive({
    name: 'mesh.slicedEndpoints',
    from: services,
    reads: { slicesByService, workloads, peerPolicies, settings },
    equals: deepEqual,
    fn: (service, owner, read) => {
      const { metadata, spec } = service;
      if (Object.keys(spec.selector).length > 0) return [];
      const settings = settingsOf(read.settings);
      const { clusterDomain } = settings;
      const host = serviceHost(metadata.name, { namespace: metadata.namespace, clusterDomain });
      if (spec.externalName !== undefined) return externalSets(service, owner, { host, settings });
      const slices = read.slicesByService.at(`${metadata.namespace}/${metadata.name}`);
      return spec.ports.map(({ port: number, name, protocol }) => {
        const port: ServicePort = { number, name, protocol };
        const endpoints = slices.flatMap(([key, slice]) => endpointsIn({ slice, key, service, port }, read));
        return ownedSet(owner, { host, port, endpoints });
      });
    },
  });
}

/** A name outside the mesh has one endpoint per port: itself. */
function externalSets(
  { metadata: { namespace }, spec: { externalName = '', ports } }: ObjectOf<'Service'>,
  owner: ObjectKey,
  { host, settings }: { readonly host: Host; readonly settings: MeshSettings },
): readonly OwnedSet[] {
  return ports.map(({ port: number, name, protocol, targetPort: target }) => {
    const port: ServicePort = { number, name, protocol };
    const targetPort = typeof target === 'number' ? target : number;
    const endpoint = endpointOfName({ namespace, port, targetPort, settings, owner }, externalName);
    return ownedSet(owner, { host, port, endpoints: [endpoint] });
  });
}

interface PeerReads {
  readonly peerPolicies: Lookup<ObjectKey, PeerPolicy>;
  readonly settings: SettingsLookup;
}

interface SlicedPort {
  readonly slice: ObjectOf<'EndpointSlice'>;
  readonly key: ObjectKey;
  readonly service: ObjectOf<'Service'>;
  readonly port: ServicePort;
}

function endpointsIn(
  { slice, key, service, port }: SlicedPort,
  read: PeerReads & { readonly workloads: Lookup<ObjectKey, Workload> },
): readonly Endpoint[] {
  const slicePort = slice.spec.ports.find(({ name }) => name === port.name);
  if (slicePort === undefined) return [];
  return slice.spec.endpoints.flatMap((endpoint, position) => {
    const { target } = endpoint;
    const pod =
      target?.kind === 'Pod'
        ? read.workloads.get(`Pod/${slice.metadata.namespace}/${target.name}`)
        : undefined;
    return endpointsOfSlice({
      slice,
      sliceKey: key,
      endpoint,
      position,
      port: slicePort.port,
      peer: pod === undefined ? undefined : peerOf(pod, read),
      isUnreadyPublished: service.spec.publishNotReadyAddresses,
      network: settingsOf(read.settings).network,
    });
  });
}

function peerOf(workload: Workload, read: PeerReads): Peer {
  const policy = read.peerPolicies.get(workload.object) ?? defaultPeerPolicy;
  return { workload, policy, trustDomain: settingsOf(read.settings).trustDomain };
}

function ownedSet(
  owner: ObjectKey,
  set: EndpointSet,
  servers: Servers = {
    identities: distinctIdentities(set.endpoints.map(({ identity }) => identity)),
    isMutual: set.endpoints.length > 0 && set.endpoints.every(({ tls }) => tls === 'istio'),
  },
): OwnedSet {
  return [`${owner}|${hostPort(set.host, set.port)}`, { set, servers }];
}

const serversOf = (peers: readonly Peer[], port: BackedPort): Servers => ({
  identities: distinctIdentities(peers.map(identityOf)),
  isMutual: peers.length > 0 && peers.every((peer) => takesMutualTls(peer, port)),
});

const distinctIdentities = (identities: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(identities.flatMap((identity) => identity ?? []))].sort(compareText);
