// Two networks with a gateway each: calls cross them by mutual TLS that nobody opens on the way.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { deployment, type NetworkMesh, onlyClient, startNetworkMesh } from './support/networks.ts';
import { dial } from './support/tunnel.ts';

let made: NetworkMesh;
let client: string;
let stranger: string;

const host = 'echo.default.svc.cluster.local';
const identity = (name: string): string => `spiffe://cluster.local/ns/default/sa/${name}`;

beforeAll(async () => {
  made = await startNetworkMesh();
  client = (await made.mesh.pod('client')).ip;
  stranger = (await made.mesh.pod('stranger')).ip;
}, 240_000);
afterAll(() => made?.stop());

const get = (from: string, path = '/') => fetchText({ url: `http://echo${path}`, proxy: `${from}:15001` });
const http = async (from: string, path?: string): Promise<number> => (await get(from, path)).status;
async function grpc(from: string): Promise<number> {
  using rpc = rpcClient(`${from}:15001`, `${host}:50051`);
  return (await rpc.unary('Unary', 'hello')).code;
}
const tcp = (from: string): Promise<string> =>
  dial({ proxy: `${from}:15001`, target: 'echo:9000', say: 'hello', until: 'hello' });
const everything = (from: string) => Promise.all([http(from), grpc(from), tcp(from)]);

/** Which of the servers answer, in so many requests. */
async function answering(from: string, count = 20): Promise<readonly string[]> {
  const found = new Set<string>();
  for (let each = 0; each < count; each++) {
    const { status, body } = await get(from);
    found.add(
      status === 200 ? String(JSON.parse(body).pod).split('-').slice(0, 2).join('-') : String(status),
    );
  }
  return [...found].sort();
}

describe('[AU-12] one mesh in two networks', () => {
  it('HTTP, gRPC and TCP cross the gateway of the other network', async () => {
    expect(await everything(client)).toEqual([200, 0, 'ready\nhello']);
    const gateway = `127.0.0.1:${made.gatewayPorts.west}`;
    for (const port of [80, 50051, 9000]) {
      await made.untilLogged('client-east', {
        upstream_cluster: `outbound|${port}||${host}`,
        upstream_host: gateway,
      });
      const through = `cluster.outbound_.${port}_._.${host}.upstream_cx_total`;
      expect(await made.counter('west-gateway', through)).toBeGreaterThan(0);
      expect(await made.counter('east-gateway', through)).toBe(0);
    }
  });

  it('the server sees who calls, and the client who answers; the gateway is neither', async () => {
    expect(await http(client, '/seen')).toBe(200);
    const who = { downstream_peer: identity('client') };
    await made.untilLogged('echo-west', { path: '/seen', ...who });
    await made.untilLogged('echo-west', { upstream_cluster: 'inbound|9000||', ...who });
    await made.untilLogged('client-east', { path: '/seen', upstream_peer: identity('echo') });
    await made.untilLogged('west-gateway', {
      requested_server_name: `outbound_.9000_._.${host}`,
      downstream_peer: null,
      upstream_peer: null,
    });
  });

  it('policies hold by who calls, whatever network he calls from', async () => {
    await made.apply(onlyClient);
    expect(await everything(client)).toEqual([200, 0, 'ready\nhello']);
    expect(await everything(stranger)).toEqual([403, 7, '']);
    expect((await made.mesh.xebec(['delete', 'authorizationpolicy', 'only-client', '--wait'])).code).toBe(0);
  });

  it('what is near is called directly, beside what is far; when it goes, the other network takes over', async () => {
    await made.apply(deployment('echo', 'east'));
    await until('both answer', async () => (await answering(client)).join() === 'echo-east,echo-west');
    await made.apply(deployment('echo', 'east', 0));
    await until('one answers', async () => (await answering(client)).join() === 'echo-west');
  });

  it('by locality the near one is called alone, until it goes', async () => {
    await made.apply(
      `${deployment('echo', 'east')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  trafficPolicy: { outlierDetection: { consecutive5xxErrors: 1, interval: 200ms, baseEjectionTime: 60s, maxEjectionPercent: 100 } }
`,
    );
    await until('the near one answers alone', async () => (await answering(client)).join() === 'echo-east');
    await made.apply(deployment('echo', 'east', 0));
    await until('the far one answers', async () => (await answering(client)).join() === 'echo-west');
  });
});
