// Limits, ejection, retries within a budget, and what travels around the connection, on a real Envoy and its own words for it.
import { createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './support/backends.ts';
import { type EntryMesh, entry, startEntryMesh, statOf, through } from './support/entries.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { countOf, type Rush, rush } from './support/rush.ts';
import type { StockEnvoy } from './support/stock-envoy.ts';

const backends: Backend[] = [];
const http2 = createHttp2((request, response) => response.end(request.httpVersion));
/** Keeps the first bytes of each connection. */
const firstBytes: Buffer[] = [];
const raw = createTcp((socket) => {
  socket
    .on('error', () => undefined)
    .once('data', (part) => {
      firstBytes.push(part);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
});
/** Nobody listens there any more. */
let closedPort = 0;
let mesh: EntryMesh;
let envoy: StockEnvoy;

const ejecting = (more: string): string =>
  `outlierDetection: {interval: 200ms, baseEjectionTime: 2s, consecutive5xxErrors: 3, ${more}}`;
const retrying = (host: string): string => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host}}
spec:
  hosts: [${host}.example]
  http:
  - route: [{destination: {host: ${host}.example}}]
    retries: {attempts: 5, retryOn: 5xx, backoff: 1ms}
`;

function files(): Readonly<Record<string, string>> {
  const [first] = backends;
  const single = first === undefined ? [] : [first];
  const hosts: Readonly<Record<string, string>> = {
    'one-connection':
      'connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}, loadBalancer: {simple: ROUND_ROBIN}',
    'two-requests': 'connectionPool: {http: {http2MaxRequests: 2}}',
    'own-port':
      'connectionPool: {http: {http2MaxRequests: 2}}, portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]',
    'eject-half': ejecting('maxEjectionPercent: 50'),
    'eject-all': ejecting('maxEjectionPercent: 100'),
    'healthy-half': ejecting('maxEjectionPercent: 100, minHealthPercent: 60'),
    'gateway-errors':
      'outlierDetection: {interval: 200ms, baseEjectionTime: 60s, consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, maxEjectionPercent: 100}',
    'own-codes':
      'outlierDetection: {interval: 200ms, baseEjectionTime: 60s, consecutive5xxErrors: 3, maxEjectionPercent: 100, outlierDetectionHttpErrorCodes: [429]}',
    'one-each': 'connectionPool: {http: {maxRequestsPerConnection: 1}}',
    'header-one': 'proxyProtocol: {}',
    budget: 'retryBudget: {percent: 20, minRetryConcurrency: 3}',
    unbounded: 'connectionPool: {http: {maxRetries: 1000}}',
  };
  const texts = Object.entries(hosts).map(([name, policy]) => {
    const own = ['one-connection', 'two-requests', 'own-port', 'one-each', 'header-one'].includes(name)
      ? single
      : backends;
    const text = entry(name, { policy, backends: own });
    return [name, ['budget', 'unbounded'].includes(name) ? `${text}${retrying(name)}` : text] as const;
  });
  const portOf = (server: { address(): string | AddressInfo | null }): number =>
    (server.address() as AddressInfo).port;
  const refused = { name: 'refused', port: closedPort };
  return {
    ...Object.fromEntries(texts),
    upgraded: entry('upgraded', {
      policy: 'connectionPool: {http: {h2UpgradePolicy: UPGRADE}}',
      backends: [{ name: 'http2', port: portOf(http2) }],
    }),
    'header-two': entry('header-two', {
      policy: 'proxyProtocol: {version: V2}',
      backends: [{ name: 'raw', port: portOf(raw) }],
    }),
    refused: entry('refused', { policy: 'connectionPool: {}', backends: [refused] }),
    'refused-apart': entry('refused-apart', {
      policy:
        'loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {interval: 200ms, baseEjectionTime: 60s, consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, maxEjectionPercent: 50}',
      backends: [...single, refused],
    }),
  };
}

beforeAll(async () => {
  for (const name of ['a', 'b', 'c', 'd']) backends.push(await startBackend(name));
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  const gone = await startBackend('gone');
  closedPort = gone.port;
  gone.close();
  mesh = await startEntryMesh(files());
  envoy = await mesh.envoy('breaking', 'one-each');
}, 60_000);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const backend of backends) backend.close();
  http2.close();
  raw.close();
});

const send = (host: string, options: Partial<Rush> = {}) =>
  rush({ ...through(envoy, host), count: 100, ...options });
const statuses = async (host: string, options: Partial<Rush> = {}) =>
  countOf((await send(host, options)).map(({ status }) => String(status)));
const set = (values: Partial<Pick<Backend, 'status' | 'delay'>>, ...names: readonly string[]): void => {
  for (const backend of backends) if (names.includes(backend.name)) Object.assign(backend, values);
};
const all = ['a', 'b', 'c', 'd'];
/** Statuses and response flags of the calls of one host. */
const flags = (host: string): Readonly<Record<string, number>> =>
  countOf(
    envoy
      .accessLog()
      .filter((line) => line.includes(`${host}.example`))
      .map((line) => /" (\d+ \S+) /.exec(line)?.[1] ?? line),
  );

describe('[DP-11] limits', () => {
  it('beyond one connection and one request that waits: 503 UO', async () => {
    await send('one-connection', { count: 1 });
    set({ delay: 300 }, 'a');
    expect(await statuses('one-connection', { count: 6, connections: 6 })).toEqual({ 200: 2, 503: 4 });
    await until('it is logged', async () => flags('one-connection')['503 UO'] === 4);
    expect(await statOf(envoy, 'one-connection', 'upstream_rq_pending_overflow')).toBe(4);
  });

  it('beyond two requests at a time: 503 UO, where the port has no settings of its own', async () => {
    expect(await statuses('two-requests', { count: 6, connections: 6 })).toEqual({ 200: 2, 503: 4 });
    await until('it is logged', async () => flags('two-requests')['503 UO'] === 4);
    expect(await statuses('own-port', { count: 6, connections: 6 })).toEqual({ 200: 6 });
    set({ delay: 0 }, 'a');
    expect(await statuses('two-requests', { count: 20, connections: 1 })).toEqual({ 200: 20 });
  });

  it('one request for each connection', async () => {
    const before = await statOf(envoy, 'one-each', 'upstream_cx_total');
    expect(await statuses('one-each', { count: 10, connections: 1 })).toEqual({ 200: 10 });
    expect(await statOf(envoy, 'one-each', 'upstream_cx_total')).toBe(before + 10);
  });
});

const ejected = (host: string): Promise<number> => statOf(envoy, host, 'outlier_detection.ejections_active');

describe('[DP-11] ejection', () => {
  it('a failing endpoint is out, and comes back after baseEjectionTime', async () => {
    set({ status: 500 }, 'a');
    await send('eject-half');
    expect(await ejected('eject-half')).toBe(1);
    const start = performance.now();
    set({ status: 200 }, 'a');
    expect(countOf((await send('eject-half')).map(({ backend }) => backend))).not.toHaveProperty('a');
    await until('it is back', async () => (await ejected('eject-half')) === 0);
    // The base time counts from the ejection, shortly before the clock was read.
    expect(performance.now() - start).toBeGreaterThan(1_700);
    expect(countOf((await send('eject-half')).map(({ backend }) => backend))).toHaveProperty('a');
  });

  it('never more than maxEjectionPercent', async () => {
    set({ status: 500 }, ...all);
    await send('eject-half', { count: 400 });
    expect(await ejected('eject-half')).toBe(2);
    expect(await statuses('eject-half')).toEqual({ 500: 100 });
  });

  it('all of them: 503 UH', async () => {
    await send('eject-all', { count: 400 });
    expect(await ejected('eject-all')).toBe(4);
    await until(
      'nobody is left',
      async () => (await statuses('eject-all', { count: 10 }))['503'] === 10,
      1_500,
    );
    await until('it is logged', async () => (flags('eject-all')['503 UH'] ?? 0) >= 10);
  });

  it('below minHealthPercent all of them are called', async () => {
    await send('healthy-half', { count: 400 });
    expect(await ejected('healthy-half')).toBeGreaterThan(1);
    expect(await statuses('healthy-half')).toEqual({ 500: 100 });
    set({ status: 200 }, ...all);
  });

  it('consecutiveGatewayErrors counts 502, 503 and 504 only', async () => {
    set({ status: 500 }, 'a');
    await send('gateway-errors');
    expect(await ejected('gateway-errors')).toBe(0);
    set({ status: 503 }, 'a');
    await send('gateway-errors');
    expect(await ejected('gateway-errors')).toBe(1);
  });

  it('the rule may say which statuses count', async () => {
    await send('own-codes');
    expect(await ejected('own-codes')).toBe(0);
    set({ status: 429 }, 'a');
    await send('own-codes');
    expect(await ejected('own-codes')).toBe(1);
    set({ status: 200 }, 'a');
  });
});

describe('[DP-11] endpoints that refuse connections', () => {
  it('are 503 UF', async () => {
    expect(await statuses('refused', { count: 4 })).toEqual({ 503: 4 });
    // They are tried again, since certainly nothing was done.
    await until('it is logged', async () => flags('refused')['503 URX,UF'] === 4);
  });

  it('are out after consecutiveLocalOriginFailures, which are counted apart from answers', async () => {
    set({ status: 500 }, 'a');
    await send('refused-apart', { count: 40, connections: 1 });
    expect(await ejected('refused-apart')).toBe(1);
    set({ status: 200 }, 'a');
    expect(await statuses('refused-apart')).toEqual({ 200: 100 });
  });
});

describe('[DP-11] a budget of retries', () => {
  it('bounds the retries when everything fails; without it they multiply', async () => {
    set({ status: 503, delay: 20 }, ...all);
    await send('budget', { count: 200, connections: 50 });
    await send('unbounded', { count: 200, connections: 50 });
    set({ status: 200, delay: 0 }, ...all);
    const [bounded, free] = await Promise.all(
      ['budget', 'unbounded'].map((host) => statOf(envoy, host, 'upstream_rq_retry')),
    );
    expect(free).toBe(1_000);
    expect(bounded).toBeLessThan(500);
    expect(await statOf(envoy, 'budget', 'upstream_rq_retry_overflow')).toBeGreaterThan(50);
  });
});

describe('around the connection', () => {
  it('the PROXY protocol says who the client is', async () => {
    const [first] = backends;
    await send('header-one', { count: 1, localAddress: '127.0.78.1' });
    expect(first?.requests.at(-1)).toMatch(/^PROXY TCP4 127\.0\.78\.1 \S+ \d+ \d+\r\nGET /);
  });

  it('the PROXY protocol in its second version', async () => {
    await send('header-two', { count: 1, localAddress: '127.0.78.2' });
    const [header = Buffer.alloc(0)] = firstBytes;
    expect(header.subarray(0, 12).toString('latin1')).toBe('\r\n\r\n\0\r\nQUIT\n');
    expect([...header.subarray(12, 20)].join()).toBe([0x21, 0x11, 0, 12, 127, 0, 78, 2].join());
  });

  it('[DP-3] h2UpgradePolicy: HTTP/1.1 from the client, HTTP/2 to the server', async () => {
    const answer = await fetchText({ url: 'http://upgraded.example/', proxy: `${envoy.address}:15001` });
    expect([answer.status, answer.body]).toEqual([200, '2.0']);
  });
});
