// What happens to a request on its way: retries, timeouts, shares, copies, rewrites, redirects, CORS and upgrades.
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tally } from './support/http.ts';
import { until } from './support/mesh.ts';
import {
  type CallOptions,
  marker,
  type Shop,
  startShop,
  to,
  versionOf,
  virtualService,
} from './support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
}, 240_000);
afterAll(async () => {
  await shop?.stop();
});

const only = (rule: object, route: object = { route: [to('v1')] }) =>
  shop.route({ http: [{ ...rule, ...route }] });
const timed = async (path: string, options?: CallOptions) => {
  const start = performance.now();
  const answer = await shop.call(path, options);
  return { ...answer, ms: performance.now() - start };
};

describe('[DP-15] retries', () => {
  const backoff = '100ms';

  it('call once more than attempts, number the calls, and end with URX', async () => {
    await only({ retries: { attempts: 3, retryOn: '503', backoff: '10ms' } });
    const mark = marker();
    expect((await shop.call('/status/503', { marker: mark })).status).toBe(503);
    const seen = await shop.seenBy('v1', mark);
    expect(seen.map(({ headers }) => headers['x-envoy-attempt-count'])).toEqual(['1', '2', '3', '4']);
    expect(await shop.logLine('client', mark)).toMatch(/ 503 URX via_upstream /);
  });

  it('are for what retryOn names only', async () => {
    await only({ retries: { attempts: 3, retryOn: 'gateway-error,409' } });
    const callsFor = async (status: number): Promise<number> => {
      const mark = marker();
      expect((await shop.call(`/status/${status}`, { marker: mark })).status).toBe(status);
      return (await shop.seenBy('v1', mark)).length;
    };
    expect([await callsFor(500), await callsFor(404), await callsFor(409), await callsFor(502)]).toEqual([
      1, 1, 4, 4,
    ]);
  });

  it('wait between attempts, longer each time', async () => {
    await only({ retries: { attempts: 2, retryOn: '5xx', backoff } });
    // Envoy draws each pause between 0 and the current interval: only their upper limits are sure.
    const { ms } = await timed('/status/500');
    expect(ms).toBeLessThan(100 + 300 + 1_000);
    await only({ retries: { attempts: 8, retryOn: '5xx', backoff } });
    const mark = marker();
    await shop.call('/status/500', { marker: mark, timeoutMs: 40_000 });
    const seen = (await shop.seenBy('v1', mark)).map(({ at }) => at);
    expect(seen).toHaveLength(9);
    // 8 pauses of at most 100, 300, 700, 1,000, 1,000 … ms: 3 s on average.
    expect((seen.at(-1) ?? 0) - (seen[0] ?? 0)).toBeGreaterThan(500);
  });

  it('have a timeout of their own for every try', async () => {
    await only({ retries: { attempts: 1, perTryTimeout: '150ms', retryOn: '5xx', backoff: '1ms' } });
    const mark = marker();
    const { status, ms } = await timed('/slow/3000', { marker: mark });
    expect(status).toBe(504);
    expect(ms).toBeLessThan(1_500);
    expect(await shop.seenBy('v1', mark)).toHaveLength(2);
  });

  it('go to another endpoint, unless previous hosts are not to be avoided', async () => {
    await shop.route({ http: [{ retries: { attempts: 1, retryOn: '5xx', backoff: '1ms' }, route: [to()] }] });
    for (let round = 0; round < 10; round++) {
      const mark = marker();
      await shop.call('/status/500', { marker: mark });
      const counts = await Promise.all([shop.seenBy('v1', mark), shop.seenBy('v2', mark)]);
      expect(counts.map(({ length }) => length)).toEqual([1, 1]);
    }
  });

  it('are off with attempts: 0', async () => {
    await only({ retries: { attempts: 0 } }, { route: [to('none')] });
    const mark = marker();
    expect((await shop.call('/', { marker: mark })).status).toBe(503);
    expect(await shop.logLine('client', mark)).toMatch(/ 503 (UH|NR|NC)/);
  });
});

