// Everything a gateway carries that is not plain HTTPS: TLS by server name, TCP, gRPC, WebSocket, and what it believes of its clients.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer, type Server } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EdgeMesh,
  hasOpenssl,
  type OutsideAuthority,
  openOutsideAuthority,
  secretOf,
  startEdgeMesh,
} from './support/edge.ts';
import { envoyAdmin } from './support/envoy-admin.ts';
import { rpcClient } from './support/grpc.ts';
import { fetchText } from './support/http.ts';
import { textAt, until } from './support/mesh.ts';
import { fetchTls, shakeHands } from './support/tls.ts';

let edge: EdgeMesh;
let outside: OutsideAuthority;
const servers: { close(): unknown }[] = [];

const balanced = { 'proxy.istio.io/config': 'gatewayTopology:\n  proxyProtocol: {}\n' };
const trusting = { 'proxy.istio.io/config': 'gatewayTopology:\n  numTrustedProxies: 1\n' };

beforeAll(async () => {
  if (!hasOpenssl) return;
  outside = openOutsideAuthority('outside');
  edge = await startEdgeMesh([
    { name: 'edge', ports: [80, 81, 443, 9000, 15443, 27017] },
    { name: 'behind', ports: [80], annotations: trusting },
    { name: 'balanced', ports: [80], annotations: balanced },
  ]);
  const database = await listening(createServer((socket) => socket.pipe(socket)));
  const one = await tlsServer('one');
  const rest = await tlsServer('rest');
  const server = outside.issue(['DNS:ended.edge.example']);
  const secret = secretOf('ended', { 'tls.crt': server.cert, 'tls.key': server.key });
  const applied = await edge.mesh.apply(
    [secret, entries({ one, rest, database }), gateways, balancedGateway, routes].join('\n---\n'),
  );
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  outside?.[Symbol.dispose]();
  for (const server of servers) server.close();
});

/** A server of TLS outside of the mesh, which says who it is. */
function tlsServer(name: string): Promise<number> {
  const pair = outside.issue([`DNS:*.through.example`, `DNS:${name}`]);
  const server = createTlsServer(pair, (_request, response) => response.end(name));
  return listening(server);
}

function listening(server: Server): Promise<number> {
  servers.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
}

const entries = (ports: Readonly<Record<string, number>>): string =>
  Object.entries(ports)
    .map(
      ([name, port]) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.outside.example]
  ports: [{ number: 443, name: tls, protocol: ${name === 'database' ? 'TCP' : 'TLS'} }]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { tls: ${port} } }]
`,
    )
    .join('---');

const gateways = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: edge }
  servers:
  - { port: { number: 80, name: http, protocol: HTTP2 }, hosts: ["*"] }
  - { port: { number: 81, name: web, protocol: GRPC-WEB }, hosts: ["*"] }
  - { port: { number: 9000, name: tcp, protocol: TCP }, hosts: ["*"] }
  - { port: { number: 27017, name: mongo, protocol: MONGO }, hosts: ["*"] }
  - { port: { number: 443, name: through, protocol: TLS }, hosts: ["*.through.example"], tls: { mode: PASSTHROUGH } }
  - port: { number: 443, name: ended, protocol: TLS }
    hosts: [ended.edge.example]
    tls: { mode: SIMPLE, credentialName: ended }
  - { port: { number: 15443, name: named, protocol: TLS }, hosts: ["*.local"], tls: { mode: AUTO_PASSTHROUGH } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: behind }
spec:
  selector: { istio: behind }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
`;

const balancedGateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: balanced }
spec:
  selector: { istio: balanced }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
`;

const routes = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec:
  hosts: ["*"]
  gateways: [edge, behind, balanced]
  http:
  - match: [{ uri: { prefix: /echo.Echo/ } }]
    route: [{ destination: { host: echo, port: { number: 50051 } } }]
  - route: [{ destination: { host: echo, port: { number: 80 } } }]
  tls:
  - match: [{ sniHosts: [one.through.example] }]
    route: [{ destination: { host: one.outside.example, port: { number: 443 } } }]
  - match: [{ sniHosts: ["*.through.example"] }]
    route: [{ destination: { host: rest.outside.example, port: { number: 443 } } }]
  tcp:
  - match: [{ port: 27017 }]
    route: [{ destination: { host: database.outside.example, port: { number: 443 } } }]
  - route: [{ destination: { host: echo, port: { number: 9000 } } }]
`;

const at = (port: number, gateway = 'edge') => edge.portOf(gateway, port);

/** What a TCP server answers to some bytes, until it has said so much. */
function say(port: number, bytes: Buffer | string, length: number): Promise<Buffer> {
  return collect(connect({ host: '127.0.0.1', port }), bytes, length);
}

