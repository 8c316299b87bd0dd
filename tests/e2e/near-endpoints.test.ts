// What a Service itself says of which endpoint is called: the client's own again, on its node, in its zone; places come from labels.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './support/backends.ts';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { until } from './support/mesh.ts';
import { chiSquare, countOf, type Rush, rush } from './support/rush.ts';
import { type StockEnvoy, startStockEnvoy } from './support/stock-envoy.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-near-'));
const state = mkdtempSync(join(tmpdir(), 'xb-near-state-'));
let controlPlane: ControlPlaneProcess;
const backends: Backend[] = [];
const envoys: StockEnvoy[] = [];

/** Where each backend is: two in one zone, of them one on the node of the client. */
const places: Readonly<Record<string, { readonly node: string; readonly zone: string }>> = {
  a: { node: 'n1', zone: 'one' },
  b: { node: 'n2', zone: 'one' },
  c: { node: 'n3', zone: 'two' },
  d: { node: 'n4', zone: 'three' },
};
const services: Readonly<Record<string, string>> = {
  any: '',
  sticky: 'sessionAffinity: ClientIP, ',
  local: 'internalTrafficPolicy: Local, ',
  close: 'trafficDistribution: PreferClose, ',
  zone: 'trafficDistribution: PreferSameZone, ',
  node: 'trafficDistribution: PreferSameNode, ',
};
const write = (file: string, text: string): void => writeFileSync(join(directory, `${file}.yaml`), text);
const service = (name: string, fields: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {${fields}ports: [{name: http, port: 80, targetPort: http}]}\n`;
const slice = (name: string, { name: backend, port }: Backend): string => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-${backend}, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: ${port}}]
endpoints: [{addresses: [127.0.0.1], nodeName: ${places[backend]?.node ?? ''}, zone: ${places[backend]?.zone ?? ''}}]
`;
const slices = (only: readonly string[]): string =>
  Object.keys(services)
    .flatMap((name) => backends.filter((each) => only.includes(each.name)).map((each) => slice(name, each)))
    .join('---\n');
/** This Envoy has no certificate of the mesh; failing endpoints are found out, so that places count. */
const rule = (name: string, host: string, more = ''): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ${name}}\nspec: {host: "${host}", trafficPolicy: {tls: {mode: DISABLE}${more}}}\n`;
const rules: readonly string[] = [
  rule('all', '*.default.svc.cluster.local'),
  rule('placed', 'placed', ', outlierDetection: {consecutive5xxErrors: 5}'),
];
const all = Object.keys(places);

/** A Pod as the platform writes it. */
function putPod({ name, port }: Backend, labels: Readonly<Record<string, string>>): Promise<number> {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `placed-${name}`, namespace: 'default', labels: { app: 'placed', ...labels } },
    spec: { containers: [{ name: 'app', image: 'none', ports: [{ name: 'http', containerPort: port }] }] },
    status: { phase: 'Running', podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
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

const through = (envoy: StockEnvoy, host: string): Pick<Rush, 'address' | 'port' | 'host'> => ({
  address: envoy.address,
  port: 15001,
  host: `${host}.default`,
});
const counts = async (envoy: StockEnvoy, host: string, options: Partial<Rush> = {}) =>
  countOf((await rush({ ...through(envoy, host), count: 40, ...options })).map(({ backend }) => backend));
const called = async (envoy: StockEnvoy, host: string): Promise<string> =>
  Object.keys(await counts(envoy, host))
    .sort()
    .join('');

async function client(name: string, metadata: Readonly<Record<string, unknown>>): Promise<StockEnvoy> {
  const xds = controlPlane.address('xds-plaintext');
  const envoy = startStockEnvoy({ xds, api: 'DELTA_GRPC', name, metadata });
  envoys.push(envoy);
  await until(`${name} serves`, async () => {
    const [answer] = await rush({ ...through(envoy, 'any'), count: 1 });
    return answer?.status === 200;
  });
  return envoy;
}
const zone = (name: string) => ({
  LABELS: { 'topology.kubernetes.io/region': 'east', 'topology.kubernetes.io/zone': name },
});
let near: StockEnvoy;
let nowhere: StockEnvoy;

beforeAll(async () => {
  for (const name of all) backends.push(await startBackend(name));
  const texts = Object.entries(services).map(([name, fields]) => service(name, fields));
  write('services', [...texts, service('placed', 'selector: {app: placed}, '), ...rules].join('---\n'));
  write('slices', slices(all));
  controlPlane = await startControlPlane([
    ...['--config-dir', directory, '--state', state, '--xds-plaintext', '127.0.0.1:0'],
  ]);
  near = await client('near', { NODE_NAME: 'n1', ...zone('one') });
  nowhere = await client('nowhere', {});
}, 60_000);
afterAll(async () => {
  for (const envoy of envoys) await envoy[Symbol.asyncDispose]();
  await controlPlane?.[Symbol.asyncDispose]();
  for (const backend of backends) backend.close();
  for (const path of [directory, state]) rmSync(path, { recursive: true, force: true });
});

describe('[DP-9] sessionAffinity', () => {
  it('ClientIP: an address stays with one endpoint, addresses spread', async () => {
    const found = new Set<string>();
    for (let last = 1; last <= 24; last++) {
      const options = { localAddress: `127.0.79.${last}`, connections: 4 };
      const own = await counts(near, 'sticky', options);
      expect(Object.values(own)).toEqual([40]);
      for (const name of Object.keys(own)) found.add(name);
    }
    expect(found.size).toBeGreaterThan(2);
    const shares = Object.fromEntries(all.map((name) => [name, 1]));
    expect(chiSquare(await counts(near, 'any', { count: 2_000 }), shares)).toBeLessThan(25);
  });
});

describe('[DP-9] [DP-17] what a Service says of near endpoints', () => {
  it.each([
    ['local', 'a'],
    ['close', 'ab'],
    ['zone', 'ab'],
    ['node', 'a'],
  ])('%s: those that are meant, for clients of whom it is known where they are', async (name, expected) => {
    expect(await called(near, name)).toBe(expected);
    expect(await called(nowhere, name)).toBe('abcd');
  });

  it('what prefers goes on to the next ones, what is local does not', async () => {
    write('slices', slices(['b', 'c', 'd']));
    await until('its node has none', async () => (await called(near, 'node')) === 'b');
    expect(await called(near, 'zone')).toBe('b');
    const [answer] = await rush({ ...through(near, 'local'), count: 1 });
    expect(answer?.status).toBe(503);
    const isLogged = (line: string): boolean => line.includes('local.default') && line.includes(' 503 UH ');
    await until('it is logged', async () => near.accessLog().some(isLogged));
    write('slices', slices(['c', 'd']));
    await until('its zone has none', async () => (await called(near, 'zone')) === 'cd');
    write('slices', slices(all));
    await until('they are back', async () => (await called(near, 'node')) === 'a');
  });
});

describe('[DP-17] labels of Pods', () => {
  const labels: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    a: { 'topology.kubernetes.io/region': 'east', 'topology.kubernetes.io/zone': 'one' },
    b: { 'istio-locality': 'east.one.rack' },
    c: {
      'topology.kubernetes.io/region': 'east',
      'topology.kubernetes.io/zone': 'two',
      'topology.istio.io/subzone': 'rack',
    },
    d: {},
  };

  it('say where endpoints are: the nearest are called', async () => {
    for (const backend of backends) expect(await putPod(backend, labels[backend.name] ?? {})).toBe(200);
    const rack = zone('one').LABELS;
    const [inTwo, inRack] = await Promise.all([
      client('two', zone('two')),
      client('rack', { LABELS: { ...rack, 'topology.istio.io/subzone': 'rack' } }),
    ]);
    await until('its own subzone', async () => (await called(near, 'placed')) === 'a');
    await until('its own zone', async () => (await called(inTwo, 'placed')) === 'c');
    await until('its own rack', async () => (await called(inRack, 'placed')) === 'b');
    expect(await called(nowhere, 'placed')).toBe('abcd');
  });
});
