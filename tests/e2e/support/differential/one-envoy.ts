// One Envoy that enforces the policies of many cases: each HTTP case is a route, each TCP case a port. Its answers say what it saw.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, fromJson, toBinary } from '@bufbuild/protobuf';
import type { PathNormalization } from '@xebec/config';
import type { Authentication, Authorization } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { BootstrapSchema, LayeredRuntimeSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { RBACPerRouteSchema, RBACSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  LocalReplyConfigSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DownstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { proxyRuntime } from '../../../../apps/agent/src/bootstrap/bootstrap.ts';
import { tokenFilters } from '../../../../packages/envoy/src/authentication/token-filters.ts';
import { authorizeConnection } from '../../../../packages/envoy/src/authorization/connections.ts';
import { httpAuthorization } from '../../../../packages/envoy/src/authorization/filters.ts';
import {
  networkFilter,
  patientLimit,
  socketAddress,
  tlsInspector,
} from '../../../../packages/envoy/src/listeners/addresses.ts';
import { httpConnectionManager } from '../../../../packages/envoy/src/listeners/http-connection.ts';
import { tcpProxy } from '../../../../packages/envoy/src/listeners/tcp-proxy.ts';
import { blackHoleCluster } from '../../../../packages/envoy/src/names.ts';
import { trustDomain } from './words.ts';

export interface ServerCredentials {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly rootPem: string;
}

export interface EnvoyOptions {
  readonly address: string;
  readonly credentials: ServerCredentials;
  /** Of all HTTP cases. */
  readonly authentication: Authentication;
  /** By number of the case. */
  readonly http: readonly Authorization[];
  /** Each on a port of its own, from `firstTcpPort` on. */
  readonly tcp: readonly Authorization[];
  /** Where connections that are let in go. */
  readonly upstream: { readonly address: string; readonly port: number };
}

export const firstTcpPort = 10_000;
/** Requests of each kind of normalization have a port. */
export const httpPorts: readonly (readonly [number, PathNormalization])[] = [
  [7000, 'NONE'],
  [7001, 'BASE'],
  [7002, 'MERGE_SLASHES'],
  [7003, 'DECODE_AND_MERGE_SLASHES'],
];
/** A request names its case in this header. */
export const caseHeader = 'x-differential-case';

const settings = {
  trustDomain,
  clusterDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLog: { format: 'none' },
} as const;

const filterNames = ['deny', 'allow'] as const;

function rulesIn({ configType }: HttpFilter) {
  if (configType.case !== 'typedConfig') throw new Error('the filter has no configuration');
  const rbac = fromBinary(RBACSchema, configType.value.value);
  // 0 is ALLOW.
  return { name: filterNames[rbac.rules?.action === 0 ? 1 : 0], rbac };
}

/** The filters of one case, in the place of filters without rules. */
const overridesOf = (authorization: Authorization) =>
  Object.fromEntries(
    httpAuthorization(authorization, [trustDomain])
      .map(rulesIn)
      .map(({ name, rbac }) => [name, anyOf(RBACPerRouteSchema, { rbac })]),
  );

const withoutRules = (name: string): HttpFilter =>
  ({
    ...httpAuthorization(
      [{ object: 'AuthorizationPolicy/a/a', namespace: 'a', name: 'a', action: 'ALLOW', rules: [] }],
      [trustDomain],
    )[0],
    name,
    configType: { case: 'typedConfig', value: anyOf(RBACSchema, {}) },
  }) as HttpFilter;

const seen = {
  'x-seen-details': '%RESPONSE_CODE_DETAILS%',
  'x-seen-path': '%REQ(:PATH)%',
  'x-seen-host': '%REQ(:AUTHORITY)%',
};

function managerOf(
  { http: cases, authentication }: EnvoyOptions,
  paths: PathNormalization,
  isMutual: boolean,
): Filter {
  const filter = httpConnectionManager({
    statPrefix: 'differential',
    routes: {
      kind: 'inline',
      config: {
        virtualHosts: [
          {
            name: 'cases',
            domains: ['*'],
            routes: cases.map((authorization, index) => ({
              match: {
                pathSpecifier: { case: 'prefix' as const, value: '/' },
                headers: [
                  {
                    name: caseHeader,
                    headerMatchSpecifier: {
                      case: 'stringMatch' as const,
                      value: { matchPattern: { case: 'exact' as const, value: String(index) } },
                    },
                  },
                ],
              },
              action: { case: 'directResponse' as const, value: { status: 200 } },
              typedPerFilterConfig: overridesOf(authorization),
            })),
          },
        ],
      },
    },
    accessLog: [],
    place: isMutual ? 'sidecar-inbound-mutual' : 'sidecar-inbound-plain',
    isOnDemand: false,
    paths,
    authentication: tokenFilters(authentication),
    authorization: filterNames.map(withoutRules),
  });
  if (filter.configType.case !== 'typedConfig') throw new Error('the manager has no configuration');
  const manager = fromBinary(HttpConnectionManagerSchema, filter.configType.value.value);
  return networkFilter(
    filter.name,
    anyOf(HttpConnectionManagerSchema, {
      ...manager,
      localReplyConfig: create(LocalReplyConfigSchema, {
        mappers: [
          {
            filter: { filterSpecifier: { case: 'notHealthCheckFilter', value: {} } },
            headersToAdd: Object.entries(seen).map(([key, value]) => ({ header: { key, value } })),
          },
        ],
      }),
    }),
  );
}

const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });

