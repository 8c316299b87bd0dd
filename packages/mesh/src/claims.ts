// Claims to a host: what one object says about it, without its endpoints, so that a changed endpoint changes no claim.
import type { ObjectOf, ServiceEntrySpec } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Host, Layer, ObjectKey, Resolution, Service, ServicePort } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { expandHost, isWildcard, serviceHost } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { type MeshSettings, settingsOf } from './settings.ts';
import { virtualAddress } from './virtual-address.ts';
import { layersOf } from './visibility.ts';

/** `OWNER|HOST`. */
export type ClaimKey = `${ObjectKey}|${Host}`;

/** A VirtualService only names its hosts: it has no `service`. */
export interface Claim {
  readonly host: Host;
  readonly owner: ObjectKey;
  readonly layers: readonly Layer[];
  readonly service?: Service;
}

/** Every host that a Service, a ServiceEntry or a VirtualService of the mesh names. */
export function deriveClaims(graph: Graph, inputs: MeshInputs): Collection<ClaimKey, Claim> {
  const { settings } = inputs;
  const ofServices = graph.derive({
    name: 'mesh.serviceClaims',
    from: inputs.services,
    reads: { settings },
    equals: deepEqual,
    fn: (object, owner, read) => [claimOfService(object, owner, settingsOf(read.settings))],
  });
  const ofEntries = graph.derive({
    name: 'mesh.entryClaims',
    from: inputs.serviceEntries,
    equals: deepEqual,
    fn: (object, owner) => distinct(object.spec.hosts).map((host) => claimOfEntry(object, owner, host)),
  });
  const ofRoutes = graph.derive({
    name: 'mesh.routeClaims',
    from: inputs.virtualServices,
    reads: { settings },
    equals: deepEqual,
    fn: (object, owner, read) => claimsOfRoute(object, owner, settingsOf(read.settings)),
  });
  return graph.union('mesh.claims', ofServices, ofEntries, ofRoutes);
}

function claimOfService(
  { metadata, spec }: ObjectOf<'Service'>,
  owner: ObjectKey,
  settings: MeshSettings,
): readonly [ClaimKey, Claim] {
  const host = serviceHost(metadata.name, {
    namespace: metadata.namespace,
    clusterDomain: settings.clusterDomain,
  });
  const isAllocated = !spec.isHeadless && spec.clusterIPs.length === 0;
  const service: Service = {
    host,
    name: metadata.name,
    namespace: metadata.namespace,
    ports: spec.ports
      .filter(({ transport }) => transport !== 'SCTP')
      .map(({ port, name, protocol }): ServicePort => ({ number: port, name, protocol })),
    resolution: 'endpoints',
    addresses: isAllocated ? [virtualAddress(host)] : spec.clusterIPs,
    location: 'mesh',
    platform: 'kubernetes',
    subjectAltNames: [],
    labels: metadata.labels,
    causes: [{ object: owner }],
  };
  return [`${owner}|${host}`, { host, owner, layers: layersOf(spec.exportTo, metadata.namespace), service }];
}

const resolutions: Readonly<Record<ServiceEntrySpec['resolution'], Resolution>> = {
  NONE: 'original-destination',
  STATIC: 'endpoints',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
};

function claimOfEntry(
  { metadata, spec }: ObjectOf<'ServiceEntry'>,
  owner: ObjectKey,
  host: Host,
): readonly [ClaimKey, Claim] {
  const service: Service = {
    host,
    name: host,
    namespace: metadata.namespace,
    ports: spec.ports.map(({ number, name, protocol }) => ({ number, name, protocol })),
    resolution: resolutions[spec.resolution],
    addresses: isAddressNeeded(spec, host) ? [virtualAddress(host)] : spec.addresses,
    location: spec.location === 'MESH_INTERNAL' ? 'mesh' : 'external',
    platform: 'service-entry',
    subjectAltNames: spec.subjectAltNames,
    labels: metadata.labels,
    causes: [{ object: owner }],
  };
  return [`${owner}|${host}`, { host, owner, layers: layersOf(spec.exportTo, metadata.namespace), service }];
}

/** Hosts of the mesh's own have no DNS name elsewhere: clients need an address to resolve them to. */
function isAddressNeeded(spec: ServiceEntrySpec, host: Host): boolean {
  const isOwn = spec.location === 'MESH_INTERNAL' && spec.resolution !== 'NONE';
  return isOwn && spec.addresses.length === 0 && !isWildcard(host);
}

function claimsOfRoute(
  { metadata, spec }: ObjectOf<'VirtualService'>,
  owner: ObjectKey,
  { clusterDomain }: MeshSettings,
): Iterable<readonly [ClaimKey, Claim]> {
  if (!spec.gateways.includes('mesh')) return [];
  const layers = layersOf(spec.exportTo, metadata.namespace);
  const hosts = spec.hosts.map((host) => expandHost(host, { namespace: metadata.namespace, clusterDomain }));
  return distinct(hosts).map((host) => [`${owner}|${host}`, { host, owner, layers }]);
}

const distinct = (hosts: readonly Host[]): readonly Host[] => [...new Set(hosts)];
