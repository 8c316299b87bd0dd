// What a gateway makes of clients that mean harm: requests hidden in requests, headers that only proxies may set, and names cut in two.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeMesh, startEdgeMesh } from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { headerBlock } from './support/raw-frames.ts';
import { framesOf, requestFrames } from './support/raw-http2.ts';

let edge: EdgeMesh;
let server: Server;

interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}
const heard: Heard[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    heard.push({ path: request.url ?? '', headers: request.headers });
    request.resume().on('end', () => response.end('answered'));
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
  edge = await startEdgeMesh([{ name: 'edge', ports: [80] }]);
  const applied = await edge.mesh.apply(configuration(port));
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  await until('it serves', async () => (await plain('/ready')).status === 200);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  server?.close();
});

const configuration = (port: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: target }
spec:
  hosts: [target.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: edge }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [target.example] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: target }
spec:
  hosts: [target.example]
  gateways: [edge]
  http:
  - match: [{ withoutHeaders: { x-role: { exact: guest } }, uri: { prefix: /admin } }]
    route: [{ destination: { host: target.example } }]
  - match: [{ uri: { prefix: /admin } }]
    directResponse: { status: 403 }
  - route: [{ destination: { host: target.example } }]
`;

const port = (): number => edge.portOf('edge', 80);
const plain = (path: string, headers: Record<string, string> = {}) =>
  fetchText({ url: `http://127.0.0.1:${port()}${path}`, headers: { host: 'target.example', ...headers } });

/** All that comes back until the gateway closes the connection. */
function exchange(bytes: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port: port() }, () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error('the connection was left open')));
    socket.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(parts)));
  });
}

/** What nobody may have: the gateway answers it itself, so that it is heard only if the gateway has not seen it. */
const hidden = 'GET /admin HTTP/1.1\r\nhost: target.example\r\nx-role: guest\r\nconnection: close\r\n\r\n';
/** A POST with these header lines, and behind it what one reader takes for its body and another for a request. */
const post = (lines: readonly string[], body = `0\r\n\r\n${hidden}`, version = '1.1'): string =>
  ['POST /outer HTTP/'.concat(version), 'host: target.example', ...lines, '', body].join('\r\n');
const length = (body: string): string => `content-length: ${body.length}`;
const chunked = 'transfer-encoding: chunked';
const isHeard = (path: string): boolean => heard.some((each) => each.path === path);

describe('[RELIABILITY B12] requests hidden in requests, HTTP/1.1', () => {
  it.concurrent.each([
    ['a length and chunks', post([length(`0\r\n\r\n${hidden}`), chunked])],
    ['chunks and a length', post([chunked, 'content-length: 4'])],
    ['two lengths', post([length(hidden), 'content-length: 0'], hidden)],
    ['a length with a sign', post([`content-length: +${hidden.length}`], hidden)],
    ['a list of lengths', post([`content-length: 0, ${hidden.length}`], hidden)],
    ['a length that is no number', post(['content-length: 0x10'], hidden)],
    ['a length too large for any machine', post([`content-length: ${'9'.repeat(30)}`], hidden)],
    ['an unknown coding', post(['transfer-encoding: xchunked', length(hidden)], hidden)],
    ['chunks that are not last', post(['transfer-encoding: chunked, identity', length(hidden)], hidden)],
    ['two codings in two lines', post([chunked, 'transfer-encoding: identity', length(hidden)], hidden)],
    ['a space before the colon', post(['transfer-encoding : chunked', length(hidden)], hidden)],
    ['a folded line', post(['x-folded: a', ' transfer-encoding: chunked', length(hidden), chunked], hidden)],
    ['a bare line feed in a name', post(['x-a: b\ntransfer-encoding: chunked', length(hidden)], hidden)],
    ['a zero byte in a value', post(['x-a: b\0c', length(hidden)], hidden)],
    ['a chunk size with a sign', post([chunked], `+5\r\nhello\r\n0\r\n\r\n${hidden}`)],
    ['a chunk size too large', post([chunked], `${'f'.repeat(20)}\r\n${hidden}`)],
    ['no host', 'GET /outer HTTP/1.1\r\n\r\n'],
    ['a space in the path', 'GET /outer x HTTP/1.1\r\nhost: target.example\r\n\r\n'],
  ])('%s: refused, and the connection closed', async (_what, bytes) => {
    const answer = (await exchange(bytes)).toString('latin1');
    expect(answer.match(/HTTP\/1\.[01] \d+/g) ?? []).toHaveLength(1);
    expect(answer).toMatch(/^HTTP\/1\.[01] (400|501) /);
    expect(isHeard('/admin')).toBe(false);
  });

  it.each([
    ['a chunk that ends without a line', post([chunked], `3\r\nabcdef\r\n0\r\n\r\n${hidden}`)],
    ['chunks in HTTP/1.0', post([chunked, 'connection: keep-alive'], `0\r\n\r\n${hidden}`, '1.0')],
  ])('%s: read as two requests, and both follow the rules', async (_what, bytes) => {
    const answer = (await exchange(bytes)).toString('latin1');
    expect(answer.match(/HTTP\/1\.[01] \d+/g)).toEqual([
      expect.stringContaining(' 200'),
      expect.stringContaining(' 403'),
    ]);
    expect(isHeard('/admin')).toBe(false);
  });

  it('two hosts are no host that is served', async () => {
    const answer = await exchange(
      'GET /twice HTTP/1.1\r\nhost: target.example\r\nhost: other.example\r\nconnection: close\r\n\r\n',
    );
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(isHeard('/twice')).toBe(false);
  });

  it('a plain request is served all the same', async () => {
    expect((await plain('/fair')).body).toBe('answered');
  });
});