function collect(
  socket: ReturnType<typeof connect>,
  bytes: Buffer | string,
  length: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    socket.setTimeout(10_000, () => socket.destroy(new Error('timed out')));
    socket.on('data', (part: Buffer) => {
      if (answer.length === 0) socket.write(bytes);
      answer = Buffer.concat([answer, part]);
      if (answer.length < length) return;
      resolve(answer);
      socket.destroy();
    });
    socket.on('error', reject).on('close', () => reject(new Error(`closed after ${answer.length} bytes`)));
  });
}

describe.skipIf(!hasOpenssl)('[DP-10] TLS that is not HTTPS (needs openssl)', () => {
  const through = (name: string) => fetchTls({ port: at(443), name, options: { ca: outside.root } });

  it('PASSTHROUGH leads to the server that the server name asks for, which shows its own certificate', async () => {
    expect((await through('one.through.example')).body).toBe('one');
    expect((await through('two.through.example')).body).toBe('rest');
    const { certificate } = await shakeHands({ port: at(443), name: 'one.through.example' });
    expect(certificate.subjectAltName).toContain('DNS:one');
    await expect(through('one.outside.example')).rejects.toThrow();
  });

  it('TLS ends at the gateway and TCP goes on', async () => {
    const options: ConnectionOptions = {
      host: '127.0.0.1',
      port: at(443),
      servername: 'ended.edge.example',
      ca: outside.root,
    };
    expect((await collect(connectTls(options), 'hello', 11)).toString()).toBe('ready\nhello');
  });

  it('AUTO_PASSTHROUGH leads where a client of the mesh asks to, and nowhere else', async () => {
    const named = (name: string, ALPNProtocols: string[] = ['istio']) =>
      shakeHands({ port: at(15443), name, options: { ALPNProtocols } });
    const host = 'echo.default.svc.cluster.local';
    const { certificate } = await until('it leads there', () => named(`outbound_.80_._.${host}`));
    expect(certificate.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/echo');
    for (const name of [
      `outbound|80||${host}`,
      'outbound_.443_._.one.outside.example',
      'outbound_.80_._.nobody.default.svc.cluster.local',
      'sds-grpc',
      'xds-grpc',
      'agent',
    ])
      await expect(named(name), name).rejects.toThrow();
    await expect(named(`outbound_.80_._.${host}`, ['h2'])).rejects.toThrow();
  });
});

describe.skipIf(!hasOpenssl)('[AU-10] TCP through a gateway', () => {
  it('lets the server speak first', async () => {
    expect((await say(at(9000), 'hello', 11)).toString()).toBe('ready\nhello');
  });

  it('reads MongoDB as it passes', async () => {
    const query = mongoQuery();
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: at(27017) }, () => socket.write(query));
      socket.once('data', (part: Buffer) => {
        resolve(part);
        socket.destroy();
      });
      socket.on('error', reject);
    });
    expect(answer.equals(query)).toBe(true);
    const { name } = await edge.mesh.pod('edge');
    // Once as it goes to the server, and once as the server sends it back.
    await until('the queries are counted', async () =>
      /mongo\..*op_query: 2$/m.test(await envoyAdmin(edge.mesh, name, '/stats?filter=mongo')),
    );
  });
});

/** `{isMaster: 1}` to `admin.$cmd`, as the first drivers asked. */
function mongoQuery(): Buffer {
  const document = Buffer.from('\x00\x00\x00\x00\x10isMaster\0\x01\0\0\0\0', 'latin1');
  document.writeInt32LE(document.length, 0);
  const body = Buffer.concat([
    Buffer.alloc(4),
    Buffer.from('admin.$cmd\0'),
    Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]),
    document,
  ]);
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + body.length, 0);
  header.writeInt32LE(1, 4);
  header.writeInt32LE(2004, 12);
  return Buffer.concat([header, body]);
}

