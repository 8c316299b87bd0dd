// A stock Envoy with nothing of ours beside it: plaintext discovery in both protocols, the ordinary full set, real requests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { fetchText } from './support/http.ts';
import { admin, at, listAt, textAt, until } from './support/mesh.ts';
import { type StockEnvoy, startStockEnvoy } from './support/stock-envoy.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-stock-config-'));
const state = mkdtempSync(join(tmpdir(), 'xb-stock-state-'));
const backends = new Map<string, { readonly server: Server; readonly port: number }>();
let controlPlane: ControlPlaneProcess;

async function startBackend(name: string): Promise<void> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  backends.set(name, { server, port: typeof address === 'object' ? (address?.port ?? 0) : 0 });
}
const portOf = (name: string): number => backends.get(name)?.port ?? 0;

/** Outside the mesh: automatic mutual TLS would need the secrets that an agent brings. */
const entry = (host: string, body: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ${host.replaceAll('.', '-')}}\nspec:\n  hosts: [${host}]\n  location: MESH_EXTERNAL\n  ports: [{number: 80, name: http, protocol: HTTP}]\n${body}`;
const fixed = (host: string, backend: string): string =>
  entry(
    host,
    `  resolution: STATIC\n  endpoints:\n  - {address: 127.0.0.1, ports: {http: ${portOf(backend)}}}\n`,
  );
const selected = (host: string): string =>
  entry(host, `  resolution: STATIC\n  workloadSelector: {labels: {app: ${host.split('.')[0]}}}\n`);
const workload = (name: string, app: string, backend: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: ${name}}\nspec:\n  address: 127.0.0.1\n  ports: {http: ${portOf(backend)}}\n  labels: {app: ${app}}\n`;
const named = (host: string, backend: string): string =>
  entry(
    host,
    `  resolution: DNS\n  endpoints:\n  - {address: localhost, ports: {http: ${portOf(backend)}}}\n`,
  );
const save = (name: string, ...documents: readonly string[]): void =>
  writeFileSync(join(directory, name), documents.join('---\n'));

beforeAll(async () => {
  for (const name of ['one', 'two', 'three']) await startBackend(name);
  save('fixed.yaml', fixed('fixed.example', 'one'));
  save('selected.yaml', selected('selected.example'), workload('w1', 'selected', 'two'));
  save('named.yaml', named('named.example', 'three'));
  controlPlane = await startControlPlane([
    ...['--config-dir', directory, '--state', state, '--xds-plaintext', '127.0.0.1:0'],
  ]);
});
afterAll(async () => {
  await controlPlane?.[Symbol.asyncDispose]();
  for (const { server } of backends.values()) server.close();
  for (const path of [directory, state]) rmSync(path, { recursive: true, force: true });
});

const ask = (envoy: StockEnvoy, host: string) =>
  fetchText({ url: `http://${host}/`, proxy: `${envoy.address}:15001` });
const untilSaid = (envoy: StockEnvoy, host: string, text: string): Promise<true> =>
  until(`${host} answers ${text}\n${envoy.log()}`, async () => (await ask(envoy, host)).body === text);

describe.each(['GRPC', 'DELTA_GRPC'] as const)('[MG-7] a stock Envoy with %s', (api) => {
  let envoy: StockEnvoy;
  beforeAll(() => {
    envoy = startStockEnvoy({
      xds: controlPlane.address('xds-plaintext'),
      api,
      name: `stock-${api.toLowerCase().replace('_', '-')}`,
    });
  });
  afterAll(async () => {
    await envoy?.[Symbol.asyncDispose]();
  });

  it('becomes live with the ordinary full set', async () => {
    await until('it is live', async () => (await envoy.admin('/ready')).trim() === 'LIVE');
    const clusters = await envoy.admin('/clusters');
    for (const host of ['fixed', 'selected', 'named'])
      expect(clusters).toContain(`outbound|80||${host}.example::`);
    const [status] = listAt(await admin(state, '/v1/proxies'), 'items').filter(
      (item) => textAt(item, 'client') === envoy.node,
    );
    expect(textAt(status, 'protocol')).toBe(api === 'GRPC' ? 'state-of-the-world' : 'delta');
    expect(at(status, 'node', 'discovery')).toBe('eager');
    expect(envoy.log()).not.toMatch(/rejected|error/i);
  });

  it('routes to endpoints of a ServiceEntry, of its WorkloadEntries, and of a name', async () => {
    await untilSaid(envoy, 'fixed.example', 'one');
    await untilSaid(envoy, 'selected.example', 'two');
    await untilSaid(envoy, 'named.example', 'three');
  });

  it('follows changes', async () => {
    save('fixed.yaml', fixed('fixed.example', 'two'));
    await untilSaid(envoy, 'fixed.example', 'two');
    save('selected.yaml', selected('selected.example'), workload('w1', 'selected', 'three'));
    await untilSaid(envoy, 'selected.example', 'three');
    save('late.yaml', fixed('late.example', 'one'));
    await untilSaid(envoy, 'late.example', 'one');
    rmSync(join(directory, 'late.yaml'));
    await until('the deleted host is gone', async () => (await ask(envoy, 'late.example')).body !== 'one');
    save('fixed.yaml', fixed('fixed.example', 'one'));
    await untilSaid(envoy, 'fixed.example', 'one');
    save('selected.yaml', selected('selected.example'), workload('w1', 'selected', 'two'));
    await untilSaid(envoy, 'selected.example', 'two');
    expect(envoy.log()).not.toMatch(/rejected/i);
  });
});
