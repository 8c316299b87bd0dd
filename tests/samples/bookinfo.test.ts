// Bookinfo without a mesh: the real programs as processes, dialled directly and through a forward proxy.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const sources = fileURLToPath(new URL('../../samples/bookinfo/src/', import.meta.url));
const host = '127.0.0.1';

interface App {
  readonly process: ChildProcess;
  readonly port: number;
  readonly url: string;
}

const running = new Set<ChildProcess>();

async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<App> {
  const child = spawn(process.execPath, [`${sources}${name}.mjs`], {
    env: { PATH: process.env['PATH'], BIND_ADDRESS: host, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /listening on 127\.0\.0\.1:(\d+)/.exec(chunk.toString());
      if (found !== null) resolve(Number(found[1]));
    });
  });
  return { process: child, port, url: `http://${host}:${port}` };
}

async function stop(app: App): Promise<number | null> {
  if (app.process.exitCode === null) {
    const ended = once(app.process, 'exit');
    app.process.kill('SIGTERM');
    await ended;
  }
  return app.process.exitCode;
}

const at = (service: string, app: App) => ({
  [`${service}_HOSTNAME`]: host,
  [`${service}_SERVICE_PORT`]: String(app.port),
});

async function getJson(url: string, headers: Record<string, string> = {}): Promise<[number, unknown]> {
  const response = await fetch(url, { headers });
  return [response.status, await response.json()];
}

const getText = async (url: string, headers: Record<string, string> = {}) =>
  await (await fetch(url, { headers })).text();

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

describe('each service', () => {
  let details: App;
  let ratings: App;
  beforeAll(async () => {
    [details, ratings] = await Promise.all([start('details'), start('ratings')]);
  });

  it('says that it is healthy', async () => {
    expect(await getJson(`${details.url}/health`)).toEqual([200, { status: 'Details is healthy' }]);
    expect(await getJson(`${ratings.url}/health`)).toEqual([200, { status: 'Ratings is healthy' }]);
  });

  it('answers with the JSON people know', async () => {
    expect(await getJson(`${details.url}/details/0`)).toEqual([
      200,
      {
        id: 0,
        author: 'William Shakespeare',
        year: 1595,
        type: 'paperback',
        pages: 200,
        publisher: 'PublisherA',
        language: 'English',
        'ISBN-10': '1234567890',
        'ISBN-13': '123-1234567890',
      },
    ]);
    expect(await getJson(`${ratings.url}/ratings/0`)).toEqual([
      200,
      { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } },
    ]);
  });

  it('refuses what is no product, and other methods', async () => {
    expect((await getJson(`${details.url}/details/abc`))[0]).toBe(400);
    expect((await getJson(`${details.url}/nothing`))[0]).toBe(404);
    expect((await fetch(`${details.url}/details/0`, { method: 'DELETE' })).status).toBe(405);
  });

  it('keeps posted ratings and refuses others', async () => {
    const post = (body: string) => fetch(`${ratings.url}/ratings/7`, { method: 'POST', body });
    expect((await post('{"Reviewer1":3}')).status).toBe(200);
    expect(await getJson(`${ratings.url}/ratings/7`)).toEqual([200, { id: 7, ratings: { Reviewer1: 3 } }]);
    for (const bad of ['{"Reviewer1":6}', '[]', 'null', '{', `{"a":"${'x'.repeat(20_000)}"}`]) {
      expect((await post(bad)).status).toBe(400);
    }
  });
});

