// Clients and endpoints in two zones: traffic stays near, moves on when what is near fails, and comes back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './support/backends.ts';
import { type EntryMesh, entry, startEntryMesh, through } from './support/entries.ts';
import { until } from './support/mesh.ts';
import { chiSquare, countOf, type Rush, rush } from './support/rush.ts';
import type { StockEnvoy } from './support/stock-envoy.ts';

const zones: Readonly<Record<string, string>> = {
  a: 'east/one',
  b: 'east/one',
  c: 'east/two',
  d: 'west/one',
};
const backends: Backend[] = [];
let mesh: EntryMesh;
let one: StockEnvoy;
let two: StockEnvoy;
let nowhere: StockEnvoy;

const ejecting =
  'outlierDetection: {interval: 200ms, baseEjectionTime: 2s, consecutive5xxErrors: 1, maxEjectionPercent: 100}';
const retrying = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: failing}
spec:
  hosts: [failing.example]
  http:
  - route: [{destination: {host: failing.example}}]
    retries: {attempts: 5, retryOn: 5xx, backoff: 1ms, retryRemoteLocalities: true}
`;
const locality = (setting: string): string =>
  `loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {${setting}}}`;

function files(): Readonly<Record<string, string>> {
  const fields = Object.fromEntries(
    Object.entries(zones).map(([name, zone]) => [
      name,
      `locality: ${zone}, labels: {version: v-${zone.slice(0, 4)}}`,
    ]),
  );
  const policies: Readonly<Record<string, string>> = {
    failing: ejecting,
    undetected: 'loadBalancer: {simple: ROUND_ROBIN}',
    disabled: `${locality('enabled: false')}, ${ejecting}`,
    shares: locality('distribute: [{from: east/one, to: {"east/one": 70, "east/two": 20, "west/*": 10}}]'),
    labels: `${locality('failoverPriority: ["version=v-west"]')}, ${ejecting}`,
  };
  const texts = Object.entries(policies).map(
    ([name, policy]) => [name, entry(name, { policy, backends, fields })] as const,
  );
  const all = Object.fromEntries(texts);
  return { ...all, failing: `${all['failing'] ?? ''}${retrying}` };
}

beforeAll(async () => {
  for (const name of Object.keys(zones)) backends.push(await startBackend(name));
  mesh = await startEntryMesh(files());
  [one, two, nowhere] = await Promise.all([
    mesh.envoy('one', 'failing', { locality: { region: 'east', zone: 'one' } }),
    mesh.envoy('two', 'failing', {
      metadata: {
        LABELS: { 'topology.kubernetes.io/region': 'east', 'topology.kubernetes.io/zone': 'two' },
      },
    }),
    mesh.envoy('nowhere', 'failing'),
  ]);
}, 60_000);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const backend of backends) backend.close();
});

const send = (envoy: StockEnvoy, host: string, options: Partial<Rush> = {}) =>
  rush({ ...through(envoy, host), count: 200, ...options });
const counts = async (envoy: StockEnvoy, host: string, options: Partial<Rush> = {}) =>
  countOf((await send(envoy, host, options)).map(({ backend }) => backend));
const zonesOf = async (envoy: StockEnvoy, host: string): Promise<readonly string[]> =>
  [...new Set(Object.keys(await counts(envoy, host)).map((name) => zones[name] ?? name))].sort();

describe('[DP-17] zones', () => {
  it('traffic stays in its own, wherever failing endpoints are detected', async () => {
    expect(await zonesOf(one, 'failing')).toEqual(['east/one']);
    expect(await zonesOf(two, 'failing')).toEqual(['east/two']);
    expect(await zonesOf(nowhere, 'failing')).toEqual(['east/one', 'east/two', 'west/one']);
    expect(await zonesOf(one, 'undetected')).toHaveLength(3);
    expect(await zonesOf(one, 'disabled')).toHaveLength(3);
  });

  it('moves to the next one when all of its own fail, and back, without a failed request', async () => {
    const failures: number[] = [];
    const seen = async (): Promise<readonly string[]> => {
      const answers = await send(one, 'failing', { count: 100, connections: 4 });
      for (const { status } of answers) if (status !== 200) failures.push(status);
      return [...new Set(answers.map(({ backend }) => zones[backend] ?? backend))].sort();
    };
    const near = backends.filter(({ name }) => zones[name] === 'east/one');
    expect(await seen()).toEqual(['east/one']);
    for (const backend of near) backend.status = 503;
    await until('only the other zone of the region', async () => (await seen()).join() === 'east/two');
    for (const backend of near) backend.status = 200;
    await until('only its own zone again', async () => (await seen()).join() === 'east/one');
    expect(failures).toEqual([]);
  });

  it('labels decide where the rule says so', async () => {
    expect(await zonesOf(one, 'labels')).toEqual(['west/one']);
    expect(await zonesOf(nowhere, 'labels').then((list) => list.length)).toBeGreaterThan(0);
  });
});

describe('[DP-9] shares by locality', () => {
  it('70, 20 and 10 percent of ten thousand; other clients are not concerned', async () => {
    const found = await counts(one, 'shares', { count: 10_000 });
    const near = (found['a'] ?? 0) + (found['b'] ?? 0);
    const shares = { near: 70, c: 20, d: 10 };
    expect(chiSquare({ near, c: found['c'] ?? 0, d: found['d'] ?? 0 }, shares)).toBeLessThan(25);
    expect(chiSquare(await counts(two, 'shares', { count: 4_000 }), { a: 1, b: 1, c: 1, d: 1 })).toBeLessThan(
      25,
    );
  });
});
