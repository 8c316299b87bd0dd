// Endpoints of one port: how workloads, inline endpoints and slices become entries of a cluster.
import {
  isIpAddress,
  networkLabel,
  type ObjectOf,
  type SliceEndpoint,
  type WorkloadEntrySpec,
} from '@xebec/config';
import type { Endpoint, ObjectKey, PeerPolicy, PeerTls, ServicePort, Workload } from '@xebec/model';
import { type BackedPort, type Backing, targetPortOf } from './backings.ts';
import { type NetworkLookups, networkOf } from './networks.ts';
import { modeOfPort, type PeerLookups, peerPolicyOf } from './peer-policies.ts';
import { type MeshSettings, spiffeId } from './settings.ts';
import { tlsModeLabel } from './workloads.ts';

/** A workload with the mutual TLS it accepts and the name that its identity has. */
export interface Peer {
  readonly workload: Workload;
  readonly policy: PeerPolicy;
  readonly trustDomain: string;
}

/** A workload's endpoint for one port of a service, unless it is not ready or lacks the port. */
export function endpointOfWorkload(peer: Peer, port: BackedPort, backing: Backing): readonly Endpoint[] {
  const { workload } = peer;
  const isUsable = workload.health !== 'unhealthy' || backing.isUnreadyPublished;
  const target = targetPortOf(port, workload);
  const address = usableAddress(workload, backing);
  if (!isUsable || target === undefined || address === undefined) return [];
  const { address: host, port: number } = splitAddress(address, workload.boundPorts?.[target] ?? target);
  const hostname = backing.isHeadless ? { hostname: workload.hostname ?? workload.name } : {};
  return [{ address: host, port: number, ...describeWorkload(peer, target), ...hostname }];
}

/** Where nobody resolves a name, it leads nowhere; the gateways of its network may still lead there. */
function usableAddress({ addresses: [address], network }: Workload, { resolvesNames }: Backing) {
  if (address === undefined || address === '' || resolvesNames) return address;
  if (isIpAddress(address) || address.startsWith('unix:')) return address;
  return network === '' ? undefined : '';
}

/** What is known about an endpoint because it belongs to a workload. */
function describeWorkload(peer: Peer, port: number): Omit<Endpoint, 'address' | 'port'> {
  const { workload, policy } = peer;
  const identity = identityOf(peer);
  return {
    labels: workload.labels,
    namespace: workload.namespace,
    workload: workload.ownerName,
    ...(identity === undefined ? {} : { identity }),
    ...(workload.locality === undefined ? {} : { locality: workload.locality }),
    network: workload.network,
    ...(workload.node === undefined ? {} : { node: workload.node }),
    weight: workload.weight,
    health: workload.health === 'draining' ? 'draining' : 'healthy',
    tls: peerTls(workload.isMeshed, policy, port),
    causes: workload.causes,
  };
}

/** The SPIFFE id that a workload's proxy presents. */
export function identityOf({ workload, trustDomain }: Peer): string | undefined {
  const { isMeshed, isGateway = false, namespace, serviceAccount } = workload;
  const hasProxy = isMeshed || isGateway;
  return hasProxy && serviceAccount !== '' ? spiffeId(trustDomain, namespace, serviceAccount) : undefined;
}

/** Whether a workload's sidecar takes mutual TLS on the port that a service's port stands for. */
export function takesMutualTls({ workload, policy }: Peer, port: BackedPort): boolean {
  const target = targetPortOf(port, workload);
  return target === undefined || peerTls(workload.isMeshed, policy, target) === 'istio';
}

/** One endpoint that a ServiceEntry lists, for one of its ports. */
export interface InlineEndpoint {
  readonly spec: WorkloadEntrySpec;
  readonly namespace: string;
  readonly port: ServicePort;
  readonly targetPort: number;
  readonly settings: MeshSettings;
  readonly owner: ObjectKey;
  /** Position in the list. */
  readonly position: number;
}

