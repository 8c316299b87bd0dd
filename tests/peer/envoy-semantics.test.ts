// What rules mean on a real Envoy, where a golden cannot show it: which request a match takes, and what becomes of it.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../feature/support/control-plane.ts';
import { type Answer, type Asked, type ExplicitEnvoy, startExplicitEnvoy } from './support/envoy.ts';

const envoyPath = process.env['ENVOY_PATH'];
const address = `127.77.${1 + (process.pid % 250)}.${1 + (process.ppid % 250)}`;

let plane: TestControlPlane;
let envoy: ExplicitEnvoy;
let backend: Server;

const entry = (port: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: echo }
spec:
  hosts: [echo.example, flaky.example]
  location: MESH_EXTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;

const to = 'route: [{ destination: { host: echo.example } }]';
const named = (name: string): string => `headers: { response: { set: { x-rule: ${name} } } }\n      ${to}`;

const rules = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo.example]
  http:
    - match: [{ uri: { prefix: /old } }, { uri: { exact: /exactly } }, { uri: { regex: "/pattern/[0-9]+" } }]
      rewrite: { uri: /new }
      ${to}
    - match: [{ uri: { prefix: /users } }]
      rewrite: { uriRegexRewrite: { match: "^/users/([0-9]+)", rewrite: "/user/\\\\1" }, authority: other.example }
      ${to}
    - match: [{ uri: { exact: /r1 } }]
      redirect: { scheme: https, derivePort: FROM_PROTOCOL_DEFAULT }
    - match: [{ uri: { exact: /r2 } }]
      redirect: { authority: new.example, derivePort: FROM_REQUEST_PORT }
    - match: [{ uri: { exact: /r3 } }]
      redirect: { uri: /there, redirectCode: 307, derivePort: FROM_REQUEST_PORT }
    - match: [{ uri: { prefix: /h }, headers: { X-A: { regex: "a+" } }, withoutHeaders: { x-b: { exact: "no" }, x-c: {} } }]
      ${named('headers')}
    - match: [{ uri: { prefix: /h } }]
      ${named('other')}
    - match: [{ uri: { prefix: /CASE }, ignoreUriCase: true, queryParams: { q: { exact: "1" }, any: {} } }]
      ${named('query')}
    - match: [{ uri: { regex: "/full/[a-z]+" } }]
      ${named('regex')}
    - match: [{ uri: { exact: /body } }]
      directResponse: { status: 418, body: { string: "100% tea\\n" } }
    - match: [{ uri: { prefix: /set } }]
      headers: { request: { set: { x-s: one }, add: { x-t: two }, remove: [x-gone] } }
      ${to}
    - match: [{ uri: { prefix: /slow } }]
      timeout: 100ms
      ${to}
    - match: [{ uri: { prefix: /fault } }]
      fault: { abort: { httpStatus: 507, percentage: { value: 100 } } }
      ${to}
    - match: [{ uri: { prefix: /cors } }]
      corsPolicy: { allowOrigins: [{ exact: https://a.example }], allowMethods: [PUT], maxAge: 1m }
      ${to}
    - ${named('rest')}
`;

/** 503 until the third attempt. */
const retried = (retries: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: flaky }
spec:
  hosts: [flaky.example]
  http: [{ ${retries}route: [{ destination: { host: flaky.example } }] }]
`;

const attempts = new Map<string, number>();

function startBackend(): Server {
  return createServer((request, response) => {
    const id = String(request.headers['x-id'] ?? '');
    const seen = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, seen);
    if (request.url?.startsWith('/slow') === true) return;
    if (request.url?.startsWith('/flaky') === true && seen < 3) response.statusCode = 503;
    response.end(JSON.stringify({ path: request.url, headers: request.headers }));
  });
}

beforeAll(async () => {
  if (envoyPath === undefined) return;
  backend = startBackend();
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const bound = backend.address();
  plane = await startControlPlane();
  await plane.apply(
    [entry(typeof bound === 'object' ? (bound?.port ?? 0) : 0), rules, retried('')].join('---\n'),
  );
  envoy = startExplicitEnvoy(envoyPath, address, plane.port);
  await eventually('the proxy listens', async () =>
    envoy.ask({ path: '/' }).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
});
afterAll(async () => {
  await envoy?.stop();
  await plane?.close();
  backend?.closeAllConnections();
  backend?.close();
});

const ask = (asked: Asked): Promise<Answer> => envoy.ask(asked);
/** What the service saw. */
const seen = async (asked: Asked) =>
  JSON.parse((await ask(asked)).body) as { path: string; headers: Record<string, string> };
const rule = async (asked: Asked) => (await ask(asked)).headers['x-rule'];

describe.skipIf(envoyPath === undefined)('rules on a real Envoy', () => {
  it.each([
    ['/old/a?q=1', '/new/a?q=1'],
    ['/older', '/newer'],
    ['/exactly?q=1', '/new?q=1'],
    ['/pattern/42?q=1', '/new?q=1'],
    ['/users/7/x', '/user/7/x'],
  ])('rewrites %s to %s', async (path, rewritten) => {
    expect((await seen({ path })).path).toBe(rewritten);
  });

  it('rewrites the authority', async () => {
    expect((await seen({ path: '/users/7' })).headers['host']).toBe('other.example');
  });

  it.each([
    ['/r1', 'echo.example:80', 301, 'https://echo.example:443/r1'],
    ['/r2', 'echo.example', 301, 'http://new.example:80/r2'],
    ['/r3', 'echo.example', 307, 'http://echo.example/there'],
  ])('redirects %s', async (path, host, status, location) => {
    const answer = await ask({ path, host });
    expect([answer.status, answer.headers['location']]).toEqual([status, location]);
  });

  it.each<[Record<string, string>, string]>([
    [{ 'x-a': 'aaa' }, 'headers'],
    [{ 'x-a': 'aaa', 'x-b': 'yes' }, 'headers'],
    [{ 'x-a': 'aaa', 'x-b': 'no' }, 'other'],
    [{ 'x-a': 'aaa', 'x-c': '' }, 'other'],
    [{ 'x-a': 'aab' }, 'other'],
    [{}, 'other'],
  ])('with headers %o the rule is "%s"', async (headers, expected) => {
    expect(await rule({ path: '/h', headers })).toBe(expected);
  });

  it.each([
    ['/Case/x?any=&q=1', 'query'],
    ['/case?q=1', 'rest'],
    ['/case?q=2&any', 'rest'],
    ['/full/abc?x=1', 'regex'],
    ['/full/abc/d', 'rest'],
  ])('takes %s for "%s"', async (path, expected) => {
    expect(await rule({ path })).toBe(expected);
  });

  it('answers by itself, byte for byte', async () => {
    expect(await ask({ path: '/body' })).toMatchObject({ status: 418, body: '100% tea\n' });
    expect((await ask({ path: '/fault' })).status).toBe(507);
    expect((await ask({ path: '/slow' })).status).toBe(504);
  });

  it('sets, adds and removes headers', async () => {
    const { headers } = await seen({ path: '/set', headers: { 'x-s': 'zero', 'x-t': 'one', 'x-gone': '1' } });
    expect([headers['x-s'], headers['x-t'], headers['x-gone']]).toEqual(['one', 'one, two', undefined]);
  });

  it('answers preflights of allowed origins', async () => {
    const headers = { origin: 'https://a.example', 'access-control-request-method': 'PUT' };
    const answer = await ask({ path: '/cors', method: 'OPTIONS', headers });
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-max-age': '60',
    });
    const other = await ask({ path: '/cors', headers: { origin: 'https://b.example' } });
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('retries what was named, and not what an application answered by default', async () => {
    const flaky = (id: string) => ask({ host: 'flaky.example', path: '/flaky', headers: { 'x-id': id } });
    expect([(await flaky('plain')).status, attempts.get('plain')]).toEqual([503, 1]);
    await plane.apply(retried('retries: { attempts: 3, retryOn: "503" }, '));
    let id = 0;
    await eventually('the rule has arrived', async () => (await flaky(`named-${++id}`)).status === 200);
    expect(attempts.get(`named-${id}`)).toBe(3);
  });

  it('knows a host by its port and with a trailing dot, and others not at all', async () => {
    for (const host of ['echo.example', 'echo.example:80', 'ECHO.example', 'echo.example.'])
      expect((await ask({ path: '/', host })).status, host).toBe(200);
    expect((await ask({ path: '/', host: 'none.example' })).status).toBe(404);
  });
});
