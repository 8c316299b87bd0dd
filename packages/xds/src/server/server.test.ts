// The server over real sockets: both protocols, who gets in, limits, slow readers.

import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { XdsServerOptions } from '../options.ts';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import { createTestClient } from '../testing/grpc-client.ts';
import { reference, testCluster, testResource, testRouter } from '../testing/resources.ts';
import { createWorld, layer, viewOf, type World } from '../testing/rig.ts';
import { openSilentClient } from '../testing/silent-client.ts';
import type { StreamEvent } from '../types.ts';
import { createXdsServer, type XdsServer } from './server.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(world: World, options: Partial<XdsServerOptions> = {}) {
  const events: StreamEvent[] = [];
  const server: XdsServer = createXdsServer({
    graph: world.graph,
    types: world.types,
    admission: {
      admit: (node) =>
        node.id.startsWith('stranger')
          ? { kind: 'refused', code: 'permission-denied', message: 'not this one' }
          : { kind: 'admitted', client: node.id },
      view: () => viewOf([layer('*')]),
      candidates: (_, asked) => [asked],
    },
    onEvent: (event) => events.push(event),
    ...options,
  });
  const bound = await server.bind({ address: '127.0.0.1:0' });
  if (!bound.ok) throw new Error(JSON.stringify(bound.diagnostics));
  const client = createTestClient(bound.value.port);
  closers.push(
    () => server.close(),
    () => client.close(),
  );
  return { server, client, events, port: bound.value.port };
}

