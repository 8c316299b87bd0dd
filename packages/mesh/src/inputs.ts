// What the mesh is computed from and what it consists of: the public types of this package.
import type { KindName, ObjectOf } from '@xebec/config';
import type { Collection } from '@xebec/flow';
import type {
  ConnectionTable,
  Destination,
  EndpointSet,
  GatewayModel,
  Host,
  HostPort,
  Inbound,
  KeySource,
  Layer,
  Layered,
  LoginSecret,
  NetworkGateway,
  ObjectKey,
  PatchSet,
  ProxyNode,
  RouteTable,
  Scope,
  Service,
  TlsSecret,
  Workload,
} from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { KeyRequest } from './authentication.ts';
import type { Acceptances } from './authorization-check/acceptances.ts';
import type { Backing } from './backings.ts';
import type { Extensions } from './extensions.ts';
import type { NetworkPlan } from './networks.ts';
import type { MeshSettings } from './settings.ts';

export type ObjectsOf<K extends KindName> = Collection<ObjectKey, ObjectOf<K>>;

/** The store's collections, keyed `Kind/namespace/name`, with what is connected and what is set. */
export interface MeshInputs {
  readonly services: ObjectsOf<'Service'>;
  readonly serviceEntries: ObjectsOf<'ServiceEntry'>;
  readonly workloadEntries: ObjectsOf<'WorkloadEntry'>;
  readonly pods: ObjectsOf<'Pod'>;
  readonly endpointSlices: ObjectsOf<'EndpointSlice'>;
  readonly virtualServices: ObjectsOf<'VirtualService'>;
  readonly destinationRules: ObjectsOf<'DestinationRule'>;
  readonly gateways: ObjectsOf<'Gateway'>;
  readonly peerAuthentications: ObjectsOf<'PeerAuthentication'>;
  readonly sidecars: ObjectsOf<'Sidecar'>;
  readonly requestAuthentications: ObjectsOf<'RequestAuthentication'>;
  readonly browserLogins: ObjectsOf<'BrowserLogin'>;
  /**
   * A key of 32 bytes or more for what is named, always the same for the same name, out of a secret of the mesh or the one that is given.
   * Absent: there is none, and what needs one waits.
   */
  readonly sessionKey?: (name: string, secret?: Uint8Array) => Uint8Array;
  readonly policyRules: ObjectsOf<'rule'>;
  readonly handlers: ObjectsOf<'handler'>;
  readonly instances: ObjectsOf<'instance'>;
  readonly templates: ObjectsOf<'template'>;
  readonly quotaSpecs: ObjectsOf<'QuotaSpec'>;
  readonly quotaSpecBindings: ObjectsOf<'QuotaSpecBinding'>;
  readonly quotaPools: ObjectsOf<'QuotaPool'>;
  readonly httpApiSpecs: ObjectsOf<'HTTPAPISpec'>;
  readonly httpApiSpecBindings: ObjectsOf<'HTTPAPISpecBinding'>;
  readonly quotaPlans: ObjectsOf<'QuotaPlan'>;
  /** What was found where `keyRequests` says; none where nothing has been found yet. */
  readonly keySets: Collection<KeySource, string>;
  readonly authorizationPolicies: ObjectsOf<'AuthorizationPolicy'>;
  readonly secrets: ObjectsOf<'Secret'>;
  readonly namespaces: ObjectsOf<'Namespace'>;
  readonly configMaps: ObjectsOf<'ConfigMap'>;
  /** Those in force: of a refused one the last good value, or none. */
  readonly envoyFilters: ObjectsOf<'EnvoyFilter'>;
  readonly wasmPlugins: ObjectsOf<'WasmPlugin'>;
  readonly trafficExtensions: ObjectsOf<'TrafficExtension'>;
  /** Connected clients by Envoy node id. */
  readonly proxies: Collection<string, ProxyNode>;
  /** Absent: `defaultSettings`. */
  readonly settings: Collection<'mesh', MeshSettings>;
}

export type { HostPort };

/**
 * The mesh. In layered collections a client sees a name in the first of its layers (`clientLayers`) that has it; every
 * collection is layered by itself: a destination may exist under `ns:N` or a class while its endpoints are shared under `*`.
 */
export interface MeshCollections {
  readonly services: Collection<Layered<Host>, Service>;
  /** For every port of every service, also when there are no endpoints; none for `original-destination`. */
  readonly endpointSets: Collection<Layered<HostPort>, EndpointSet>;
  /** The same for ports of datagrams. */
  readonly udpEndpointSets: Collection<Layered<HostPort>, EndpointSet>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly routeTables: Collection<Layered<Host>, RouteTable>;
  /** For every service with a port that is not HTTP, and for hosts of rules that a wildcard service stands for. */
  readonly connectionTables: Collection<Layered<Host>, ConnectionTable>;
  /** By proxy id: where a client looks names up, narrowest layer first, `*` last. */
  readonly clientLayers: Collection<string, readonly Layer[]>;
  readonly workloads: Collection<ObjectKey, Workload>;
  /** Services and ServiceEntries that choose workloads by labels. */
  readonly backings: Collection<ObjectKey, Backing>;
  /** What says the network of a client: by ConfigMap, and by namespace. */
  readonly networkPlans: Collection<ObjectKey, NetworkPlan>;
  readonly namespaceNetworks: Collection<string, string>;
  /** By network: where clients of other networks find it; absent: it is reached directly. */
  readonly networkGateways: Collection<string, readonly NetworkGateway[]>;
  /** By proxy id: what a Sidecar lets it see; none for those that see everything. */
  readonly scopes: Collection<string, Scope>;
  /** By proxy id, sidecars only. */
  readonly inbounds: Collection<string, Inbound>;
  /** The same of any workload, for who asks. */
  readonly acceptances: Acceptances;
  /** By proxy id, routers only. */
  readonly gateways: Collection<string, GatewayModel>;
  /** By SDS name `kubernetes://NAMESPACE/NAME`. */
  readonly secrets: Collection<string, TlsSecret>;
  /** By SDS name: what gateways log users in with. */
  readonly loginSecrets: Collection<string, LoginSecret>;
  /** Keys, and endpoints of issuers, that have to be fetched. */
  readonly keyRequests: Collection<KeySource, KeyRequest>;
  /** As they came in, for those who apply them. */
  readonly envoyFilters: ObjectsOf<'EnvoyFilter'>;
  /** WasmPlugins and TrafficExtensions. */
  readonly extensions: Extensions;
  /** By name of the Secret (`Secret/NAMESPACE/NAME`): credentials for registries. */
  readonly pullSecrets: Collection<ObjectKey, string>;
  /** By proxy id: the patches that apply to it; none for most. */
  readonly patchSets: Collection<string, PatchSet>;
  /** What was decided between objects that contradict each other or name what is not there. */
  readonly conflicts: Collection<string, Diagnostic>;
}
