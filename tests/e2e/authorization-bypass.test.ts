// Ways around a policy that denies a path, a header or a caller: none of them leads anywhere.
import { connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { isOneAnswer, requestText, sendRaw, statusesIn } from './support/raw-http.ts';

let guarded: GuardedMesh;
/** Of the server's sidecar, in clear text, and of the two other ways in. */
let http1: string;
let http2: string;
let sidecar: string;
let edge: string;
beforeAll(async () => {
  guarded = await startGuarded();
  const { ip } = await guarded.mesh.pod('echo');
  [http1, http2, sidecar] = [`${ip}:8080`, `${ip}:8081`, `${guarded.client}:15001`];
  edge = new URL(guarded.mesh.ingress).host;
  await guarded.policy('no-admin', {
    selector: { matchLabels: { app: 'echo' } },
    action: 'DENY',
    rules: [
      { to: [{ operation: { paths: ['/admin', '/admin/*', '/cars/{*}/keys'] } }] },
      { when: [{ key: 'request.headers[x-bad]', values: ['yes'] }] },
      { when: [{ key: 'request.headers[x-role]', values: ['*'], notValues: ['user'] }] },
      { from: [{ source: accounts('stranger') }] },
    ],
  });
  await until('it holds', async () => (await fetchText({ url: `http://${http1}/admin` })).status === 403);
}, 240_000);
afterAll(() => guarded?.stop());

const statusOf = async (to: string, line: string, ...headers: readonly string[]): Promise<number> =>
  statusesIn(await sendRaw({ to, text: requestText(line, ...headers), isDone: isOneAnswer }))[0] ?? 0;

const secret = 'GET /admin HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n';

/** What comes back for a request that asks for another protocol, with one for the secret behind it. */
const smuggled = (to: string, line: string, ...headers: readonly string[]): Promise<string> =>
  sendRaw({ to, text: [`${line} HTTP/1.1`, 'host: echo', ...headers, '', secret].join('\r\n') });

/** No answer of the application is one for the secret. */
const isSafe = (answer: string): boolean => !answer.includes('"path":"/admin');

const http2Status = (to: string, headers: Readonly<Record<string, string>>): Promise<unknown> =>
  new Promise((resolve) => {
    const session = connect(`http://${to}`);
    const end = (result: unknown): void => {
      session.destroy();
      resolve(result);
    };
    session.on('error', () => end('error'));
    const stream = session.request({ ':authority': 'echo', ...headers });
    stream.on('response', (answer) => end(answer[':status'])).on('error', () => end('reset'));
    stream.on('close', () => end('closed'));
    stream.setTimeout(5_000, () => end('silence'));
    stream.end();
  });

describe('[AU-7] a path is compared as the server is going to see it', () => {
  it.each([
    '/admin/.',
    '/x/../admin',
    '/./admin',
    '/x/%2e%2e/admin',
    '/%2E/admin',
    '/x/..\\admin',
    '/%61dmin',
    '/..;/admin',
    '/admin?x=/public',
    '/cars/1/keys?x',
    '/cars/1/2/../keys',
    '/cars/1]/keys',
    '/x/%2e%2e;/admin',
    '/x\\..;y/admin',
    'http://echo/admin',
    'http://other.example/admin',
  ])('%s is denied', async (path) => {
    expect(await statusOf(http1, `GET ${path}`)).toBe(403);
  });

  it.each(['/admin#x', '/admin%00', 'admin'])('%s is no path', async (path) => {
    expect(await statusOf(http1, `GET ${path}`)).toBe(400);
  });

  it('and goes on in the same form', async () => {
    const answer = await sendRaw({ to: http1, text: requestText('GET /admin/../open') });
    expect(answer).toContain('"path":"/open"');
  });
});

describe('[AU-7] slashes', () => {
  const normalize = (normalization: string): Promise<unknown> =>
    guarded.mesh.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'istio', namespace: 'istio-system' },
        data: { mesh: `pathNormalization: {normalization: ${normalization}}` },
      }),
    );
  const paths = ['//admin', '/\\admin', '/admin%2fx', '/admin%5Cx', '/x/..%2fadmin'];
  const statuses = () => Promise.all(paths.map((path) => statusOf(http1, `GET ${path}`)));

  it('are left as they are, unless the mesh is told to merge and decode them', async () => {
    expect(await statuses()).toEqual([200, 200, 200, 200, 200]);
    await normalize('MERGE_SLASHES');
    await until('they are merged', async () => (await statusOf(http1, 'GET //admin')) === 403);
    expect(await statuses()).toEqual([403, 403, 200, 200, 200]);
    await normalize('DECODE_AND_MERGE_SLASHES');
    await until('they are decoded', async () => (await statusOf(http1, 'GET /admin%2fx')) === 403);
    expect(await statuses()).toEqual([403, 403, 403, 403, 403]);
    await normalize('DEFAULT');
    await until('they are left', async () => (await statusOf(http1, 'GET //admin')) === 200);
  });
});

