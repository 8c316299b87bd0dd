// Rules of 2017, converted by the command and applied, do on real Envoys what they did then.
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, tally } from './support/http.ts';
import { type Mesh, startMesh, xebec } from './support/mesh.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const old = (kind: string, name: string, spec: unknown): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });

/** As in the sample: its selector tells who the clients of this name are. */
const detailsService = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'details', labels: { app: 'details', service: 'details' } },
  spec: { ports: [{ port: 9080, name: 'http' }], selector: { app: 'details' } },
});

/** Converts and applies; rules of earlier calls for other hosts stay. */
async function applyOld(...documents: readonly string[]): Promise<void> {
  const converted = await xebec(['convert', '-f', '-'], { input: documents.join('\n---\n') });
  expect([converted.code, converted.stderr]).toEqual([0, '']);
  const applied = await mesh.apply(converted.stdout);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}

async function call(url: string, headers: Readonly<Record<string, string>> = {}, from = 'productpage') {
  const { ip } = await mesh.pod(from);
  return { url, proxy: `${ip}:15001`, headers };
}
const versionOf = ({ body }: { readonly body: string }): string => /reviews-(v\d)/.exec(body)?.[1] ?? 'none';
const reviews = 'http://reviews:9080/reviews/0';

describe('[MG-5] a RouteRule', () => {
  it('routes by precedence, header and label of the client, and leaves the rest as it was', async () => {
    await applyOld(
      detailsService,
      old('RouteRule', 'reviews-default', {
        destination: { name: 'reviews' },
        precedence: 1,
        route: [{ labels: { version: 'v1' } }],
      }),
      old('RouteRule', 'reviews-test', {
        destination: { name: 'reviews' },
        precedence: 2,
        match: { request: { headers: { 'end-user': { exact: 'jason' }, uri: { prefix: '/reviews' } } } },
        route: [{ labels: { version: 'v2' } }],
      }),
      old('RouteRule', 'reviews-of-details', {
        destination: { name: 'reviews' },
        precedence: 3,
        match: { source: { name: 'details' } },
        route: [{ labels: { version: 'v3' } }],
      }),
    );
    expect(await tally(await call(reviews), 20, versionOf)).toEqual({ v1: 20 });
    expect(await tally(await call(reviews, { 'end-user': 'jason' }), 20, versionOf)).toEqual({ v2: 20 });
    expect(await tally(await call(reviews, { 'end-user': 'jason' }, 'details'), 20, versionOf)).toEqual({
      v3: 20,
    });
  });

  it('splits by weight', async () => {
    await applyOld(
      old('RouteRule', 'reviews-split', {
        destination: { name: 'reviews' },
        route: [
          { labels: { version: 'v1' }, weight: 75 },
          { labels: { version: 'v3' }, weight: 25 },
        ],
      }),
    );
    const seen = await tally(await call(reviews), 400, versionOf);
    expect(Object.keys(seen).sort()).toEqual(['v1', 'v3']);
    expect(seen['v3']).toBeGreaterThan(60);
    expect(seen['v3']).toBeLessThan(140);
  });

  it('fails, redirects, rewrites and adds headers', async () => {
    await applyOld(
      old('RouteRule', 'ratings-fault', {
        destination: { name: 'ratings' },
        precedence: 2,
        match: { request: { headers: { 'end-user': 'jason' } } },
        route: [{ labels: { version: 'v1' } }],
        httpFault: { abort: { percent: 100, httpStatus: 418 } },
      }),
      old('RouteRule', 'details-redirect', {
        destination: { name: 'details' },
        precedence: 2,
        match: { request: { headers: { uri: { exact: '/old' } } } },
        redirect: { uri: '/details/0', authority: 'details:9080' },
      }),
      old('RouteRule', 'details-rewrite', {
        destination: { name: 'details' },
        precedence: 1,
        match: { request: { headers: { uri: { prefix: '/books' } } } },
        rewrite: { uri: '/details' },
        route: [{ labels: { version: 'v1' } }],
        httpReqTimeout: { simpleTimeout: { timeout: '5s' } },
        httpReqRetries: { simpleRetry: { attempts: 2, perTryTimeout: '2s' } },
      }),
    );
    const ratings = 'http://ratings:9080/ratings/0';
    expect((await fetchText(await call(ratings, { 'end-user': 'jason' }))).status).toBe(418);
    expect((await fetchText(await call(ratings))).status).toBe(200);
    const moved = await fetchText(await call('http://details:9080/old'));
    expect([moved.status, moved.headers.location]).toEqual([301, 'http://details:9080/details/0']);
    expect((await fetchText(await call('http://details:9080/books/0'))).body).toContain('author');
    expect((await fetchText(await call('http://details:9080/details/0'))).status).toBe(200);
  });
});

describe('[MG-5] an EgressRule and a DestinationPolicy', () => {
  it('open a way to a host outside, with its limits', async () => {
    const server = createServer((_request, response) => response.end('outside'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await applyOld(
      old('EgressRule', 'outside', {
        destination: { service: 'outside.localhost' },
        ports: [{ port, protocol: 'http' }],
      }),
      old('DestinationPolicy', 'outside', {
        destination: { service: 'outside.localhost' },
        loadBalancing: { name: 'RANDOM' },
        circuitBreaker: { simpleCb: { maxConnections: 10, httpConsecutiveErrors: 3, sleepWindow: '1m' } },
      }),
    );
    const answer = await fetchText(await call(`http://outside.localhost:${port}/`));
    server.close();
    expect([answer.status, answer.body]).toEqual([200, 'outside']);
    const { name } = await mesh.pod('productpage');
    const clusters = await mesh.xebec(['proxy-config', 'cluster', name, '-o', 'json']);
    expect(clusters.stdout).toContain(`outbound|${port}||outside.localhost`);
    expect(clusters.stdout).toMatch(/"max_connections": 10\b/);
    expect(clusters.stdout).toMatch(/"consecutive_5xx": 3\b/);
  });
});

describe('[MG-5] an IngressRule', () => {
  it('lets requests in, under the rules of their destination', async () => {
    await applyOld(
      old('IngressRule', 'ratings', {
        port: 80,
        match: { request: { headers: { uri: { prefix: '/ratings' } } } },
        destination: { name: 'ratings' },
        destinationPort: 9080,
      }),
      old('RouteRule', 'ratings-fault', {
        destination: { name: 'ratings' },
        match: { request: { headers: { 'end-user': 'jason' } } },
        route: [{ labels: { version: 'v1' } }],
        httpFault: { abort: { httpStatus: 418 } },
      }),
    );
    const url = `${mesh.ingress}/ratings/0`;
    expect((await fetchText({ url })).status).toBe(200);
    expect((await fetchText({ url, headers: { 'end-user': 'jason' } })).status).toBe(418);
    expect((await fetchText({ url: `${mesh.ingress}/productpage` })).status).toBe(200);
  });
});