describe('reviews', () => {
  it.each([
    ['v1', undefined],
    ['v2', 'black'],
    ['v3', 'red'],
  ])('%s has stars of colour %s', async (version, color) => {
    const ratings = await start('ratings');
    const env = { SERVICE_VERSION: version, POD_NAME: `reviews-${version}-a`, ...at('RATINGS', ratings) };
    const reviews = await start('reviews', env);
    const [status, body] = await getJson(`${reviews.url}/reviews/0`);
    const rating = (stars: number) => (color === undefined ? {} : { rating: { stars, color } });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: '0',
      podname: `reviews-${version}-a`,
      clustername: 'null',
      reviews: [
        { reviewer: 'Reviewer1', text: expect.any(String), ...rating(5) },
        { reviewer: 'Reviewer2', text: expect.any(String), ...rating(4) },
      ],
    });
    await stop(reviews);
    await stop(ratings);
  });

  it('says so when ratings is down, and keeps the texts', async () => {
    const ratings = await start('ratings');
    const reviews = await start('reviews', { SERVICE_VERSION: 'v3', ...at('RATINGS', ratings) });
    await getJson(`${reviews.url}/reviews/0`);
    await stop(ratings);
    const [status, body] = await getJson(`${reviews.url}/reviews/0`);
    expect(status).toBe(200);
    const rating = { error: 'Ratings service is currently unavailable' };
    expect(body).toMatchObject({ reviews: [{ rating }, { rating }] });
    await stop(reviews);
  });
});

/** A stand-in for details or reviews that remembers the headers it was sent. */
async function startRecorder(answer: (path: string) => unknown) {
  const seen: Record<string, string | string[] | undefined>[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer(request.url ?? '')));
  });
  await listen(server);
  return { seen, server, env: (service: string) => atPort(service, server) };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, host);
  await once(server, 'listening');
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const atPort = (service: string, server: Server) => ({
  [`${service}_HOSTNAME`]: host,
  [`${service}_SERVICE_PORT`]: String(portOf(server)),
});

describe('productpage', () => {
  let apps: App[] = [];
  afterEach(async () => {
    await Promise.all(apps.map(stop));
    apps = [];
  });

  async function startAll(version: string, extra: Record<string, string> = {}): Promise<App> {
    const [details, ratings] = await Promise.all([start('details'), start('ratings')]);
    const env = { SERVICE_VERSION: version, POD_NAME: `reviews-${version}-pod`, ...at('RATINGS', ratings) };
    const reviews = await start('reviews', env);
    const calls = { ...at('DETAILS', details), ...at('REVIEWS', reviews), ...at('RATINGS', ratings) };
    const productpage = await start('productpage', { ...calls, ...extra });
    apps = [details, ratings, reviews, productpage];
    return productpage;
  }

  it('shows who served the reviews and paints the stars', async () => {
    const page = await getText(`${(await startAll('v3')).url}/productpage`);
    expect(page).toContain('<title>Simple Bookstore App</title>');
    expect(page).toContain('5 of 5 red stars');
    expect(page).toContain('<code>reviews-v3-pod</code>');
    expect(page).toContain('William Shakespeare');
    expect(page).not.toContain('currently unavailable');
  });

  it('shows no stars with reviews v1', async () => {
    const page = await getText(`${(await startAll('v1')).url}/productpage`);
    expect(page).not.toContain('class="stars');
    expect(page).toContain('not asked by v1');
  });

  it('serves its API, its looks and its health', async () => {
    const { url } = await startAll('v2');
    expect(await getJson(`${url}/api/v1/products`)).toMatchObject([
      200,
      [{ id: 0, title: 'The Comedy of Errors' }],
    ]);
    expect(await getJson(`${url}/api/v1/products/0`)).toMatchObject([200, { author: 'William Shakespeare' }]);
    expect(await getJson(`${url}/api/v1/products/0/reviews`)).toMatchObject([
      200,
      { podname: 'reviews-v2-pod' },
    ]);
    expect(await getJson(`${url}/api/v1/products/0/ratings`)).toMatchObject([
      200,
      { ratings: { Reviewer1: 5 } },
    ]);
    expect((await fetch(`${url}/static/bookinfo.css`)).headers.get('content-type')).toContain('text/css');
    expect((await fetch(`${url}/static/../src/page.mjs`)).status).toBe(404);
    expect(await getText(`${url}/health`)).toBe('Product page is healthy');
  });

  it('stays up when everything behind it is down', async () => {
    const productpage = await startAll('v2');
    await Promise.all(apps.slice(0, 3).map(stop));
    const response = await fetch(`${productpage.url}/productpage`);
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).toContain('product details are currently unavailable');
    expect(page).toContain('product reviews are currently unavailable');
    const [status, body] = await getJson(`${productpage.url}/api/v1/products/0/reviews`);
    expect([status, body]).toMatchObject([500, { error: expect.stringContaining('currently unavailable') }]);
  });

  it('signs a user in and out, and refuses a name that is none', async () => {
    const { url } = await startAll('v2');
    const login = (username: string) =>
      fetch(`${url}/login`, { method: 'POST', body: new URLSearchParams({ username }), redirect: 'manual' });
    const accepted = await login('jason');
    const cookie = accepted.headers.get('set-cookie') ?? '';
    expect([accepted.status, accepted.headers.get('location')]).toEqual([303, '/productpage']);
    expect(cookie).toMatch(/^user=jason; .*HttpOnly/);
    expect(await getText(`${url}/productpage`, { cookie: 'user=jason' })).toContain('Sign out');
    expect((await login('<script>\r\nx: y')).status).toBe(400);
    expect(await getText(`${url}/productpage`, { cookie: 'user=%3Cb%3E' })).not.toContain('Sign out');
    const out = await fetch(`${url}/logout`, { redirect: 'manual' });
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0');
  });

  it('hands context on and names the user', async () => {
    const recorder = await startRecorder((path) =>
      path.startsWith('/reviews') ? { id: '0', podname: '<i>pod</i>', reviews: [] } : { author: '<script>' },
    );
    const app = await start('productpage', { ...recorder.env('DETAILS'), ...recorder.env('REVIEWS') });
    apps = [app];
    const context = {
      'x-request-id': 'abc',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      b3: '0',
      'x-b3-traceid': '463ac35c9f6413ad',
      'user-agent': 'chrome',
      authorization: 'Bearer x',
    };
    const page = await getText(`${app.url}/productpage`, {
      ...context,
      cookie: 'user=jason',
      'x-private': '1',
    });
    expect(recorder.seen).toHaveLength(2);
    for (const headers of recorder.seen) {
      expect(headers).toMatchObject({ ...context, cookie: 'user=jason', 'end-user': 'jason' });
      expect(headers).not.toHaveProperty('x-private');
    }
    expect(page).toContain('<code>&#60;i&#62;pod&#60;/i&#62;</code>');
    expect(page).not.toContain('<dd><script>');
    recorder.server.close();
  });
});