describe('[DP-16] a timeout', () => {
  it('answers 504 in time, with UT', async () => {
    await only({ timeout: '500ms', retries: { attempts: 0 } });
    const mark = marker();
    const { status, ms } = await timed('/slow/2000', { marker: mark });
    expect(status).toBe(504);
    // The proxy's own clock: the last number but one before the upstream's time.
    const line = await shop.logLine('client', mark);
    expect(line).toMatch(/ 504 UT response_timeout /);
    const [, duration = '0'] = / "-" \d+ \d+ (\d+) /.exec(line) ?? [];
    expect(Math.abs(Number(duration) - 500)).toBeLessThanOrEqual(50);
    expect(ms).toBeGreaterThanOrEqual(490);
  });

  it('of 0s is none', async () => {
    await only({ timeout: '0s' });
    expect((await timed('/slow/1200')).status).toBe(200);
  });

  it('holds for all tries together', async () => {
    await only({
      timeout: '400ms',
      retries: { attempts: 5, perTryTimeout: '150ms', retryOn: '5xx', backoff: '1ms' },
    });
    const { status, ms } = await timed('/slow/2000');
    expect(status).toBe(504);
    expect(ms).toBeLessThan(1_400);
  });
});

describe('[DP-13] shares', () => {
  it('90 and 10 of 10,000 requests', async () => {
    await shop.route({ http: [{ route: [to('v1', 90), to('v2', 10)] }] });
    const counts = await tally(await shop.target('/'), 10_000, versionOf);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(10_000);
    // 99.9 % of all samples are within 3.3 standard deviations of 30.
    expect(Math.abs((counts['v2'] ?? 0) - 1_000)).toBeLessThanOrEqual(99);
  }, 120_000);

  it('of destinations change headers of their own', async () => {
    const headers = {
      request: { set: { 'x-to': 'v2', host: 'renamed.example' }, remove: ['x-secret'] },
      response: { add: { 'x-from': 'v2' } },
    };
    await shop.route({ http: [{ route: [to('v1', 50), { ...to('v2', 50), headers }] }] });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => shop.call('/', { headers: { 'x-secret': 's' } })),
    );
    for (const answer of answers) {
      const { version, headers: sent } = JSON.parse(answer.body);
      const seen = [sent['x-to'], sent.host, sent['x-secret'], answer.headers['x-from']];
      expect(seen).toEqual(
        version === 'v2' ? ['v2', 'renamed.example', undefined, 'v2'] : [undefined, 'shop', 's', undefined],
      );
    }
  });
});

describe('a copy', () => {
  const mirror = { host: 'shop', subset: 'v2', port: { number: 80 } };

  it('of the share that is written goes elsewhere, and its answer nowhere', async () => {
    await only({ mirror, mirrorPercentage: { value: 30 } });
    const mark = marker();
    expect(await tally(await shop.target('/', { marker: mark }), 1_000, versionOf)).toEqual({ v1: 1_000 });
    const copies = await until('all copies', async () => {
      const found = await shop.seenBy('v2', mark);
      return found.length >= 240 && found;
    });
    // 99.9 %: within 3.3 standard deviations of 14.5.
    expect(Math.abs(copies.length - 300)).toBeLessThanOrEqual(48);
    expect(copies[0]?.headers.host).toBe('shop-shadow');
  });

  it('none of 0 percent, all without a share, to several', async () => {
    await only({ mirrors: [{ destination: mirror }, { destination: { ...mirror, subset: 'v1' } }] });
    const mark = marker();
    await shop.call('/', { marker: mark });
    await until('both copies', async () => {
      const [one, two] = await Promise.all([shop.seenBy('v1', mark), shop.seenBy('v2', mark)]);
      return one.length === 2 && two.length === 1;
    });
    await only({ mirror, mirrorPercent: 0 });
    const none = marker();
    await tally(await shop.target('/', { marker: none }), 50, versionOf);
    expect(await shop.seenBy('v2', none)).toEqual([]);
  });
});

