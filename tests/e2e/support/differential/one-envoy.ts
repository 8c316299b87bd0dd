// One Envoy that enforces the policies of many cases: each HTTP case is a route, each TCP case a port. Its answers say what it saw.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, fromJson, toBinary } from '@bufbuild/protobuf';
import type { PathNormalization } from '@xebec/config';
import { type Authentication, type Authorization, isAskable } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { BootstrapSchema, LayeredRuntimeSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { StdoutAccessLogSchema } from '@xebec/protos/envoy/extensions/access_loggers/stream/v3/stream_pb';
import { RBACPerRouteSchema, RBACSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
  LocalReplyConfigSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DownstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { proxyRuntime } from '../../../../apps/agent/src/bootstrap/bootstrap.ts';
import { tokenFilters } from '../../../../packages/envoy/src/authentication/token-filters.ts';
import { authorizeConnection } from '../../../../packages/envoy/src/authorization/connections.ts';
import { httpAuthorization } from '../../../../packages/envoy/src/authorization/filters.ts';
import {
  auditedRuleKey,
  auditPrefix,
  customPrefix,
  dryRunPrefixes,
  httpRbacNamespace,
} from '../../../../packages/envoy/src/authorization/verdict-names.ts';
import {
  networkFilter,
  patientLimit,
  socketAddress,
  tlsInspector,
} from '../../../../packages/envoy/src/listeners/addresses.ts';
import { httpConnectionManager } from '../../../../packages/envoy/src/listeners/http-connection.ts';
import { tcpProxy } from '../../../../packages/envoy/src/listeners/tcp-proxy.ts';
import { blackHoleCluster, outboundCluster } from '../../../../packages/envoy/src/names.ts';
import { callHeader, judgeHost, judgePort } from './judge.ts';
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
  /** Where the provider answers. */
  readonly judgePort: number;
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

/** In the order of real ones. Those of a case take their places; what a case has not is without rules. */
const filterNames = ['audit', 'asked', 'refuse', 'deny', 'allow'] as const;
type Place = (typeof filterNames)[number];

const placeOf = ({ action, provider }: Authorization[number]): Place => {
  if (action === 'CUSTOM') return provider !== undefined && isAskable(provider) ? 'asked' : 'refuse';
  return action === 'AUDIT' ? 'audit' : action === 'DENY' ? 'deny' : 'allow';
};

function rbacOf({ configType }: HttpFilter) {
  if (configType.case !== 'typedConfig') throw new Error('the filter has no configuration');
  return fromBinary(RBACSchema, configType.value.value);
}

const filtersAt = (authorization: Authorization, place: Place): readonly HttpFilter[] =>
  httpAuthorization(
    authorization.filter((policy) => placeOf(policy) === place),
    [trustDomain],
  );

/** The filters of one case, in the place of filters without rules. */
const overridesOf = (authorization: Authorization) =>
  Object.fromEntries(
    filterNames.flatMap((place) => {
      const [filter] = filtersAt(authorization, place);
      return filter === undefined ? [] : [[place, anyOf(RBACPerRouteSchema, { rbac: rbacOf(filter) })]];
    }),
  );

const withoutRules = (name: Place): HttpFilter =>
  create(HttpFilterSchema, {
    name,
    configType: {
      case: 'typedConfig',
      value: anyOf(RBACSchema, { shadowRulesStatPrefix: prefixes[name] ?? '' }),
    },
  });

/** What notes are kept under is decided by the filter, not by the route that overrides its rules. */
const prefixes: Readonly<Partial<Record<Place, string>>> = {
  audit: auditPrefix,
  asked: customPrefix('judge'),
  deny: dryRunPrefixes.DENY,
  allow: dryRunPrefixes.ALLOW,
};

/** Who is asked is the same for all cases. */
function askingFilter(cases: readonly Authorization[]): readonly HttpFilter[] {
  for (const authorization of cases) {
    const [, asking] = filtersAt(authorization, 'asked');
    if (asking !== undefined) return [asking];
  }
  return [];
}

const allFilters = (cases: readonly Authorization[]): readonly HttpFilter[] =>
  filterNames.flatMap((name) => [withoutRules(name), ...(name === 'asked' ? askingFilter(cases) : [])]);

const noted = (key: string): string => `%DYNAMIC_METADATA(${httpRbacNamespace}:${key})%`;
const triedAs = (action: 'ALLOW' | 'DENY', what: string): string =>
  noted(`${dryRunPrefixes[action]}shadow_${what}`);

const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });

