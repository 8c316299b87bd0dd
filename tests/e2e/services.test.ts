// Services of every kind behind a real Envoy: aliases, names that proxies resolve, endpoints that come and go.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './support/backends.ts';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Answer, fetchText } from './support/http.ts';
import { type Run, until, xebec } from './support/mesh.ts';
import { startNameServer } from './support/name-server.ts';
import { type StockEnvoy, startStockEnvoy } from './support/stock-envoy.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-services-'));
const state = mkdtempSync(join(tmpdir(), 'xb-services-state-'));
const table: Record<string, readonly string[]> = {};
let names: Awaited<ReturnType<typeof startNameServer>>;
let backends: readonly Backend[] = [];
let controlPlane: ControlPlaneProcess;
let envoy: StockEnvoy;

const write = (file: string, text: string): void => writeFileSync(join(directory, `${file}.yaml`), text);

const [first, second] = [0, 1].map((index) => () => {
  const backend = backends[index];
  if (backend === undefined) throw new Error('no backend');
  return backend;
}) as [() => Backend, () => Backend];

const service = (name: string, spec: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
const slice = (name: string, endpoints: readonly string[], port: number): string =>
  `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: ${port}}]
endpoints: [${endpoints.join(', ')}]
`;
const entry = (name: string, spec: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
/** This Envoy has no certificate of the mesh. */
const plain = (host: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ${host.replaceAll(/[*.]+/g, 'x')}}\nspec: {host: "${host}", trafficPolicy: {tls: {mode: DISABLE}}}\n`;
const ready = '{addresses: [127.0.0.1]}';
const draining = '{addresses: [127.0.0.1], conditions: {ready: false, serving: true, terminating: true}}';
const unready = '{addresses: [127.0.0.1], conditions: {ready: false}}';

beforeAll(async () => {
  backends = [await startBackend('first'), await startBackend('second')];
  names = await startNameServer(table);
  const port = first().port;
  for (const host of ['www.outside.example', 'a.dynamic.example', 'b.dynamic.example', 'x.any.example'])
    table[host] = ['127.0.0.1'];
  write(
    'all',
    [
      service('shop', '{ports: [{name: http, port: 80}]}'),
      service('alias', '{type: ExternalName, externalName: shop.default.svc.cluster.local}'),
      service(
        'outside',
        `{type: ExternalName, externalName: www.outside.example, ports: [{name: http, port: 80, targetPort: ${port}}]}`,
      ),
      entry(
        'dns',
        `{hosts: [www.outside.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${port}}]}`,
      ),
      entry(
        'dynamic',
        `{hosts: ["*.dynamic.example"], resolution: DYNAMIC_DNS, ports: [{number: ${port}, name: http, protocol: HTTP}]}`,
      ),
      entry(
        'anywhere',
        `{hosts: ["*.any.example"], resolution: NONE, ports: [{number: ${port}, name: http, protocol: HTTP}]}`,
      ),
      plain('*.default.svc.cluster.local'),
      plain('vm.example'),
      entry(
        'selected',
        '{hosts: [vm.example], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {labels: {app: vm}}, ports: [{number: 80, name: http, protocol: HTTP}]}',
      ),
    ].join('---\n'),
  );
  write('slice', slice('shop', [ready], port));
  controlPlane = await startControlPlane([
    ...['--config-dir', directory, '--state', state, '--xds-plaintext', '127.0.0.1:0'],
  ]);
  envoy = startStockEnvoy({
    xds: controlPlane.address('xds-plaintext'),
    api: 'DELTA_GRPC',
    name: 'client',
    dns: `127.0.0.1:${names.port}`,
  });
  await until('it serves', async () => (await get('shop')).status === 200);
}, 60_000);
afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await controlPlane?.[Symbol.asyncDispose]();
  await names?.close();
  for (const backend of backends) backend.close();
  for (const path of [directory, state]) rmSync(path, { recursive: true, force: true });
});

/** As the platform writes it: nobody else may say how a workload is. */
function putWorkload(healthy: 'True' | 'False'): Promise<number> {
  const object = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'vm', namespace: 'default', labels: { app: 'vm' } },
    spec: { address: '127.0.0.1', ports: { http: first().port } },
    status: { conditions: [{ type: 'Healthy', status: healthy }] },
  };
  return new Promise((resolve, reject) => {
    const socketPath = join(state, 'run/control.sock');
    const headers = { 'content-type': 'application/json' };
    const call = request({ socketPath, path: '/v1/runtime', method: 'PUT', headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject).end(JSON.stringify({ object }));
  });
}

const get = (host: string): Promise<Answer> =>
  fetchText({ url: `http://${host}/`, proxy: `${envoy.address}:15001` });
const got = async (host: string) => {
  const { status, headers } = await get(host);
  return [status, headers['x-backend']];
};
/** The control plane's own words. */
const command = (parameters: readonly string[]): Promise<Run> =>
  xebec([...parameters, '--state', state], { timeoutMs: 20_000 });
const flagsOf = (host: string): readonly string[] =>
  envoy
    .accessLog()
    .filter((line) => line.includes(host))
    .map((line) => /" \d+ (\S+) /.exec(line)?.[1] ?? '');

describe('[MG-8] names of services', () => {
  it('an alias of a service of the mesh is that service', async () => {
    expect(await got('alias.default')).toEqual([200, 'first']);
    expect(await envoy.admin('/clusters')).not.toContain('alias.default');
  });

  it('an alias of another name goes to what that resolves to', async () => {
    await until('it is resolved', async () => (await got('outside.default'))[0] === 200);
    expect(await got('outside.default')).toEqual([200, 'first']);
  });

  it('a host that DNS knows', async () => {
    await until('it is resolved', async () => (await got('www.outside.example'))[0] === 200);
  });

  it('[DP-19] a wildcard host whose requests name what is resolved', async () => {
    const { port } = first();
    expect(await got(`a.dynamic.example:${port}`)).toEqual([200, 'first']);
    expect(await got(`b.dynamic.example:${port}`)).toEqual([200, 'first']);
    const unknown = await get(`nothing.dynamic.example:${port}`);
    expect([unknown.status, unknown.body]).toEqual([503, 'DNS resolution failure']);
  });

  it('[DP-19] a wildcard host that goes where the client was going', async () => {
    expect(await got(`x.any.example:${first().port}`)).toEqual([200, 'first']);
  });

  it('hosts without an address are given one, which is shown', async () => {
    const shown = await xebecGet();
    expect(shown).toMatch(/^dns +www\.outside\.example .* 2[45]\d\.\d+\.\d+\.\d+ /m);
    expect(shown).not.toMatch(/^dynamic .* 2[45]\d\.\d+\.\d+\.\d+ /m);
  });
});

const xebecGet = async (): Promise<string> => {
  const run = await command(['get', 'serviceentries']);
  expect(run.stderr).toBe('');
  return run.stdout;
};

describe('[DP-8] endpoints', () => {
  it('F22: all vanish and return', async () => {
    write('slice', slice('shop', [], first().port));
    const gone = await until('nobody is left', async () => {
      const answer = await get('shop');
      return answer.status === 503 ? answer : undefined;
    });
    expect(gone.body).toBe('no healthy upstream');
    await until('the log says so', async () => flagsOf('shop').includes('UH'));
    write('slice', slice('shop', [ready], first().port));
    await until('they are back', async () => (await get('shop')).status === 200, 1_000);
  });

  it('a port that moves is followed', async () => {
    write('slice', slice('shop', [ready], second().port));
    await until('the second serves', async () => (await got('shop'))[1] === 'second', 1_500);
    write('slice', slice('shop', [ready], first().port));
    await until('the first serves', async () => (await got('shop'))[1] === 'first', 1_500);
  });

  it('one that drains or is not ready gets nothing', async () => {
    for (const state of [draining, unready]) {
      write('slice', slice('shop', [state, '{addresses: [127.0.0.2]}'], first().port));
      await until('it is left out', async () => (await get('shop')).status === 503, 3_000);
      write('slice', slice('shop', [ready], first().port));
      await until('it is back', async () => (await get('shop')).status === 200, 3_000);
    }
  });

  it('[DP-12] a workload whose status says that it is unhealthy leaves, and returns when it is well', async () => {
    expect(await putWorkload('True')).toBe(200);
    await until('it serves', async () => (await got('vm.example'))[0] === 200);
    expect(await putWorkload('False')).toBe(200);
    await until('it has left', async () => (await get('vm.example')).status === 503, 3_000);
    expect(await putWorkload('True')).toBe(200);
    await until('it is back', async () => (await get('vm.example')).status === 200, 3_000);
  });
});

describe('[MG-8] F30: the name server is dead', () => {
  it('the last good addresses are kept, the failure is counted under the host, and it heals', async () => {
    await until('it is resolved', async () => (await got('www.outside.example'))[0] === 200);
    const { port } = names;
    const failures = async (): Promise<number> => {
      const stats = await envoy.admin('/stats?filter=www.outside.example.*update_failure');
      return Number(/update_failure: (\d+)/.exec(stats)?.[1] ?? 0);
    };
    await names.close();
    await until('a refresh has failed', async () => (await failures()) > 0, 15_000);
    expect(await got('www.outside.example')).toEqual([200, 'first']);
    expect(await got(`a.dynamic.example:${first().port}`)).toEqual([200, 'first']);
    names = await startNameServer(table, port);
    const before = await failures();
    await until('it is asked again', async () => {
      const stats = await envoy.admin('/stats?filter=www.outside.example.*update_success');
      return Number(/update_success: (\d+)/.exec(stats)?.[1] ?? 0) > 0 && (await failures()) === before;
    });
  }, 40_000);
});