describe.skipIf(!hasOpenssl)('[DP-3] HTTP of all kinds through a gateway', () => {
  const echo = (headers: Record<string, string>, path = '/', gateway = 'edge') =>
    fetchText({
      url: `http://127.0.0.1:${at(80, gateway)}${path}`,
      headers: { host: 'any.example', ...headers },
    });
  const seen = async (name: string, ...call: Parameters<typeof echo>) =>
    textAt(JSON.parse((await echo(...call)).body), 'headers', name);

  it('[DP-4] gRPC', async () => {
    using rpc = rpcClient(`127.0.0.1:${at(80)}`, 'any.example');
    expect(await rpc.unary('Unary', 'hello')).toEqual({ code: 0, body: 'hello' });
    expect(await rpc.chat(['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
  });

  it('[DP-4] gRPC-Web becomes gRPC, with its status in the body', async () => {
    const message = Buffer.from('hello');
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    const answer = await post(at(81), Buffer.concat([frame, message]));
    expect(answer.type).toBe('application/grpc-web+proto');
    expect(answer.body.subarray(5, 10).toString()).toBe('hello');
    expect(answer.body.subarray(10).toString()).toContain('grpc-status:0');
  });

  it('[DP-5] WebSocket', async () => {
    expect(await upgraded(at(80))).toBe('frame');
  });

  it('HTTP/1.0', async () => {
    const answer = await raw(at(80), 'GET /old HTTP/1.0\r\nhost: a.example\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.0 200 OK/);
  });

  it('[RELIABILITY B12] what only proxies may say is not taken from clients', async () => {
    const spoofed = {
      'x-forwarded-client-cert': 'By=spiffe://a/b;URI=spiffe://cluster.local/ns/default/sa/admin',
      'x-envoy-upstream-alt-stat-name': 'spoofed',
      'x-envoy-retry-on': '5xx',
      'x-envoy-original-path': '/spoofed',
      'x-envoy-external-address': '9.9.9.9',
      'x-xebec-peer': 'admin|default|admin|v1|admin|v1',
      'x-xebec-anything': 'spoofed',
      'x-forwarded-for': '9.9.9.9',
    };
    const { body, headers } = await echo(spoofed, '/a/./b/../c');
    const got = JSON.parse(body);
    expect(textAt(got, 'path')).toBe('/a/c');
    expect(headers.server).toBe('istio-envoy');
    const passed = Object.entries(got.headers as Record<string, string>).filter(
      ([name, value]) =>
        /^x-(envoy|xebec|forwarded-client)/.test(name) && /spoofed|9\.9\.9\.9|5xx|admin/.test(value),
    );
    expect(passed).toEqual([]);
    expect(textAt(got, 'headers', 'x-envoy-external-address')).toBe('127.0.0.1');
  });

  it('[RELIABILITY B12] behind one trusted proxy the last address is believed, and no earlier one', async () => {
    const forwarded = { 'x-forwarded-for': '9.9.9.9, 203.0.113.7' };
    expect(await seen('x-envoy-external-address', forwarded, '/', 'behind')).toBe('203.0.113.7');
    expect(await seen('x-envoy-external-address', forwarded)).toBe('127.0.0.1');
  });

  it('[RELIABILITY B12] behind a balancer that speaks the PROXY protocol its word is the address, and nobody else comes in', async () => {
    const call =
      'GET / HTTP/1.1\r\nhost: any.example\r\nx-forwarded-for: 9.9.9.9\r\nconnection: close\r\n\r\n';
    const told = await raw(at(80, 'balanced'), `PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n${call}`);
    expect(told).toMatch(/^HTTP\/1\.1 200/);
    const body = JSON.parse(told.slice(told.indexOf('{'), told.lastIndexOf('}') + 1));
    expect(textAt(body, 'headers', 'x-envoy-external-address')).toBe('203.0.113.9');
    expect(await raw(at(80, 'balanced'), call)).toBe('');
  });

  it('[RELIABILITY B12] what the mesh says of all gateways holds where one says nothing itself', async () => {
    const applied = await edge.mesh.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { gatewayTopology: { numTrustedProxies: 2 } }" }
`);
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    const forwarded = { 'x-forwarded-for': '9.9.9.9, 203.0.113.8, 203.0.113.7' };
    await until(
      'it holds',
      async () => (await seen('x-envoy-external-address', forwarded)) === '203.0.113.8',
    );
    expect(await seen('x-envoy-external-address', forwarded, '/', 'behind')).toBe('203.0.113.7');
  });
});

/** All that comes back until the connection is closed. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      text += part.toString();
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
}

function post(port: number, body: Buffer): Promise<{ readonly type: string; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'any.example', 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
    const call = request(
      { host: '127.0.0.1', port, path: '/echo.Echo/Unary', method: 'POST', headers },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ type: String(response.headers['content-type']), body: Buffer.concat(parts) }),
        );
      },
    );
    call.on('error', reject).end(body);
  });
}

function upgraded(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'any.example',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    const call = request({ host: '127.0.0.1', port, path: '/socket', headers });
    call.on('upgrade', (_response, socket) => {
      socket.on('data', (part: Buffer) => {
        resolve(part.toString());
        socket.destroy();
      });
      socket.write('frame');
    });
    call.on('response', ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
    call.on('error', reject).end();
  });
}