type Fields = readonly (readonly [string, string])[];
const h2 = (path: string, fields: Fields, body?: string): Buffer => {
  const own = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'target.example' };
  return requestFrames(headerBlock([...Object.entries(own), ...fields]), body);
};

describe('[RELIABILITY B12] requests hidden in requests, HTTP/2', () => {
  const lengths: Fields = [
    ['content-length', '0'],
    ['content-length', String(hidden.length)],
  ];
  it.concurrent.each<[string, Fields, string?]>([
    ['chunks', [['transfer-encoding', 'chunked']], `0\r\n\r\n${hidden}`],
    ['two lengths', lengths, hidden],
    ['a line break in a value', [['x-a', `b\r\n\r\n${hidden}`]]],
    ['a line break in a name', [['x-a: b\r\nx-c', 'd']]],
    ['a capital letter in a name', [['X-Capital', 'a']]],
    ['a second path', [[':path', '/admin']]],
    ['a connection header', [['connection', 'transfer-encoding']]],
  ])('%s: refused', async (what, fields, body) => {
    const path = `/h2-${what.replaceAll(' ', '-')}`;
    expect(await framesOf(port(), h2(path, fields, body))).toMatch(/^(reset|goaway|closed|400)$/);
    expect([path, '/admin'].filter(isHeard)).toEqual([]);
  });

  it('a length that is not that of the body: refused, and what follows is not heard', async () => {
    expect(await framesOf(port(), h2('/h2-length', [['content-length', '0']], hidden))).toMatch(
      /^(reset|goaway|closed|400)$/,
    );
    expect(isHeard('/admin')).toBe(false);
  });

  it('a plain request is served all the same', async () => {
    expect(await framesOf(port(), h2('/fair', [['content-length', '2']], 'ok'))).toBe('200');
  });
});

describe('[RELIABILITY B12] headers of clients', () => {
  it('what is said twice does not get around a rule that forbids it', async () => {
    expect((await plain('/admin', { 'x-role': 'guest' })).status).toBe(403);
    for (const roles of [
      ['guest', 'admin'],
      ['admin', 'guest'],
    ]) {
      const lines = roles.map((role) => `x-role: ${role}\r\n`).join('');
      const answer = await exchange(
        `GET /admin HTTP/1.1\r\nhost: target.example\r\n${lines}connection: close\r\n\r\n`,
      );
      expect(answer.toString(), roles.join()).toMatch(/^HTTP\/1\.1 403/);
    }
    expect((await plain('/admin', { 'x-role': 'admin' })).status).toBe(200);
  });
});