describe('[MG-8] a path', () => {
  const urlOf = async (path: string): Promise<string> => JSON.parse((await shop.call(path)).body).url;

  it('is rewritten: a prefix, a whole path, an expression with its groups, and the authority', async () => {
    await shop.route({
      http: [
        { match: [{ uri: { prefix: '/old/' } }], rewrite: { uri: '/new/' }, route: [to('v1')] },
        {
          match: [{ uri: { exact: '/one' } }],
          rewrite: { uri: '/two', authority: 'two.example' },
          route: [to('v1')],
        },
        {
          rewrite: { uriRegexRewrite: { match: '^/service/([^/]+)(/.*)$', rewrite: '\\2/of/\\1' } },
          route: [to('v1')],
        },
      ],
    });
    expect(await Promise.all(['/old/a?b=c', '/one', '/service/x/y', '/other'].map(urlOf))).toEqual([
      '/new/a?b=c',
      '/two',
      '/y/of/x',
      '/other',
    ]);
    expect(JSON.parse((await shop.call('/one')).body).headers.host).toBe('two.example');
  });

  it('is redirected', async () => {
    const redirects = {
      '/path': { redirect: { uri: '/there', redirectCode: 302 }, location: 'http://shop/there', status: 302 },
      '/host': {
        redirect: { authority: 'other.example' },
        location: 'http://other.example/host',
        status: 301,
      },
      '/scheme': {
        redirect: { scheme: 'https', redirectCode: 308 },
        location: 'https://shop/scheme',
        status: 308,
      },
      '/port': {
        redirect: { port: 8443, redirectCode: 307 },
        location: 'http://shop:8443/port',
        status: 307,
      },
      '/prefix/': { redirect: { prefixRewrite: '/new/' }, location: 'http://shop/new/', status: 301 },
      '/mark/': {
        redirect: { uri: '%PREFIX()%/new/', redirectCode: 303 },
        location: 'http://shop/new/',
        status: 303,
      },
    };
    const http = Object.entries(redirects).map(([prefix, { redirect }]) => ({
      match: [{ uri: { prefix } }],
      redirect,
    }));
    await shop.route({ http });
    for (const [path, { location, status }] of Object.entries(redirects)) {
      const answer = await shop.call(path);
      expect([answer.status, answer.headers.location]).toEqual([status, location]);
    }
    expect((await shop.call('/prefix/rest?q=1')).headers.location).toBe('http://shop/new/rest?q=1');
  });

  it('is answered', async () => {
    await shop.route({ http: [{ directResponse: { status: 503, body: { string: 'closed' } } }] });
    const { status, body } = await shop.call('/');
    expect([status, body]).toEqual([503, 'closed']);
  });
});

describe('[MG-8] CORS', () => {
  const preflight = (origin: string) =>
    shop.call('/', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } });
  const policy = {
    allowOrigins: [{ exact: 'https://a.example' }, { regex: 'https://.*[.]b[.]example' }],
    allowMethods: ['GET', 'PUT'],
    allowHeaders: ['x-token'],
    exposeHeaders: ['x-count'],
    maxAge: '2h',
    allowCredentials: true,
  };

  it('preflights of origins that are allowed are answered', async () => {
    await only({ corsPolicy: policy });
    const { headers, status } = await preflight('https://x.b.example');
    expect([status, headers['x-version']]).toEqual([200, undefined]);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://x.b.example',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-allow-headers': 'x-token',
      'access-control-max-age': '7200',
      'access-control-allow-credentials': 'true',
    });
    const answer = await shop.call('/', { headers: { origin: 'https://a.example' } });
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-expose-headers': 'x-count',
      'x-version': 'v1',
    });
  });

  it('others go to the application, or not', async () => {
    expect((await preflight('https://evil.example')).headers['x-version']).toBe('v1');
    await only({ corsPolicy: { ...policy, unmatchedPreflights: 'IGNORE' } });
    const { headers } = await preflight('https://evil.example');
    expect([headers['x-version'], headers['access-control-allow-origin']]).toEqual([undefined, undefined]);
  });

  it('every origin, in the older spelling', async () => {
    await only({ corsPolicy: { allowOrigin: ['*'] } });
    expect((await preflight('https://any.example')).headers['access-control-allow-origin']).toBe(
      'https://any.example',
    );
  });
});

