// A real Envoy under test: found, started with a bootstrap that points at our port, and stopped with its directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** `$ENVOY_PATH`, the PATH, or what was installed before. */
export function findEnvoy(): string | undefined {
  const cache = join(homedir(), '.cache', 'xebec');
  const cached = existsSync(cache)
    ? readdirSync(cache, { recursive: true }).map((file) => join(cache, String(file)))
    : [];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'envoy'));
  const candidates = [
    process.env['ENVOY_PATH'] ?? '',
    ...onPath,
    ...cached.filter((file) => /[/\\]envoy$/.test(file)),
  ];
  return candidates.find(
    (file) => file !== '' && statSync(file, { throwIfNoEntry: false })?.isFile() === true,
  );
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A server that answers every request with a text. */
export async function startBackend(text: string): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, close: () => server.close().closeAllConnections() };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

export function get(port: number, host: string): Promise<Answer> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', headers: { host }, timeout: 20_000, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, ms: performance.now() - startedMs }),
        );
      },
    );
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error('no answer within 20 s')));
    sent.end();
  });
}

export type AdsApi = 'DELTA_GRPC' | 'GRPC';

const bootstrap = (node: string, xdsPort: number, directory: string, api: AdsApi) => ({
  node: { id: node, cluster: 'test' },
  admin: { address: { pipe: { path: join(directory, 'admin.sock') } } },
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
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'xds',
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: xdsPort } } } },
              ],
            },
          ],
        },
      },
    ],
  },
});

export interface RunningEnvoy {
  readonly log: () => string;
  stop(): Promise<void>;
}

export function startEnvoy(
  path: string,
  xdsPort: number,
  options: { readonly node: string; readonly api?: AdsApi },
): RunningEnvoy {
  const directory = mkdtempSync(join(tmpdir(), 'xds-envoy-'));
  const config = join(directory, 'bootstrap.json');
  writeFileSync(
    config,
    JSON.stringify(bootstrap(options.node, xdsPort, directory, options.api ?? 'DELTA_GRPC')),
  );
  const level = process.env['ENVOY_LOG_LEVEL'] ?? 'warning';
  const child: ChildProcess = spawn(
    path,
    ['-c', config, '--concurrency', '1', '--use-dynamic-base-id', '-l', level],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    log: () => log,
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
