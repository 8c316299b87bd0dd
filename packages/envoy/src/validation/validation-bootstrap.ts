// A bootstrap that holds given resources, for an Envoy to check: it reads all of it without binding a port or asking anybody.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import { type Bootstrap, BootstrapSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { AddressSchema, SocketAddress_Protocol } from '@xebec/protos/envoy/config/core/v3/address_pb';
import { ApiConfigSource_ApiType, ApiVersion } from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { FilterSchema } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { type Listener, ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { type VirtualHost, VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from '@xebec/protos/envoy/config/route/v3/route_pb';
import { InternalListenerSchema } from '@xebec/protos/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb';
import { CorsSchema } from '@xebec/protos/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '@xebec/protos/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { type Secret, SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { socketAddress } from '../listeners/addresses.ts';
import { typeUrls } from '../resource.ts';
import { corsFilter, faultFilter } from '../routes/filter-overrides.ts';

/** One resource to be checked. */
export interface CheckedResource {
  readonly typeUrl: string;
  /** What it is called in the bootstrap, unlike all others; a resource without a name stays so. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

interface Parts {
  readonly clusters: Cluster[];
  readonly listeners: Listener[];
  readonly secrets: Secret[];
  readonly tables: Table[];
}

/** Virtual hosts that can be in one table, since their domains differ: a listener for each would cost a lot. */
interface Table {
  readonly domains: Set<string>;
  readonly hosts: VirtualHost[];
}

/**
 * The encoded bootstrap. `clusters` are names that resources may refer to without being among them. Throws when the
 * bytes of a resource are none of its type.
 */
export function validationBootstrap(
  resources: readonly CheckedResource[],
  clusters: Iterable<string> = [],
): Uint8Array {
  const parts: Parts = { clusters: [], listeners: [], secrets: [], tables: [] };
  for (const resource of resources) addResource(parts, resource);
  for (const [number, { hosts }] of parts.tables.entries()) {
    const config = { maxDirectResponseBodySizeBytes: 1_048_576, virtualHosts: hosts };
    addRoutes(parts, `hosts~${number}`, create(RouteConfigurationSchema, config));
  }
  const labels = new Set(parts.clusters.map(({ name }) => name));
  const known = ['xds-grpc', 'sds-grpc', 'agent', ...clusters].filter((name) => !labels.has(name));
  return toBinary(BootstrapSchema, bootstrapOf(parts, new Set(known)));
}

function addResource(parts: Parts, { typeUrl, label, bytes }: CheckedResource): void {
  switch (typeUrl) {
    case typeUrls.cluster:
      parts.clusters.push(renamed(fromBinary(ClusterSchema, bytes), label));
      return;
    case typeUrls.endpoint:
      addEndpoints(parts, label, bytes);
      return;
    case typeUrls.listener:
      addListener(parts, label, bytes);
      return;
    case typeUrls.route:
      addRoutes(parts, label, fromBinary(RouteConfigurationSchema, bytes));
      return;
    case typeUrls.virtualHost:
      addHost(parts, renamed(fromBinary(VirtualHostSchema, bytes), label));
      return;
    case typeUrls.secret:
      parts.secrets.push(renamed(fromBinary(SecretSchema, bytes), label));
      return;
    default:
      addExtension(parts, label, bytes);
  }
}

const renamed = <M extends { name: string }>(message: M, name: string): M =>
  message.name === '' ? message : Object.assign(message, { name });

function addEndpoints(parts: Parts, label: string, bytes: Uint8Array): void {
  const loadAssignment = fromBinary(ClusterLoadAssignmentSchema, bytes);
  parts.clusters.push(
    create(ClusterSchema, {
      name: `endpoints~${label}`,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      loadAssignment,
    }),
  );
}

/** Addresses must differ, so each listener gets one of its own; API listeners are checked by their filter. */
function addListener(parts: Parts, label: string, bytes: Uint8Array): void {
  const listener = fromBinary(ListenerSchema, bytes);
  const manager = listener.apiListener?.apiListener;
  push(
    parts,
    manager === undefined
      ? renamed(listener, label)
      : listenerFor(label, { case: 'typedConfig', value: manager }),
  );
}

function addHost({ tables }: Parts, host: VirtualHost): void {
  const isFree = ({ domains }: Table): boolean => host.domains.every((domain) => !domains.has(domain));
  const known = tables.find(isFree);
  const table = known ?? { domains: new Set(), hosts: [] };
  if (known === undefined) tables.push(table);
  for (const domain of host.domains) table.domains.add(domain);
  table.hosts.push(host);
}

/** An inline table cannot have its hosts elsewhere, and would by itself want to know every cluster. */
function addRoutes(parts: Parts, label: string, config: RouteConfiguration): void {
  delete config.vhds;
  config.validateClusters = false;
  push(parts, listenerFor(label, { case: 'typedConfig', value: managerOf(config) }));
}

/** HTTP filters can be checked on their own; what else there may be is seen as part of its listener only. */
function addExtension(parts: Parts, label: string, bytes: Uint8Array): void {
  const { name, typedConfig } = fromBinary(TypedExtensionConfigSchema, bytes);
  if (typedConfig?.typeUrl.includes('.filters.http.') !== true) return;
  const filter = create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value: typedConfig } });
  const config = create(RouteConfigurationSchema, { validateClusters: false });
  push(parts, listenerFor(label, { case: 'typedConfig', value: managerOf(config, [filter]) }));
}

const managerOf = (routeConfig: RouteConfiguration, extensions: readonly HttpFilter[] = []) =>
  anyOf(HttpConnectionManagerSchema, {
    statPrefix: 'routes',
    routeSpecifier: { case: 'routeConfig', value: routeConfig },
    httpFilters: [
      ...extensions,
      { name: corsFilter, configType: { case: 'typedConfig', value: anyOf(CorsSchema, {}) } },
      { name: faultFilter, configType: { case: 'typedConfig', value: anyOf(HTTPFaultSchema, {}) } },
      { name: 'router', configType: { case: 'typedConfig', value: anyOf(RouterSchema, {}) } },
    ],
  });

function listenerFor(
  name: string,
  configType: { case: 'typedConfig'; value: ReturnType<typeof managerOf> },
): Listener {
  const filter = create(FilterSchema, { name: 'http', configType });
  return create(ListenerSchema, { name, filterChains: [{ filters: [filter] }] });
}

function push({ listeners }: Parts, listener: Listener): void {
  if (listener.listenerSpecifier.case === 'internalListener') {
    listeners.push(listener);
    return;
  }
  const number = listeners.length + 1;
  const address = `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  const isDatagram = listener.udpListenerConfig !== undefined;
  const protocol = isDatagram ? SocketAddress_Protocol.UDP : SocketAddress_Protocol.TCP;
  listener.address = create(AddressSchema, socketAddress(address, 10_000, protocol));
  for (const also of listener.additionalAddresses)
    also.address = create(AddressSchema, socketAddress(`fd00::${number.toString(16)}`, 10_000, protocol));
  listeners.push(listener);
}

/** How large an expression may be: as the agent's bootstrap has it. */
const expressions = {
  're2.max_program_size.error_level': 32_768,
  're2.max_program_size.warn_level': 16_384,
};

/** As the agent's bootstrap: discovery, the agent's secrets and the agent itself are static clusters. */
function bootstrapOf({ clusters, listeners, secrets }: Parts, names: ReadonlySet<string>): Bootstrap {
  const known = [...names].map((name) =>
    create(ClusterSchema, {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      loadAssignment: { clusterName: name },
    }),
  );
  return create(BootstrapSchema, {
    node: { id: 'sidecar~127.0.0.1~test.default~default.svc.cluster.local', cluster: 'test' },
    dynamicResources: {
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: ApiVersion.V3,
        grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'xds-grpc' } } }],
      },
    },
    bootstrapExtensions: [
      create(TypedExtensionConfigSchema, {
        name: 'envoy.bootstrap.internal_listener',
        typedConfig: anyOf(InternalListenerSchema, {}),
      }),
    ],
    layeredRuntime: {
      layers: [{ name: 'static', layerSpecifier: { case: 'staticLayer', value: expressions } }],
    },
    staticResources: { clusters: [...known, ...clusters], listeners: [...listeners], secrets: [...secrets] },
  });
}
