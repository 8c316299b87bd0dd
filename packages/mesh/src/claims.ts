// Claims to a host: what one object says about it, without its endpoints, so that a changed endpoint changes no claim.
import type { ObjectOf, ServiceEntrySpec, ServiceSpec } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Host, Layer, ObjectKey, Resolution, Service, ServicePort } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { expandHost, isWildcard, serviceHost } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { type MeshSettings, settingsOf } from './settings.ts';
import { allocatedAddresses } from './virtual-address.ts';
import { isVisible, layersOf } from './visibility.ts';

/** `OWNER|HOST`. */
export type ClaimKey = `${ObjectKey}|${Host}`;

/** A VirtualService only names its hosts: it has no `service`. */
export interface Claim {
  readonly host: Host;
  readonly owner: ObjectKey;
  readonly layers: readonly Layer[];
  /** The namespace that such names belong to: the claim counts in the claimant's own only. */
  readonly withheldFor?: string;
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
    reads: { settings },
    equals: deepEqual,
    fn: (object, owner, read) => {
      const settings = settingsOf(read.settings);
      return distinct(object.spec.hosts).map((host) => claimOfEntry(object, owner, { host, settings }));
    },
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
  const { externalName } = spec;
  const isAllocated = !spec.isHeadless && spec.clusterIPs.length === 0 && externalName === undefined;
  const service: Service = {
    host,
    name: metadata.name,
    namespace: metadata.namespace,
    ports: spec.ports
      .filter(({ transport }) => transport !== 'SCTP')
      .map(({ port, name, protocol }): ServicePort => ({ number: port, name, protocol })),
    resolution: externalName === undefined ? 'endpoints' : 'dns',
    addresses: isAllocated
      ? allocatedAddresses(host, { ipv6: settings.allocatesIpv6 === true || spec.wantsIpv6 === true })
      : spec.clusterIPs,
    ...(isAllocated ? { isAllocated } : {}),
    ...(spec.isHeadless ? { isHeadless: true } : {}),
    ...(externalName === undefined ? {} : { externalName }),
    ...choiceOfEndpoints(spec),
    location: externalName === undefined ? 'mesh' : 'external',
    platform: 'kubernetes',
    subjectAltNames: [],
    labels: metadata.labels,
    causes: [{ object: owner }],
  };
  const layers = layersOf(spec.exportTo, metadata.namespace, settings.exportTo?.services);
  return [`${owner}|${host}`, { host, owner, layers, service }];
}

type EndpointChoice = Pick<Service, 'sessionAffinity' | 'internalTrafficPolicy' | 'trafficDistribution'>;

const choiceOfEndpoints = ({
  sessionAffinity,
  internalTrafficPolicy,
  trafficDistribution,
}: ServiceSpec): EndpointChoice => ({
  ...(sessionAffinity === undefined ? {} : { sessionAffinity }),
  ...(internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy }),
  ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
});

const resolutions: Readonly<Record<ServiceEntrySpec['resolution'], Resolution>> = {
  NONE: 'original-destination',
  STATIC: 'endpoints',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  DYNAMIC_DNS: 'dynamic-dns',
};

function claimOfEntry(
  { metadata, spec }: ObjectOf<'ServiceEntry'>,
  owner: ObjectKey,
  { host, settings }: { readonly host: Host; readonly settings: MeshSettings },
): readonly [ClaimKey, Claim] {
  const isAllocated = isAddressNeeded(spec, host);
  const ipv6 = settings.allocatesIpv6 === true;
  const service: Service = {
    host,
    name: host,
    namespace: metadata.namespace,
    ports: spec.ports.map(({ number, name, protocol }) => ({ number, name, protocol })),
    resolution: resolutions[spec.resolution],
    addresses: isAllocated ? allocatedAddresses(host, { ipv6 }) : spec.addresses,
    ...(isAllocated ? { isAllocated } : {}),
    location: spec.location === 'MESH_INTERNAL' ? 'mesh' : 'external',
    platform: 'service-entry',
    subjectAltNames: spec.subjectAltNames,
    labels: metadata.labels,
    causes: [{ object: owner }],
  };
  const written = layersOf(spec.exportTo, metadata.namespace, settings.exportTo?.services);
  const holder = foreignHolder(host, metadata.namespace, settings);
  const layers = holder === undefined ? written : ownLayers(written, metadata.namespace);
  const claim = { host, owner, layers, service };
  return [`${owner}|${host}`, holder === undefined ? claim : { ...claim, withheldFor: holder }];
}

/** The namespace whose services have such names: who is neither it nor the root namespace takes them for itself only. */
function foreignHolder(
  host: Host,
  namespace: string,
  { clusterDomain, rootNamespace }: MeshSettings,
): string | undefined {
  const suffix = `.svc.${clusterDomain}`;
  if (!host.endsWith(suffix) || namespace === rootNamespace) return undefined;
  const holder = host.slice(0, -suffix.length).split('.').at(-1);
  return holder === namespace ? undefined : holder;
}

const ownLayers = (layers: readonly Layer[], namespace: string): readonly Layer[] =>
  isVisible(layers, `ns:${namespace}`) ? [`ns:${namespace}`] : [];

/**
 * Only a host of one name and with endpoints of its own can have an address that stands for it: by that its traffic
 * is told apart where the port says nothing, and names that no other server knows lead somewhere.
 */
function isAddressNeeded(spec: ServiceEntrySpec, host: Host): boolean {
  const isWithout = spec.addresses.length === 0 && !isWildcard(host);
  return spec.isAllocated && spec.resolution !== 'NONE' && isWithout;
}

function claimsOfRoute(
  { metadata, spec }: ObjectOf<'VirtualService'>,
  owner: ObjectKey,
  { clusterDomain, exportTo }: MeshSettings,
): Iterable<readonly [ClaimKey, Claim]> {
  if (!spec.gateways.includes('mesh')) return [];
  const layers = layersOf(spec.exportTo, metadata.namespace, exportTo?.virtualServices);
  const hosts = spec.hosts.map((host) => expandHost(host, { namespace: metadata.namespace, clusterDomain }));
  return distinct(hosts).map((host) => [`${owner}|${host}`, { host, owner, layers }]);
}

const distinct = (hosts: readonly Host[]): readonly Host[] => [...new Set(hosts)];