describe('[B26] another protocol is no way around', () => {
  it.each([
    ['h2c', 'connection: upgrade, http2-settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAAP__'],
    ['an unknown protocol', 'connection: upgrade', 'upgrade: foo'],
    ['TLS, and h2c', 'connection: upgrade', 'upgrade: TLS/1.0, h2c'],
    ['h2c among others', 'connection: upgrade', 'upgrade: h2c, foo, websocket'],
  ])('upgrade to %s', async (_name, ...headers) => {
    for (const to of [http1, edge, sidecar]) {
      const answer = await smuggled(to, to === sidecar ? 'GET http://echo/' : 'GET /', ...headers);
      expect([to, isSafe(answer), answer.includes('"upgrade"')]).toEqual([to, true, false]);
    }
  });

  it('a WebSocket is opened where its path is allowed, and nowhere else', async () => {
    const headers = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-key: eA=='];
    expect(statusesIn(await smuggled(http1, 'GET /admin', ...headers))).toEqual([403]);
    expect(statusesIn(await smuggled(edge, 'GET /x/../admin', ...headers))).toEqual([403]);
    const open = await sendRaw({
      to: http1,
      text: ['GET /open HTTP/1.1', 'host: echo', ...headers, '', 'hello'].join('\r\n'),
      isDone: (answer) => answer.endsWith('hello'),
    });
    expect(statusesIn(open)).toEqual([101]);
  });

  it('nor is CONNECT', async () => {
    expect(statusesIn(await smuggled(http1, 'CONNECT echo:80'))).toEqual([404]);
    expect(statusesIn(await smuggled(edge, 'CONNECT echo:80'))).toEqual([404]);
    // Where tunnels are taken they lead to connections, not to ports that speak HTTP.
    expect(statusesIn(await smuggled(sidecar, 'CONNECT echo:80'))).toEqual([404]);
    expect(await http2Status(http2, { ':method': 'CONNECT', ':authority': 'echo:80' })).toBe(404);
    const webSocket = {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/admin',
    };
    expect(['closed', 'reset', 'error', 403]).toContain(await http2Status(http2, webSocket));
    expect(await http2Status(http2, { ':path': '/x/%2e%2e/admin' })).toBe(403);
    expect(await http2Status(http2, { ':path': '/open' })).toBe(200);
  });

  it('nor is a request within a request', async () => {
    for (const headers of [
      ['content-length: 6', 'transfer-encoding: chunked'],
      ['content-length: 5', 'transfer-encoding: xchunked'],
      ['content-length: 0', 'content-length: 80'],
      ['content-length: +0'],
    ]) {
      expect([headers, statusesIn(await smuggled(http1, 'POST /', ...headers))]).toEqual([headers, [400]]);
    }
  });
});

describe('[B12] what a client says of itself is not believed', () => {
  it('a header that is denied cannot hide among others', async () => {
    for (const headers of [
      ['x-bad: yes'],
      ['X-BAD:\tyes\t'],
      ['x-bad: no', 'x-bad: yes'],
      ['x-bad: no, yes ,maybe'],
      ['x-bad: \xff\xfe', 'x-bad: yes'],
      ['x-bad:', ' yes'],
    ]) {
      expect([headers, await statusOf(http1, 'GET /', ...headers)]).toEqual([headers, 403]);
    }
    expect(await statusOf(http1, 'GET /', 'x-bad: yesterday')).toBe(200);
  });

  it('a header that must have a value has no other beside it', async () => {
    expect(await statusOf(http1, 'GET /', 'x-role: user')).toBe(200);
    expect(await statusOf(http1, 'GET /', 'x-role: admin')).toBe(403);
    expect(await statusOf(http1, 'GET /', 'x-role: user', 'x-role: admin')).toBe(403);
    expect(await statusOf(http1, 'GET /', 'x-role: admin', 'x-role: user')).toBe(403);
    expect(await statusOf(http1, 'GET /', 'x-role: user', 'x-role: \xff')).toBe(403);
    expect(await statusOf(http1, 'GET /', 'x-role: \xff')).toBe(403);
  });

  it('a certificate is not told by a header', async () => {
    const forged = 'x-forwarded-client-cert: By=a;Hash=b;URI=spiffe://cluster.local/ns/default/sa/forged';
    for (const [to, line, caller] of [
      [edge, 'GET /', 'ns/istio-system/sa/istio-ingressgateway-service-account'],
      [sidecar, 'GET http://echo/', 'ns/default/sa/client'],
    ] as const) {
      const answer = await sendRaw({ to, text: requestText(line, forged) });
      expect([statusesIn(answer), answer.includes('forged')]).toEqual([[200], false]);
      expect(answer).toContain(`URI=spiffe://cluster.local/${caller}"`);
    }
    expect(await sendRaw({ to: http1, text: requestText('GET /', forged) })).not.toContain('client-cert');
    const pretending = forged.replace('forged', 'client');
    expect(await statusOf(`${guarded.stranger}:15001`, 'GET http://echo/', pretending)).toBe(403);
  });

  it('words of proxies among themselves stay at the edge', async () => {
    const answer = await sendRaw({
      to: edge,
      text: requestText(
        'GET /',
        'x-envoy-original-path: /forged',
        'x-envoy-external-address: 192.0.2.99',
        'x-envoy-internal: true',
        'x-xebec-peer: forged',
      ),
    });
    expect(statusesIn(answer)).toEqual([200]);
    for (const word of ['forged', '192.0.2.99', 'x-envoy-internal']) expect(answer).not.toContain(word);
  });
});
