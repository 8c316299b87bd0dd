// A real Envoy as an explicit sidecar of nobody: its HTTP proxy sends requests the way the mesh says.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Asked {
  readonly path: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ExplicitEnvoy {
  ask(asked: Asked): Promise<Answer>;
  log(): string;
  stop(): Promise<void>;
}

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
};

const endpoint = (address: string, port_value: number) => ({
  lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value } } } }],
});

export interface BootstrapOptions {
  readonly address: string;
  readonly xdsPort: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export const sidecarBootstrap = ({ address, xdsPort, metadata }: BootstrapOptions) => ({
  node: {
    id: `sidecar~${address}~client.default~default.svc.cluster.local`,
    cluster: 'client.default',
    metadata: { NAMESPACE: 'default', NAME: 'client', ...metadata },
  },
  dynamic_resources: {
    ads_config: {
      api_type: 'DELTA_GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
    },
    cds_config: { ads: {}, resource_api_version: 'V3' },
    lds_config: { ads: {}, resource_api_version: 'V3' },
  },
  static_resources: {
    clusters: [
      {
        name: 'xds-grpc',
        type: 'STATIC',
        typed_extension_protocol_options: http2,
        load_assignment: { cluster_name: 'xds-grpc', endpoints: [endpoint('127.0.0.1', xdsPort)] },
      },
    ],
  },
});

export function startExplicitEnvoy(path: string, address: string, xdsPort: number): ExplicitEnvoy {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-peer-'));
  const file = join(directory, 'bootstrap.json');
  const metadata = { CAPTURE: 'explicit', ON_DEMAND_DISCOVERY: 'true' };
  writeFileSync(file, JSON.stringify(sidecarBootstrap({ address, xdsPort, metadata })));
  const flags = ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'warning'];
  const child: ChildProcess = spawn(path, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr?.on('data', (part: Buffer) => {
    log += part.toString();
  });
  return {
    ask: (asked) => ask(address, asked),
    log: () => log,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function ask(
  address: string,
  { path, host = 'echo.example', method = 'GET', headers = {} }: Asked,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: address,
      port: 15_001,
      path,
      method,
      agent: false,
      headers: { host, ...headers },
    };
    const sent = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString(),
        }),
      );
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error('no answer within 10 s')));
    sent.on('error', reject);
    sent.end();
  });
}
