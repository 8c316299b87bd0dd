// @grpc/grpc-js-xds, a client of xDS that we did not write, over its own protocol (state of the world).
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../feature/support/control-plane.ts';
import { documents, pod, subsets } from '../feature/support/documents.ts';
import { startGreeter } from './support/greeter.ts';
import { type ProxylessClient, startProxylessClient } from './support/proxyless-client.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const target = 'xds:///greeter.default.svc.cluster.local:50051';

const service = (port: number): string => `
apiVersion: v1
kind: Service
metadata: { name: greeter }
spec:
  clusterIP: 10.96.0.50
  selector: { app: greeter }
  ports: [{ name: grpc, port: 50051, targetPort: ${port} }]
`;

const routes = (rules: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
${rules}
`;

const shares = (v1: number, v2: number): string =>
  routes(`
    - route:
        - { destination: { host: greeter, subset: v1 }, weight: ${v1} }
        - { destination: { host: greeter, subset: v2 }, weight: ${v2} }
`);

interface Mesh {
  readonly plane: TestControlPlane;
  readonly client: ProxylessClient;
  readonly port: number;
}

/** Two versions, each on an address of its own. */
async function start(...more: readonly string[]): Promise<Mesh> {
  const one = await startGreeter('one', '127.0.8.1');
  closers.push(() => one.close());
  const two = await startGreeter('two', '127.0.8.2', one.port);
  closers.push(() => two.close());
  const plane = await startControlPlane();
  closers.push(() => plane.close());
  await plane.apply(documents(service(one.port), subsets('greeter', 'v1', 'v2'), ...more));
  await plane.putPod(pod('greeter', 'v1', '127.0.8.1'));
  await plane.putPod(pod('greeter', 'v2', '127.0.8.2'));
  const client = startProxylessClient(plane.port);
  closers.push(() => client.close());
  return { plane, client, port: one.port };
}

/** Who answered, in order of name; a failed call is an answer of its own. */
const answering = async (client: ProxylessClient, all = new Set<string>()): Promise<readonly string[]> => {
  const answers = Object.keys(await client.call(target, { count: 20 })).sort();
  for (const answer of answers) all.add(answer);
  return answers;
};

describe('a proxyless gRPC client', () => {
  it('[MG-7] finds a service and spreads its calls over its endpoints', async () => {
    const { client, plane } = await start();
    const counts = await client.call(target, { count: 20 });
    expect(Object.keys(counts).sort()).toEqual(['one', 'two']);
    expect(Math.abs((counts['one'] ?? 0) - 10)).toBeLessThan(3);
    const [stream] = await plane
      .ask<{ items: readonly { protocol: string }[] }>('GET', '/v1/proxies')
      .then(({ items }) => items);
    expect(stream?.protocol).toBe('state-of-the-world');
  });

  it('[MG-7] follows endpoints that come and go', async () => {
    const { client, plane, port } = await start();
    expect(await answering(client)).toEqual(['one', 'two']);
    await plane.ask('DELETE', `/v1/runtime/${encodeURIComponent('Pod/default/greeter-v1')}`);
    await eventually('one is left', async () => (await answering(client)).join() === 'two');
    const three = await startGreeter('three', '127.0.8.3', port);
    closers.push(() => three.close());
    await plane.putPod(pod('greeter', 'v3', '127.0.8.3'));
    await eventually('a third is found', async () => (await answering(client)).join() === 'three,two');
  });

  it('[MG-7] follows the shares of a route without a failed call', async () => {
    const { client, plane } = await start(shares(100, 0));
    expect(await answering(client)).toEqual(['one']);
    await plane.apply(shares(50, 50));
    const all = new Set<string>();
    await eventually('both get their share', async () => (await answering(client, all)).join() === 'one,two');
    const counts = await client.call(target, { count: 400 });
    expect(Object.keys(counts).sort()).toEqual(['one', 'two']);
    expect(Math.abs((counts['one'] ?? 0) - 200)).toBeLessThan(80);
    await plane.apply(shares(0, 100));
    await eventually('all has moved', async () => (await answering(client, all)).join() === 'two');
    expect([...all].sort()).toEqual(['one', 'two']);
  });

  it('[MG-7] goes by headers and methods, gives up after the timeout, and fails as it is told to', async () => {
    const { client } = await start(
      routes(`
    - match: [{ headers: { x-version: { exact: two } } }]
      route: [{ destination: { host: greeter, subset: v2 } }]
    - match: [{ headers: { x-fault: {} } }]
      corsPolicy: { allowOrigins: [{ exact: https://a.example }] }
      fault: { abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }
      route: [{ destination: { host: greeter, subset: v1 } }]
    - match: [{ headers: { x-slow: {} } }]
      timeout: 200ms
      retries: { attempts: 0 }
      route: [{ destination: { host: greeter, subset: v1 } }]
    - match: [{ uri: { exact: /greeter.Greeter/Hello } }]
      route: [{ destination: { host: greeter, subset: v1 } }]
`),
    );
    expect(await client.call(target, { count: 5 })).toEqual({ one: 5 });
    expect(await client.call(target, { count: 5, headers: { 'x-version': 'two' } })).toEqual({ two: 5 });
    const [failure] = Object.keys(await client.call(target, { headers: { 'x-fault': '1' } }));
    expect(failure).toMatch(/^8 /);
    const slow = await client.call(target, {
      headers: { 'x-slow': '1' },
      request: 'wait',
      deadlineMs: 5_000,
    });
    expect(Object.keys(slow)[0]).toMatch(/^4 /);
  });

  it('[MG-7] fails a call as a proxy would that answers by itself', async () => {
    const { client, plane } = await start(shares(100, 0));
    expect(await answering(client)).toEqual(['one']);
    await plane.apply(
      routes(`
    - match: [{ headers: { x-moved: {} } }]
      redirect: { authority: other.example }
    - directResponse: { status: 403 }
`),
    );
    await eventually('calls are forbidden', async () => (await codeOf(client)) === '7');
    expect(await codeOf(client, { 'x-moved': '1' })).toBe('2');
    await plane.apply(shares(0, 100));
    await eventually('and work again', async () => (await answering(client)).join() === 'two');
  });
});

/** The status code of a call that fails. */
async function codeOf(client: ProxylessClient, headers = {}): Promise<string | undefined> {
  const [answer = ''] = Object.keys(await client.call(target, { headers }));
  return /^(\d+) /.exec(answer)?.[1];
}