function smallWorld(): World {
  const world = createWorld();
  world.transact(() => {
    for (const name of ['a', 'b']) {
      world.set(CLUSTER, testCluster(name));
      world.set(ENDPOINTS, testResource(name, '1'));
    }
    world.set(LISTENER, testResource('l', '1', { needs: [reference(ROUTE, 'r')] }));
    world.set(ROUTE, testRouter('r', '1', ['a']));
  });
  return world;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a delta stream', () => {
  it('gets everything once, then only what changed', async () => {
    const world = smallWorld();
    const { client, server } = await serve(world);
    const stream = client.delta('sidecar~a');
    stream.send({ typeUrl: CLUSTER });
    const first = await stream.next();
    expect(first.resources.map((resource) => resource.name)).toEqual(['a', 'b']);
    expect(first.resources[0]?.resource?.typeUrl).toBe(CLUSTER);
    stream.acknowledge(first);
    stream.send({ typeUrl: ENDPOINTS, resourceNamesSubscribe: ['a', 'b'] });
    stream.acknowledge(await stream.next());
    world.transact(() => world.set(ENDPOINTS, testResource('b', '2')));
    const second = await stream.next();
    expect(second.typeUrl).toBe(ENDPOINTS);
    expect(second.resources.map((resource) => resource.name)).toEqual(['b']);
    stream.acknowledge(second);
    await until(() => server.statuses()[0]?.types[ENDPOINTS]?.isInFlight === false, 'acknowledged');
    expect(server.statuses()[0]).toMatchObject({
      client: 'sidecar~a',
      protocol: 'delta',
      types: {
        [CLUSTER]: { subscription: 'wildcard', held: 2, available: 2, ackedEpoch: 2 },
        [ENDPOINTS]: { subscription: 'named', held: 2, available: 2, ackedEpoch: 2 },
      },
    });
  });

  it('is told nothing of what it names correctly on reconnect, and what is gone', async () => {
    const world = smallWorld();
    const { client } = await serve(world, { limits: { gateMs: 50 } });
    const hash = testCluster('a').hash;
    const stream = client.delta('sidecar~a');
    stream.send({ typeUrl: CLUSTER, initialResourceVersions: { a: hash, b: 'old', gone: 'x' } });
    const first = await stream.next();
    expect(first.resources.map((resource) => resource.name)).toEqual(['b']);
    expect(first.removedResources).toEqual([]);
    stream.acknowledge(first);
    const second = await stream.next();
    expect(second.removedResources).toEqual(['gone']);
  });

  it('is ended with a reason for what it must not send', async () => {
    const { client } = await serve(smallWorld(), { limits: { namesPerRequest: 2, nodeBytes: 64 } });
    const cases = [
      {
        send: (s: ReturnType<typeof client.delta>) => s.sendRaw(Buffer.from([0xff, 0xff])),
        details: 'not a discovery request',
      },
      {
        send: (s: ReturnType<typeof client.delta>) => s.send({ typeUrl: CLUSTER, node: { id: '' } }),
        details: 'node with an id',
      },
      {
        send: (s: ReturnType<typeof client.delta>) =>
          s.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ['a\nb'] }),
        details: 'control characters',
      },
      {
        send: (s: ReturnType<typeof client.delta>) =>
          s.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ['a', 'b', 'c'] }),
        details: 'more than 2 names',
      },
      {
        send: (s: ReturnType<typeof client.delta>) =>
          s.send({ typeUrl: CLUSTER, node: { id: 'x', metadata: { big: 'x'.repeat(100) } } }),
        details: 'node metadata is larger',
      },
    ];
    for (const { send, details } of cases) {
      const stream = client.delta('sidecar~a');
      send(stream);
      const error = await stream.error();
      expect(error.code).toBe(status.INVALID_ARGUMENT);
      expect(error.details).toContain(details);
    }
  });

  it('is refused when admission says so, and when the node changes', async () => {
    const { client } = await serve(smallWorld());
    const stranger = client.delta('stranger');
    stranger.send({ typeUrl: CLUSTER });
    expect(await stranger.error()).toMatchObject({ code: status.PERMISSION_DENIED, details: 'not this one' });
    const changing = client.delta('sidecar~a');
    changing.send({ typeUrl: CLUSTER });
    await changing.next();
    changing.send({ typeUrl: CLUSTER, node: { id: 'sidecar~b' } });
    expect(await changing.error()).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('may ask for an unknown type without effect on the others', async () => {
    const { client, events } = await serve(smallWorld());
    const stream = client.delta('sidecar~a');
    stream.send({ typeUrl: 'type.googleapis.com/none.such' });
    stream.send({ typeUrl: CLUSTER });
    expect((await stream.next()).typeUrl).toBe(CLUSTER);
    expect(events.find((event) => event.kind === 'ignored')).toMatchObject({
      typeUrl: 'type.googleapis.com/none.such',
    });
  });

  it('does not get more streams than a client may have', async () => {
    const { client } = await serve(smallWorld(), { limits: { streamsPerClient: 1 } });
    const first = client.delta('sidecar~a');
    first.send({ typeUrl: CLUSTER });
    await first.next();
    const second = client.delta('sidecar~a');
    second.send({ typeUrl: CLUSTER });
    expect(await second.error()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('a state-of-the-world stream', () => {
  it('gets whole sets of clusters and listeners and the named rest', async () => {
    const world = smallWorld();
    const { client } = await serve(world);
    const stream = client.state('sidecar~a');
    stream.send({ typeUrl: CLUSTER });
    const clusters = await stream.next();
    expect(clusters.resources).toHaveLength(2);
    stream.send({ typeUrl: CLUSTER, versionInfo: clusters.versionInfo, responseNonce: clusters.nonce });
    stream.send({ typeUrl: ROUTE, resourceNames: ['r'] });
    const routes = await stream.next();
    expect(routes.typeUrl).toBe(ROUTE);
    stream.send({
      typeUrl: ROUTE,
      resourceNames: ['r'],
      versionInfo: routes.versionInfo,
      responseNonce: routes.nonce,
    });
    world.transact(() => world.set(CLUSTER, testCluster('c')));
    const more = await stream.next();
    expect(more.resources).toHaveLength(3);
    expect(more.versionInfo).not.toBe(clusters.versionInfo);
  });
});

describe('[RELIABILITY F09] a client that reads nothing', () => {
  it('costs a bounded amount, does not delay others, and is cut', async () => {
    const world = createWorld();
    const big = 'x'.repeat(100_000);
    world.transact(() => {
      for (let i = 0; i < 100; i++) world.set(CLUSTER, testCluster(`c${i}`, `${big}${i}`));
    });
    const { client, server, events, port } = await serve(world, {
      limits: { sendTimeoutMs: 2_000, unsentBytes: 1_000_000 },
    });
    closers.push(openSilentClient(port, 'slow', CLUSTER));
    await until(() => server.statuses().length === 1, 'connected');
    const quick = client.delta('quick');
    quick.send({ typeUrl: CLUSTER });
    let received = 0;
    while (received < 100) {
      const response = await quick.next();
      received += response.resources.length;
      quick.acknowledge(response);
    }
    expect(server.counters().bytes).toBeLessThan(14_000_000);
    await until(
      () => events.some((event) => event.kind === 'disconnected' && event.client === 'slow'),
      'cut',
    );
    expect(server.statuses().map((stream) => stream.client)).toEqual(['quick']);
  });
});

describe('a rush of connections', () => {
  it('is served in turn, whatever the clients have said meanwhile', async () => {
    const { port } = await serve(smallWorld(), { limits: { connectionBurst: 1, connectionsPerSecond: 50 } });
    const answers = Array.from({ length: 10 }, (_, i) => {
      const client = createTestClient(port);
      closers.push(() => client.close());
      const stream = client.delta(`sidecar~${i}`);
      stream.send({ typeUrl: CLUSTER });
      return stream.next();
    });
    expect((await Promise.all(answers)).map(({ resources }) => resources.length)).toEqual(Array(10).fill(2));
  });

  it('of requests on one stream ends that stream', async () => {
    const { client } = await serve(smallWorld(), { limits: { requestBurst: 5, requestsPerSecond: 1 } });
    const stream = client.delta('sidecar~a');
    for (let i = 0; i < 7; i++) stream.send({ typeUrl: CLUSTER, resourceNamesSubscribe: [`c${i}`] });
    expect(await stream.error()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('bind', () => {
  it('refuses plaintext off loopback, bad addresses and used ports', async () => {
    const { server, port } = await serve(smallWorld());
    const codes = [];
    for (const address of ['0.0.0.0:0', 'localhost:1', `127.0.0.1:${port}`]) {
      const bound = await server.bind({ address });
      codes.push(bound.ok ? 'ok' : bound.diagnostics[0]?.code);
    }
    expect(codes).toEqual(['plaintext-not-local', 'invalid-address', 'cannot-listen']);
  });
});