describe('http_proxy', () => {
  it('carries every call, with the name of the service and no name resolution', async () => {
    const ratings = await start('ratings');
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.host}`);
      const { pathname } = new URL(request.url ?? '');
      const options = { host, port: ratings.port, path: pathname, headers: request.headers };
      request.pipe(
        httpRequest(options, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    await listen(proxy);
    const http_proxy = `http://${host}:${portOf(proxy)}`;
    const reviews = await start('reviews', {
      SERVICE_VERSION: 'v2',
      SERVICES_DOMAIN: 'default.svc',
      http_proxy,
    });
    const [, body] = await getJson(`${reviews.url}/reviews/0`);
    expect(body).toMatchObject({ reviews: [{ rating: { stars: 5, color: 'black' } }, {}] });
    expect(asked).toEqual(['http://ratings.default.svc:9080/ratings/0 ratings.default.svc:9080']);
    await Promise.all([stop(reviews), stop(ratings)]);
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe('SIGTERM', () => {
  it('finishes the request in flight and exits with 0', async () => {
    let release: () => void = () => undefined;
    const ratings = createServer((_request, response) => {
      release = () => {
        response.end('{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}');
        ratings.close();
      };
    });
    await listen(ratings);
    const isAsked = once(ratings, 'request');
    const reviews = await start('reviews', { SERVICE_VERSION: 'v2', ...atPort('RATINGS', ratings) });
    const answer = getJson(`${reviews.url}/reviews/0`);
    await isAsked;
    const ended = once(reviews.process, 'exit');
    reviews.process.kill('SIGTERM');
    await expect
      .poll(() =>
        fetch(`${reviews.url}/health`).then(
          () => 'open',
          () => 'closed',
        ),
      )
      .toBe('closed');
    release();
    expect(await answer).toMatchObject([200, { reviews: [{ rating: { stars: 5 } }, {}] }]);
    expect((await ended)[0]).toBe(0);
  });
});