const mutualTls = ({ certificatePem, privateKeyPem, rootPem }: ServerCredentials) =>
  create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: anyOf(DownstreamTlsContextSchema, {
        requireClientCertificate: true,
        commonTlsContext: {
          tlsCertificates: [{ certificateChain: inline(certificatePem), privateKey: inline(privateKeyPem) }],
          validationContextType: {
            case: 'validationContext',
            value: { trustedCa: inline(rootPem) },
          },
        },
      }),
    },
  });

interface ListenerOptions {
  readonly port: number;
  readonly filters: (isMutual: boolean) => readonly Filter[];
}

const listenerOf = ({ address, credentials }: EnvoyOptions, { port, filters }: ListenerOptions) =>
  create(ListenerSchema, {
    name: `port-${port}`,
    address: socketAddress(address, port),
    listenerFilters: [tlsInspector],
    ...patientLimit,
    filterChains: [true, false].map((isMutual) => ({
      name: isMutual ? 'mutual' : 'plain',
      filterChainMatch: { transportProtocol: isMutual ? 'tls' : 'raw_buffer' },
      filters: [...filters(isMutual)],
      ...(isMutual ? { transportSocket: mutualTls(credentials) } : {}),
    })),
  });

/** Half of the cases are decided as proxies of the mesh decide them, half as others do. */
function connectionFilters(
  authorization: Authorization,
  index: number,
  isMutual: boolean,
): readonly Filter[] {
  const { filters, ...authorized } = authorizeConnection(authorization, {
    settings,
    proxy: index % 2 === 0 ? { choosesAfterHandshake: true } : {},
    peer: isMutual ? 'mesh' : 'unproven',
    cluster: 'upstream',
  });
  return [
    ...filters,
    tcpProxy({
      statPrefix: 'differential',
      cluster: 'upstream',
      metrics: [],
      isMutualTls: isMutual,
      ...authorized,
    }),
  ];
}

function bootstrapOf(options: EnvoyOptions) {
  const { address, port } = options.upstream;
  const listeners = [
    ...httpPorts.map(
      ([number, paths]): ListenerOptions => ({
        port: number,
        filters: (isMutual) => [managerOf(options, paths, isMutual)],
      }),
    ),
    ...options.tcp.map(
      (authorization, index): ListenerOptions => ({
        port: firstTcpPort + index,
        filters: (isMutual) => connectionFilters(authorization, index, isMutual),
      }),
    ),
  ];
  return create(BootstrapSchema, {
    node: { id: 'differential', cluster: 'differential' },
    layeredRuntime: fromJson(LayeredRuntimeSchema, JSON.parse(JSON.stringify(proxyRuntime))),
    staticResources: {
      listeners: listeners.map((each) => listenerOf(options, each)),
      clusters: [
        create(ClusterSchema, {
          name: 'upstream',
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
          loadAssignment: {
            clusterName: 'upstream',
            endpoints: [
              {
                lbEndpoints: [
                  {
                    hostIdentifier: {
                      case: 'endpoint',
                      value: { address: socketAddress(address, port) },
                    },
                  },
                ],
              },
            ],
          },
        }),
        create(ClusterSchema, {
          name: blackHoleCluster,
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
        }),
      ],
    },
  });
}

export interface RunningEnvoy extends AsyncDisposable {
  log(): string;
}

/** Resolves when it takes connections. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-differential-'));
  const file = join(directory, 'bootstrap.pb');
  writeFileSync(file, toBinary(BootstrapSchema, bootstrapOf(options)));
  const flags = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'info'];
  const child: ChildProcess = spawn(process.env['ENVOY_PATH'] ?? 'envoy', flags, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const started = new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      log = (log + part).slice(-100_000);
      if (log.includes('starting main dispatch loop')) resolve();
    });
    child.once('close', () => reject(new Error(`Envoy ended: ${log.slice(-3_000)}`)));
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await started;
  } catch (error) {
    await stop();
    throw error;
  }
  return { log: () => log, [Symbol.asyncDispose]: stop };
}
