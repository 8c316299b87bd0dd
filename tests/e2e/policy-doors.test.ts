// The doors that proxies use, asked by a real Envoy: authorization, rate limits, quota assignments, access logs.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type AssignmentCall,
  type AttributeBag,
  type CheckCall,
  type CheckOutcome,
  istioVocabulary,
  type PolicyEngine,
  type QuotaArguments,
  type QuotaVerdict,
} from '@xebec/policy';
import { type Doors, doorServerOptions, noWorkloads, registerDoors } from '@xebec/policy-service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from './support/free-port.ts';
import { until } from './support/mesh.ts';
import { ownAddress } from './support/stock-envoy.ts';

/** Refuses one path, counts one quota, keeps what is reported. */
class CountingEngine implements PolicyEngine {
  readonly revision = 1;
  readonly checks: CheckCall[] = [];
  readonly bags: AttributeBag[] = [];
  readonly used = new Map<string, bigint>();
  readonly limit = 30n;

  async check(call: CheckCall): Promise<CheckOutcome> {
    this.checks.push(call);
    const isClosed = call.attributes.get('request.url_path') === '/closed';
    return {
      status: isClosed ? { code: 7, message: 'deny.default:closed' } : { code: 0, message: '' },
      ...{ validDurationMs: 0, validUseCount: 1, references: [], quotas: new Map(), rules: [] },
      requestHeaders: [],
      responseHeaders: [{ name: 'x-policy', operation: 'REPLACE', values: ['asked'] }],
    };
  }
  async report(bags: readonly AttributeBag[]): Promise<void> {
    this.bags.push(...bags);
  }
  async allocate(name: string, { amount, isBestEffort }: QuotaArguments): Promise<QuotaVerdict> {
    const used = this.used.get(name) ?? 0n;
    const left = this.limit - used;
    const granted = amount <= left ? amount : isBestEffort ? left : 0n;
    this.used.set(name, used + granted);
    const status = granted === 0n && amount > 0n ? { code: 8, message: 'used up' } : { code: 0, message: '' };
    return {
      status,
      granted,
      validDurationMs: 0,
      limit: this.limit,
      remaining: left - granted,
      resetMs: 200,
    };
  }
  assign({ quota, amount }: AssignmentCall): Promise<QuotaVerdict> {
    return this.allocate(quota, { amount, isBestEffort: true, deduplicationId: '' });
  }
  inspect() {
    return { rules: [], handlers: [] };
  }
  async close(): Promise<void> {}
}

const engine = new CountingEngine();
const address = ownAddress();
const directory = mkdtempSync(join(tmpdir(), 'xb-doors-'));
const server = new Server(doorServerOptions);
let doors: Doors | undefined;
let envoy: ChildProcess | undefined;
let log = '';

const type = (name: string): string => `type.googleapis.com/envoy.${name}`;
const socket = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });
const policy = {
  envoy_grpc: { cluster_name: 'policy' },
  timeout: '5s',
  initial_metadata: [{ key: 'xebec-direction', value: 'inbound' }],
};

const authorization = {
  name: 'envoy.filters.http.ext_authz',
  typed_config: {
    '@type': type('extensions.filters.http.ext_authz.v3.ExtAuthz'),
    grpc_service: policy,
    transport_api_version: 'V3',
  },
};
const rateLimit = {
  name: 'envoy.filters.http.ratelimit',
  typed_config: {
    '@type': type('extensions.filters.http.ratelimit.v3.RateLimit'),
    domain: 'limited',
    failure_mode_deny: true,
    // Without it 20 ms.
    timeout: '5s',
    rate_limit_service: { grpc_service: policy, transport_api_version: 'V3' },
  },
};
const blanket = (rule: string) => ({ fallback_rate_limit: { blanket_rule: rule } });
const rateLimitQuota = {
  name: 'envoy.filters.http.rate_limit_quota',
  typed_config: {
    '@type': type('extensions.filters.http.rate_limit_quota.v3.RateLimitQuotaFilterConfig'),
    rlqs_server: policy,
    domain: 'assigned',
    bucket_matchers: {
      on_no_match: {
        action: {
          name: 'bucket',
          typed_config: {
            '@type': type('extensions.filters.http.rate_limit_quota.v3.RateLimitQuotaBucketSettings'),
            bucket_id_builder: { bucket_id_builder: { 'request.host': { string_value: 'a' } } },
            // Envoy 1.40 reports every five seconds all the same.
            reporting_interval: '5s',
            no_assignment_behavior: blanket('DENY_ALL'),
            expired_assignment_behavior: {
              ...blanket('DENY_ALL'),
              expired_assignment_behavior_timeout: '60s',
            },
          },
        },
      },
    },
  },
};

const listener = (name: string, port: number, filter: unknown) => ({
  name,
  address: socket(address, port),
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
            stat_prefix: name,
            access_log: [
              {
                name: 'als',
                typed_config: {
                  '@type': type('extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig'),
                  common_config: {
                    log_name: 'xebec.policy.report',
                    grpc_service: policy,
                    transport_api_version: 'V3',
                    buffer_flush_interval: '0.1s',
                  },
                },
              },
            ],
            route_config: {
              virtual_hosts: [
                {
                  name: 'all',
                  domains: ['*'],
                  routes: [
                    {
                      match: { prefix: '/' },
                      route: {
                        cluster: 'application',
                        rate_limits: [
                          {
                            actions: [
                              {
                                request_headers: {
                                  header_name: 'x-user',
                                  descriptor_key: 'request.headers[x-user]',
                                },
                              },
                            ],
                          },
                        ],
                      },
                    },
                  ],
                },
              ],
            },
            http_filters: [
              filter,
              { name: 'router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } },
            ],
          },
        },
      ],
    },
  ],
});

