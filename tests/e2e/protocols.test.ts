// Every HTTP-based protocol through both sidecars, with explicit capture.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';

let mesh: Mesh;
let client: string;
let server: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  client = (await mesh.pod('client')).ip;
  server = (await mesh.pod('echo')).ip;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const through = (path: string, port = 80) => ({
  url: `http://echo:${port}${path}`,
  proxy: `${client}:15001`,
});
const counted = async (labels: Record<string, string>): Promise<number> =>
  sum(await scrape(server), 'istio_requests_total', { reporter: 'destination', ...labels });

describe('[DP-3] HTTP versions', () => {
  it('HTTP/1.1 to HTTP/1.1', async () => {
    const before = await counted({ request_protocol: 'http' });
    const answer = await fetchText(through('/one'));
    expect([answer.status, textAt(JSON.parse(answer.body), 'version')]).toEqual([200, '1.1']);
    await until(
      'it is counted as http',
      async () => (await counted({ request_protocol: 'http' })) === before + 1,
    );
  });

  it('HTTP/1.1 to HTTP/2 on a port named http2', async () => {
    const answer = await fetchText(through('/two', 8081));
    expect([answer.status, textAt(JSON.parse(answer.body), 'version')]).toEqual([200, '2.0']);
  });

  it('HTTP/1.1 to HTTP/2 by h2UpgradePolicy between the sidecars', async () => {
    const rule =
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  host: echo\n  trafficPolicy:\n    connectionPool: {http: {h2UpgradePolicy: UPGRADE}}\n';
    expect((await mesh.apply(rule)).code).toBe(0);
    const answer = await fetchText(through('/upgraded'));
    expect(answer.status).toBe(200);
    expect((await mesh.xebec(['delete', 'DestinationRule', 'echo'])).code).toBe(0);
  });

  it('HTTP/2 in clear text from the application', async () => {
    const session = connectHttp2(`http://${client}:15001`);
    const body = await new Promise<string>((resolve, reject) => {
      const stream = session.request({ ':path': '/clear', ':authority': 'echo:8081' });
      let text = '';
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      stream.on('end', () => resolve(text)).on('error', reject);
    });
    session.close();
    expect(textAt(JSON.parse(body), 'version')).toBe('2.0');
  });
});

describe('[DP-4] gRPC', () => {
  it('passes unary calls and both-way streams', async () => {
    using rpc = rpcClient(`${client}:15001`, 'echo.default.svc.cluster.local:50051');
    expect(await rpc.unary('Unary', 'hello')).toEqual({ code: 0, body: 'hello' });
    const messages = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    expect(await rpc.chat(messages)).toEqual(messages);
  });

  it("labels requests with the trailer's status", async () => {
    using rpc = rpcClient(`${client}:15001`, 'echo:50051');
    expect((await rpc.unary('Denied', '')).code).toBe(7);
    await until(
      'status 7 is counted',
      async () => (await counted({ request_protocol: 'grpc', grpc_response_status: '7' })) > 0,
    );
  });

  it('retries on unavailable', async () => {
    const rule =
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec:\n  hosts: [echo]\n  http:\n  - retries: {attempts: 3, retryOn: unavailable}\n    route: [{destination: {host: echo, port: {number: 50051}}}]\n    match: [{port: 50051}]\n  - route: [{destination: {host: echo}}]\n';
    const applied = await mesh.apply(rule);
    expect(applied.code, applied.stderr).toBe(0);
    using rpc = rpcClient(`${client}:15001`, 'echo:50051');
    expect(await rpc.unary('Flaky', '')).toEqual({ code: 0, body: 'attempt 3' });
    expect((await mesh.xebec(['delete', 'VirtualService', 'echo'])).code).toBe(0);
  });
});

describe('[DP-5] WebSocket', () => {
  it('upgrades through both sidecars and echoes 1,000 frames in order', async () => {
    const socket = await upgrade(client);
    const frames = Array.from({ length: 1000 }, (_, i) => Buffer.from(`frame ${i};`));
    const expected = Buffer.concat(frames).toString();
    const echoed = new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('error', reject).on('data', (part: Buffer) => {
        text += part.toString();
        if (text.length >= expected.length) resolve(text);
      });
    });
    for (const frame of frames) socket.write(frame);
    expect(await echoed).toBe(expected);
    socket.destroy();
  });
});

function upgrade(address: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: address,
      port: 15001,
      path: 'http://echo/socket',
      headers: {
        host: 'echo',
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    outgoing.on('upgrade', (response, socket) =>
      response.statusCode === 101 ? resolve(socket) : reject(new Error(`status ${response.statusCode}`)),
    );
    outgoing.on('response', ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
    outgoing.on('error', reject).end();
  });
}
