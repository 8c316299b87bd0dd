// Real Envoy as the judge of resources: many meshes in one bootstrap, which it reads and checks without binding a port.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from '@xebec/protos/envoy/config/route/v3/route_pb';
import { InternalListenerSchema } from '@xebec/protos/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb';
import { CorsSchema } from '@xebec/protos/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '@xebec/protos/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { type Secret, SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { socketAddress } from '../listeners/addresses.ts';
import { corsFilter, faultFilter } from '../routes/filter-overrides.ts';
import { resourcesOf as allResourcesOf, bytesOf, type ConfigMesh } from './config-mesh.ts';

/** `$ENVOY_PATH`, or the one installed before; tests install none. */
export function findEnvoy(): string | undefined {
  const cache = process.env['XEBEC_CACHE'] ?? join(homedir(), '.cache', 'xebec');
  const platform = `${process.platform}-${process.arch}`;
  const candidates = [process.env['ENVOY_PATH'], join(cache, 'envoy', `1.40.0-${platform}`, 'envoy')];
  return candidates.find((path) => path !== undefined && path !== '' && existsSync(path));
}

/** Everything to be checked in one go; names carry the case, since one bootstrap holds them all. */
export interface Validation {
  add(name: string, mesh: Pick<ConfigMesh, 'types'>): void;
  /** What Envoy says against it; undefined when it takes all. */
  run(envoyPath: string): Promise<string | undefined>;
}

interface Parts {
  readonly clusters: Cluster[];
  readonly listeners: Listener[];
  readonly secrets: Secret[];
}

export function createValidation(): Validation {
  const parts: Parts = { clusters: [], listeners: [], secrets: [] };
  return {
    add: (name, mesh) => {
      addClusters(parts, name, mesh);
      addEndpoints(parts, name, mesh);
      addListeners(parts, name, mesh);
      addRoutes(parts, name, mesh);
      for (const [key, resource] of resourcesOf(mesh, 'secrets'))
        parts.secrets.push(renamed(fromBinary(SecretSchema, bytesOf(resource)), `${name}~${key}`));
    },
    run: (envoyPath) => validate(envoyPath, bootstrapOf(parts)),
  };
}

const resourcesOf: typeof allResourcesOf = (mesh, name) =>
  allResourcesOf(mesh, name).filter(([, { isAbsent }]) => isAbsent !== true);

const renamed = <M extends { name: string }>(message: M, name: string): M => Object.assign(message, { name });

type Mesh = Pick<ConfigMesh, 'types'>;

function addClusters(parts: Parts, name: string, mesh: Mesh): void {
  for (const [key, resource] of resourcesOf(mesh, 'clusters'))
    parts.clusters.push(renamed(fromBinary(ClusterSchema, bytesOf(resource)), `${name}~${key}`));
}

function addEndpoints(parts: Parts, name: string, mesh: Mesh): void {
  for (const [key, resource] of resourcesOf(mesh, 'endpoints')) {
    const loadAssignment = fromBinary(ClusterLoadAssignmentSchema, bytesOf(resource));
    parts.clusters.push(
      create(ClusterSchema, {
        name: `${name}~endpoints~${key}`,
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
        loadAssignment,
      }),
    );
  }
}

/** Addresses must differ, so each listener gets one of its own; API listeners are checked by their filter. */
function addListeners(parts: Parts, name: string, mesh: Mesh): void {
  for (const [key, resource] of resourcesOf(mesh, 'listeners')) {
    const listener = fromBinary(ListenerSchema, bytesOf(resource));
    const manager = listener.apiListener?.apiListener;
    push(
      parts,
      manager === undefined
        ? renamed(listener, `${name}~${key}`)
        : listenerFor(`${name}~${key}`, { case: 'typedConfig', value: manager }),
    );
  }
}

function addRoutes(parts: Parts, name: string, mesh: Mesh): void {
  for (const [key, resource, typeUrl] of resourcesOf(mesh, 'routes')) {
    const bytes = bytesOf(resource);
    const config = typeUrl.endsWith('VirtualHost')
      ? create(RouteConfigurationSchema, {
          validateClusters: false,
          maxDirectResponseBodySizeBytes: 1_048_576,
          virtualHosts: [fromBinary(VirtualHostSchema, bytes)],
        })
      : fromBinary(RouteConfigurationSchema, bytes);
    // An inline table cannot have its hosts elsewhere, and would by itself want to know every cluster.
    delete config.vhds;
    config.validateClusters = false;
    push(parts, listenerFor(`${name}~${key}`, { case: 'typedConfig', value: managerOf(config) }));
  }
}

const managerOf = (routeConfig: RouteConfiguration) =>
  anyOf(HttpConnectionManagerSchema, {
    statPrefix: 'routes',
    routeSpecifier: { case: 'routeConfig', value: routeConfig },
    httpFilters: [
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
  listeners.push(listener);
}

/** As the agent's bootstrap: discovery, the agent's secrets and the agent itself are static clusters. */
function bootstrapOf({ clusters, listeners, secrets }: Parts): Bootstrap {
  const known = ['xds-grpc', 'sds-grpc', 'agent'].map((name) =>
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
    staticResources: { clusters: [...known, ...clusters], listeners: [...listeners], secrets: [...secrets] },
  });
}

async function validate(envoyPath: string, bootstrap: Bootstrap): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-validate-'));
  const file = join(directory, 'bootstrap.pb');
  writeFileSync(file, toBinary(BootstrapSchema, bootstrap));
  try {
    return await new Promise((resolve) => {
      const flags = ['--mode', 'validate', '-c', file, '--log-level', 'error'];
      execFile(envoyPath, flags, { timeout: 60_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
        resolve(error === null ? undefined : `${stdout}${stderr}`.slice(0, 4_000)),
      );
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