interface Upgraded {
  readonly status: number;
  readonly version?: string;
  readonly socket?: Duplex;
}

async function upgrade(path: string, protocol = 'websocket'): Promise<Upgraded> {
  const { ip } = await shop.pod('client');
  const headers = {
    host: 'shop',
    connection: 'Upgrade',
    upgrade: protocol,
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  return await new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const outgoing = request({ host: ip, port: 15_001, path: `http://shop${path}`, headers, agent });
    outgoing.on('upgrade', ({ statusCode = 0, headers: { 'x-version': version } }, socket) =>
      resolve({ status: statusCode, socket, ...(typeof version === 'string' ? { version } : {}) }),
    );
    outgoing.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    });
    outgoing.on('error', reject).end();
  });
}

const echoed = (socket: Duplex | undefined, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    if (socket === undefined) return reject(new Error('there is no connection'));
    socket.once('data', (part: Buffer) => resolve(part.toString())).once('error', reject);
    socket.write(text);
  });

describe('[DP-5] an upgrade goes the way of every request', () => {
  it('is routed by its path, and outlives the timeout once it is open', async () => {
    await shop.route({
      http: [
        { match: [{ uri: { prefix: '/v2' } }], timeout: '300ms', route: [to('v2')] },
        { route: [to('v1')] },
      ],
    });
    const { status, version, socket } = await upgrade('/v2');
    expect([status, version]).toEqual([101, 'v2']);
    expect(await echoed(socket, 'early')).toBe('early');
    const start = performance.now();
    await until('the timeout has passed', async () => performance.now() - start > 600);
    expect(await echoed(socket, 'late')).toBe('late');
    socket?.destroy();
  });

  it('meets faults, redirects and answers', async () => {
    const fault = { abort: { httpStatus: 418, percentage: { value: 100 } } };
    await shop.route({
      http: [
        { match: [{ uri: { prefix: '/fault' } }], fault, route: [to('v1')] },
        { match: [{ uri: { prefix: '/closed' } }], directResponse: { status: 403 } },
        { match: [{ uri: { prefix: '/moved' } }], redirect: { uri: '/there' } },
        { match: [{ method: { exact: 'POST' } }], route: [to('v1')] },
      ],
    });
    const statuses = await Promise.all(
      ['/fault', '/closed', '/moved', '/unrouted'].map((path) => upgrade(path)),
    );
    expect(statuses.map(({ status }) => status)).toEqual([418, 403, 301, 404]);
  });

  it('to anything but a WebSocket opens nothing', async () => {
    await shop.route({ http: [{ route: [to('v1')] }] });
    const [h2c, other] = await Promise.all([upgrade('/', 'h2c'), upgrade('/', 'raw')]);
    expect([h2c.socket, other.socket, other.status]).toEqual([undefined, undefined, 403]);
  });
});

describe('bad input', () => {
  it('10,000 routes in one VirtualService are applied and the last one routes', async () => {
    const http = Array.from({ length: 10_000 }, (_, i) => ({
      match: [{ uri: { exact: `/page/${i}` } }],
      directResponse: { status: 200 + (i % 300) },
    }));
    const start = performance.now();
    const applied = await shop.apply(virtualService('many', { hosts: ['many.example'], http }));
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    expect(performance.now() - start).toBeLessThan(30_000);
    expect((await shop.call('/page/9999', { host: 'many.example' })).status).toBe(200 + (9_999 % 300));
    expect((await shop.call('/page/x', { host: 'many.example' })).status).toBe(404);
  }, 60_000);

  it('hosts of 253 characters and headers named __proto__', async () => {
    const host = `${'a'.repeat(61)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}`;
    expect(host).toHaveLength(253);
    const match = [{ headers: JSON.parse('{"__proto__": {"exact": "x"}}') }];
    const http = [{ match, directResponse: { status: 200 } }, { directResponse: { status: 404 } }];
    const applied = await shop.apply(virtualService('long', { hosts: [host], http }));
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    expect((await shop.call('/', { host, headers: JSON.parse('{"__proto__": "x"}') })).status).toBe(200);
    expect((await shop.call('/', { host })).status).toBe(404);
  });
});