const seen = {
  'x-seen-details': '%RESPONSE_CODE_DETAILS%',
  'x-seen-path': '%REQ(:PATH)%',
  'x-seen-host': '%REQ(:AUTHORITY)%',
};

/** In one line for each request; Envoy knows all of it only when the request is over. */
const noteFormat = [
  `%REQ(${callHeader})%`,
  noted(auditedRuleKey),
  ...(['DENY', 'ALLOW'] as const).flatMap((action) => [
    triedAs(action, 'engine_result'),
    triedAs(action, 'effective_policy_id'),
  ]),
].join('\t');

const noteLog = create(AccessLogSchema, {
  name: 'envoy.access_loggers.stdout',
  configType: {
    case: 'typedConfig',
    value: anyOf(StdoutAccessLogSchema, {
      accessLogFormat: {
        case: 'logFormat',
        value: { format: { case: 'textFormatSource', value: inline(`${noteFormat}\n`) } },
      },
    }),
  },
});

/** What was noted down: by AUDIT policies, and by those that are only tried; `-` is nothing. */
function marksIn([audited = '-', ...tried]: readonly string[]): readonly string[] {
  const [denied = '-', byDeny = '-', allowed = '-', byAllow = '-'] = tried;
  const joined = (result: string, rule: string): string => (rule === '-' ? result : `${result} ${rule}`);
  return [audited, joined(denied, byDeny), joined(allowed, byAllow)];
}

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
    accessLog: [noteLog],
    place: isMutual ? 'sidecar-inbound-mutual' : 'sidecar-inbound-plain',
    isOnDemand: false,
    paths,
    authentication: tokenFilters(authentication),
    authorization: allFilters(cases),
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

const clusterAt = (name: string, address: string, port: number) =>
  create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { hostIdentifier: { case: 'endpoint', value: { address: socketAddress(address, port) } } },
          ],
        },
      ],
    },
  });

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
        clusterAt('upstream', address, port),
        clusterAt(outboundCluster(judgePort, '', judgeHost), '127.0.0.1', options.judgePort),
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
  /** What was noted down of a request that is over, by its `callHeader`; undefined when nothing comes for long. */
  marksOf(call: string): Promise<readonly string[] | undefined>;
}

const longestWaitMs = 10_000;

function readNotes(child: ChildProcess): RunningEnvoy['marksOf'] {
  const known = new Map<string, readonly string[]>();
  const waiting = new Map<string, () => void>();
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [call = '', ...fields] = line.split('\t');
      known.set(call, marksIn(fields));
      waiting.get(call)?.();
    }
  });
  return async (call) => {
    if (!known.has(call)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestWaitMs);
        waiting.set(call, () => {
          clearTimeout(timer);
          resolve();
        });
      });
      waiting.delete(call);
    }
    const found = known.get(call);
    known.delete(call);
    return found;
  };
}

/** Resolves when it takes connections. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-differential-'));
  const file = join(directory, 'bootstrap.pb');
  writeFileSync(file, toBinary(BootstrapSchema, bootstrapOf(options)));
  const flags = [
    '-c',
    file,
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '-l',
    'info',
    '--file-flush-interval-msec',
    '10',
  ];
  const child: ChildProcess = spawn(process.env['ENVOY_PATH'] ?? 'envoy', flags, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const notes = readNotes(child);
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
  return { log: () => log, marksOf: notes, [Symbol.asyncDispose]: stop };
}
