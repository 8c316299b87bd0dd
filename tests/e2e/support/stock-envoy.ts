// An Envoy that nobody of ours looks after: plain bootstrap, stock discovery, its own loopback address.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchText } from './http.ts';

export interface StockEnvoyOptions {
  /** `HOST:PORT` of plaintext discovery. */
  readonly xds: string;
  readonly api: 'GRPC' | 'DELTA_GRPC';
  readonly name: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** `HOST:PORT` of the only name server it asks. */
  readonly dns?: string;
  readonly locality?: { readonly region: string; readonly zone?: string; readonly sub_zone?: string };
}

export interface StockEnvoy extends AsyncDisposable {
  readonly address: string;
  readonly node: string;
  log(): string;
  /** Lines so far. */
  accessLog(): readonly string[];
  /** Text of a page of its admin interface. */
  admin(path: string): Promise<string>;
}

const adminPort = 15_000;

/** Beyond the addresses that meshes of this machine give to their workloads. */
export const ownAddress = (): string => `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;

export function startStockEnvoy(options: StockEnvoyOptions): StockEnvoy {
  const address = ownAddress();
  const node = `sidecar~${address}~${options.name}.default~default.svc.cluster.local`;
  const directory = mkdtempSync(join(tmpdir(), 'xb-stock-'));
  const config = join(directory, 'bootstrap.json');
  writeFileSync(config, JSON.stringify(bootstrap(options, address, node)));
  const child: ChildProcess = spawn(
    process.env['ENVOY_PATH'] ?? 'envoy',
    [
      ...['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning'],
      // The access log is read by tests that wait for it.
      ...['--file-flush-interval-msec', '100'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    log += part;
  });
  let lines = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    lines += part;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    address,
    node,
    log: () => log,
    accessLog: () => lines.split('\n'),
    admin: async (path) => (await fetchText({ url: `http://${address}:${adminPort}${path}` })).body,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const socketAddress = (address: string, port: number) => ({
  socket_address: { address, port_value: port },
});

function resolver(dns: string) {
  const [host = '', port = ''] = dns.split(':');
  const type = 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig';
  return {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': `type.googleapis.com/${type}`,
      resolvers: [socketAddress(host, Number(port))],
      query_timeout_seconds: 1,
      query_tries: 1,
    },
  };
}

function bootstrap(
  { xds, api, name, metadata, locality, dns }: StockEnvoyOptions,
  address: string,
  node: string,
) {
  const [xdsHost = '', xdsPort = ''] = xds.split(':');
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    node: {
      id: node,
      cluster: `${name}.default`,
      ...(locality === undefined ? {} : { locality }),
      metadata: { NAMESPACE: 'default', NAME: name, CAPTURE: 'explicit', ...metadata },
    },
    admin: { address: socketAddress(address, adminPort) },
    ...(dns === undefined ? {} : { typed_dns_resolver_config: resolver(dns) }),
    dynamic_resources: {
      ads_config: {
        api_type: api,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: {
            [options]: {
              '@type': `type.googleapis.com/${options}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [
              { lb_endpoints: [{ endpoint: { address: socketAddress(xdsHost, Number(xdsPort)) } }] },
            ],
          },
        },
      ],
    },
  };
}