export function endpointOfInline(inline: InlineEndpoint, read: PeerLookups & NetworkLookups): Endpoint {
  const { spec, namespace, port, settings } = inline;
  const target = spec.ports[port.name] ?? inline.targetPort;
  const isMeshed = spec.labels[tlsModeLabel] === 'istio';
  const hasIdentity = spec.serviceAccount !== '';
  return {
    labels: spec.labels,
    ...splitAddress(spec.address, target),
    namespace,
    workload: '',
    ...(hasIdentity ? { identity: spiffeId(settings.trustDomain, namespace, spec.serviceAccount) } : {}),
    ...(spec.locality === undefined ? {} : { locality: spec.locality }),
    network: networkOfInline(inline, read),
    weight: spec.weight,
    health: 'healthy',
    tls: isMeshed ? peerTls(true, peerPolicyOf(namespace, spec.labels, read), target) : 'disabled',
    causes: [{ object: inline.owner, field: `spec.endpoints[${inline.position}]` }],
  };
}

/** What is not of the mesh is of none of its networks, unless it says so. */
function networkOfInline({ spec, namespace, settings }: InlineEndpoint, read: NetworkLookups): string {
  const { network, labels, address } = spec;
  if (labels[tlsModeLabel] === 'istio') return networkOf({ network, labels, namespace, address }, read);
  return network || labels[networkLabel] || settings.network;
}

/** One entry of an EndpointSlice, for one port. */
export interface SliceMember {
  readonly slice: ObjectOf<'EndpointSlice'>;
  readonly sliceKey: ObjectKey;
  readonly endpoint: SliceEndpoint;
  readonly position: number;
  readonly port: number;
  /** The Pod it names, when there is one. */
  readonly peer: Peer | undefined;
  readonly isUnreadyPublished: boolean;
  readonly network: string;
}

export function endpointsOfSlice(member: SliceMember): readonly Endpoint[] {
  const { slice, endpoint, peer, port } = member;
  const [address] = endpoint.addresses;
  const health = sliceHealth(endpoint, member.isUnreadyPublished);
  if (address === undefined || health === undefined) return [];
  const causes = [{ object: member.sliceKey, field: `endpoints[${member.position}]` }];
  const named = endpoint.hostname === '' ? {} : { hostname: endpoint.hostname };
  if (peer !== undefined)
    return [{ ...describeWorkload(peer, port), ...named, address, port, health, causes }];
  return [
    {
      address,
      port,
      labels: {},
      namespace: slice.metadata.namespace,
      workload: '',
      ...(endpoint.zone === '' ? {} : { locality: { region: '', zone: endpoint.zone, subzone: '' } }),
      network: member.network,
      ...(endpoint.nodeName === '' ? {} : { node: endpoint.nodeName }),
      ...named,
      weight: 1,
      health,
      tls: 'disabled',
      causes,
    },
  ];
}

function sliceHealth(endpoint: SliceEndpoint, isUnreadyPublished: boolean): Endpoint['health'] | undefined {
  if (endpoint.isReady || isUnreadyPublished) return 'healthy';
  return endpoint.isServing && endpoint.isTerminating ? 'draining' : undefined;
}

/** The endpoint of a DNS name that lists none: the name itself. */
export function endpointOfName(inline: Omit<InlineEndpoint, 'spec' | 'position'>, host: string): Endpoint {
  return {
    address: host,
    port: inline.targetPort,
    labels: {},
    namespace: inline.namespace,
    workload: '',
    network: inline.settings.network,
    weight: 1,
    health: 'healthy',
    tls: 'disabled',
    causes: [{ object: inline.owner }],
  };
}

const peerTls = (isMeshed: boolean, policy: PeerPolicy, port: number): PeerTls =>
  isMeshed && modeOfPort(policy, port) !== 'DISABLE' ? 'istio' : 'disabled';

/** `unix:///path` has a path and no port. */
function splitAddress(address: string, port: number): { readonly address: string; readonly port: number } {
  return address.startsWith('unix://')
    ? { address: address.slice('unix://'.length), port: 0 }
    : { address, port };
}