const ports = { authorization: 8_001, limited: 8_002, assigned: 8_003, application: 8_004, admin: 8_005 };

function bootstrap(policyPort: number) {
  const endpoint = (host: string, port: number) => ({
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(host, port) } }] }],
  });
  const answer = {
    name: 'application',
    address: socket(address, ports.application),
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
              stat_prefix: 'application',
              route_config: {
                virtual_hosts: [
                  {
                    name: 'all',
                    domains: ['*'],
                    routes: [
                      {
                        match: { prefix: '/' },
                        direct_response: { status: 200, body: { inline_string: 'application' } },
                      },
                    ],
                  },
                ],
              },
              http_filters: [
                {
                  name: 'router',
                  typed_config: { '@type': type('extensions.filters.http.router.v3.Router') },
                },
              ],
            },
          },
        ],
      },
    ],
  };
  return {
    node: { id: `sidecar~${address}~shop-1.default~default.svc.cluster.local`, cluster: 'shop' },
    admin: { address: socket(address, ports.admin) },
    static_resources: {
      listeners: [
        listener('authorization', ports.authorization, authorization),
        listener('limited', ports.limited, rateLimit),
        listener('assigned', ports.assigned, rateLimitQuota),
        answer,
      ],
      clusters: [
        {
          name: 'policy',
          type: 'STATIC',
          load_assignment: { cluster_name: 'policy', ...endpoint('127.0.0.1', policyPort) },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
        {
          name: 'application',
          type: 'STATIC',
          load_assignment: { cluster_name: 'application', ...endpoint(address, ports.application) },
        },
      ],
    },
  };
}

beforeAll(async () => {
  doors = registerDoors({ local: server }, undefined, {
    engine: () => engine,
    vocabulary: () => istioVocabulary,
    ...{ authenticators: [], plaintextCallers: 'proxies', workloads: noWorkloads },
  });
  const port = await freePort();
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  const file = join(directory, 'envoy.json');
  writeFileSync(file, JSON.stringify(bootstrap(port)));
  const parameters = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning'];
  envoy = spawn(process.env['ENVOY_PATH'] ?? 'envoy', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  envoy.stderr?.setEncoding('utf8').on('data', (part: string) => {
    log += part;
  });
  await until('Envoy', async () => (await fetch(`http://${address}:${ports.admin}/ready`)).ok).catch(
    (error: unknown) => {
      throw new Error(log, { cause: error });
    },
  );
}, 60_000);

afterAll(async () => {
  envoy?.kill('SIGKILL');
  await doors?.close();
  server.forceShutdown();
  rmSync(directory, { recursive: true, force: true });
});

const get = (port: number, path: string) =>
  fetch(`http://${address}:${port}${path}`, { headers: { 'x-user': 'ann' } });

it('[DP-22] a request is described before it passes, and is refused with the rule’s message', async () => {
  const refused = await get(ports.authorization, '/closed?why=1');
  expect([refused.status, await refused.text(), refused.headers.get('x-policy')]).toEqual([
    403,
    'PERMISSION_DENIED:deny.default:closed',
    'asked',
  ]);
  const passed = await get(ports.authorization, '/open');
  expect([passed.status, await passed.text(), passed.headers.get('x-policy')]).toEqual([
    200,
    'application',
    'asked',
  ]);
  const bag = engine.checks[0]?.attributes;
  const said = [
    'request.method',
    'request.path',
    'request.url_path',
    'context.protocol',
    'context.reporter.kind',
    'destination.port',
    'connection.mtls',
  ];
  expect(said.map((name) => bag?.get(name))).toEqual([
    'GET',
    '/closed?why=1',
    '/closed',
    'http',
    'inbound',
    BigInt(ports.authorization),
    false,
  ]);
  expect(bag?.get('request.query_params')).toEqual(new Map([['why', '1']]));
  expect(bag?.get('source.ip')).toHaveLength(4);
});

it('[DP-22] and is reported with its answer', async () => {
  const ofClosed = await until('the report', async () =>
    engine.bags.find((bag) => bag.get('request.url_path') === '/closed'),
  );
  const said = [
    'response.code',
    'request.method',
    'context.proxy_error_code',
    'check.error_code',
    'destination.port',
  ];
  expect(said.map((name) => ofClosed.get(name))).toEqual([
    403n,
    'GET',
    'UAEX',
    7n,
    BigInt(ports.authorization),
  ]);
  expect(ofClosed.has('response.duration')).toBe(true);
});

it('[DP-20] a rate limit lets through exactly what the quota has', async () => {
  const statuses: number[] = [];
  let last: Response | undefined;
  for (let request = 0; request < 40; request += 1) {
    last = await get(ports.limited, '/');
    await last.arrayBuffer();
    statuses.push(last.status);
  }
  expect([statuses.filter((status) => status === 200).length, statuses.at(-1)]).toEqual([30, 429]);
  expect([
    last?.headers.get('retry-after'),
    last?.headers.get('x-ratelimit-limit'),
    last?.headers.get('x-ratelimit-remaining'),
  ]).toEqual(['1', '30', '0']);
});

it('[DP-20] quota that is assigned beforehand lets through no more than there is, and all of it', async () => {
  let passed = 0;
  await until(
    'all of the quota',
    async () => {
      const { status } = await get(ports.assigned, '/');
      if (status === 200) passed += 1;
      return passed === 30;
    },
    40_000,
  );
  for (let request = 0; request < 60; request += 1) {
    if ((await get(ports.assigned, '/')).status === 200) passed += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(passed).toBe(30);
  expect(engine.used.get('assigned')).toBe(30n);
}, 60_000);
