// The server against a real Envoy: what it does with our answers is the truth. Skipped where no Envoy is found.
import { afterEach, describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE, VIRTUAL_HOST } from './roles.ts';
import { createXdsServer, type XdsServer } from './server/server.ts';
import { type Answer, findEnvoy, freePort, get, startBackend, startEnvoy } from './testing/envoy.ts';
import {
  envoyCluster,
  envoyEndpoints,
  envoyListener,
  envoyRoutes,
  envoyVirtualHost,
  envoyWholeRoutes,
} from './testing/envoy-resources.ts';
import { createWorld, layer, onDemandView, viewOf, type World } from './testing/rig.ts';
import type { StreamEvent, StreamView } from './types.ts';

const envoyPath = findEnvoy();
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Mesh {
  readonly world: World;
  readonly port: number;
  readonly backends: ReadonlyMap<string, number>;
  readonly events: StreamEvent[];
  server: XdsServer;
  readonly xdsPort: number;
}

async function serve(world: World, view: StreamView, address: string, events: StreamEvent[]) {
  const server = createXdsServer({
    graph: world.graph,
    types: world.types,
    admission: {
      admit: (node) => ({ kind: 'admitted', client: node.id }),
      view: () => view,
      candidates: (_, asked) => [asked],
    },
    onEvent: (event) => events.push(event),
  });
  const bound = await server.bind({ address });
  if (!bound.ok) throw new Error(JSON.stringify(bound.diagnostics));
  closers.push(() => server.close());
  return { server, xdsPort: bound.value.port };
}

/** A service `NAME.test` with one endpoint. */
function addService(world: World, host: string, port: number, cluster = host): void {
  world.set(CLUSTER, envoyCluster(cluster));
  world.set(ENDPOINTS, envoyEndpoints(cluster, [port]));
  world.set(VIRTUAL_HOST, envoyVirtualHost(host, cluster));
}

async function startMesh(hosts: readonly string[], held: readonly string[] = []): Promise<Mesh> {
  const world = createWorld();
  const backends = new Map<string, number>();
  for (const host of hosts) {
    const backend = await startBackend(host);
    closers.push(() => backend.close());
    backends.set(host, backend.port);
  }
  const port = await freePort();
  world.transact(() => {
    world.set(LISTENER, envoyListener('out', port));
    world.set(ROUTE, envoyRoutes('80'));
    for (const [host, backend] of backends) addService(world, host, backend);
  });
  const events: StreamEvent[] = [];
  const view = onDemandView({ [VIRTUAL_HOST]: held });
  const { server, xdsPort } = await serve(world, view, '127.0.0.1:0', events);
  const envoy = startEnvoy(envoyPath ?? '', xdsPort, { node: 'sidecar~test' });
  closers.push(() => envoy.stop());
  await until(
    () =>
      get(port, 'none.test').then(
        (answer) => answer.status === 404,
        () => false,
      ),
    'the listener serves',
  );
  return { world, port, backends, events, server, xdsPort };
}

/** Sends requests until stopped; tells every answer that was not 200. */
function keepAsking(port: number, host: string) {
  const failures: (Answer | string)[] = [];
  let count = 0;
  let isStopped = false;
  const ask = async (): Promise<void> => {
    while (!isStopped) {
      const answer = await get(port, host).catch((error: Error) => error.message);
      count++;
      if (typeof answer === 'string' || answer.status !== 200) failures.push(answer);
    }
  };
  const run = Promise.all([ask(), ask(), ask(), ask()]);
  return {
    count: () => count,
    async stop() {
      isStopped = true;
      await run;
      return failures;
    },
  };
}

describe.skipIf(envoyPath === undefined)('with a real Envoy on demand', () => {
  it('the first request to a service finds it, a host that does not exist is a 404 at once', async () => {
    const mesh = await startMesh(['a.test', 'b.test']);
    const first = await get(mesh.port, 'a.test');
    expect(first).toMatchObject({ status: 200, body: 'a.test' });
    expect(first.ms).toBeLessThan(1_000);
    const missing = await get(mesh.port, 'missing.test');
    expect(missing.status).toBe(404);
    expect(missing.ms).toBeLessThan(1_000);
    const parallel = await Promise.all(Array.from({ length: 10 }, () => get(mesh.port, 'b.test')));
    expect(parallel.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(mesh.events.filter((event) => event.kind === 'asked').map((event) => event.name)).toEqual([
      '80/none.test',
      '80/a.test',
      '80/missing.test',
      '80/b.test',
    ]);
    await until(() => mesh.server.statuses()[0]?.types[VIRTUAL_HOST]?.isInFlight === false, 'acknowledged');
    expect(mesh.server.statuses()[0]?.types[VIRTUAL_HOST]).toMatchObject({ held: 2, available: 2 });
  });

  it('a host that appears after it was asked for is served', async () => {
    const mesh = await startMesh(['a.test']);
    expect((await get(mesh.port, 'late.test')).status).toBe(404);
    mesh.world.transact(() => addService(mesh.world, 'late.test', mesh.backends.get('a.test') ?? 0));
    await until(
      async () => (await get(mesh.port, 'late.test')).status === 200,
      'the late host is served',
      3_000,
    );
    mesh.world.transact(() => mesh.world.delete(VIRTUAL_HOST, '80/late.test'));
    await until(
      async () => (await get(mesh.port, 'late.test')).status === 404,
      'the deleted host is gone',
      3_000,
    );
    mesh.world.transact(() => addService(mesh.world, 'late.test', mesh.backends.get('a.test') ?? 0));
    await until(async () => (await get(mesh.port, 'late.test')).status === 200, 'it is served again', 3_000);
  });

  it('what it is known to use is there before the first request', async () => {
    const mesh = await startMesh(['a.test', 'b.test'], ['80/a.test']);
    expect(await get(mesh.port, 'a.test')).toMatchObject({ status: 200 });
    expect(mesh.events.filter((event) => event.kind === 'asked' && event.name === '80/a.test')).toEqual([]);
  });

  it('a cluster that is renamed and changed under load fails no request', async () => {
    const mesh = await startMesh(['a.test']);
    await get(mesh.port, 'a.test');
    const load = keepAsking(mesh.port, 'a.test');
    let before = 'a.test';
    for (let round = 0; round < 10; round++) {
      const name = `a.test-v${round}`;
      mesh.world.transact(() => {
        mesh.world.delete(CLUSTER, before);
        mesh.world.delete(ENDPOINTS, before);
        addService(mesh.world, 'a.test', mesh.backends.get('a.test') ?? 0, name);
      });
      const target = load.count() + 20;
      await until(() => load.count() >= target, 'requests go on');
      mesh.world.transact(() => mesh.world.set(CLUSTER, envoyCluster(name, 2_000 + round)));
      before = name;
    }
    const epoch = mesh.world.graph.epoch;
    await until(
      () => mesh.server.statuses()[0]?.types[CLUSTER]?.ackedEpoch === epoch,
      'the last change is acknowledged',
    );
    expect(await load.stop()).toEqual([]);
    expect(mesh.events.filter((event) => event.kind === 'rejected')).toEqual([]);
  });

  it('a restarted server changes nothing but what changed meanwhile', async () => {
    const mesh = await startMesh(['a.test', 'b.test']);
    await get(mesh.port, 'a.test');
    const load = keepAsking(mesh.port, 'a.test');
    await mesh.server.close();
    const world = createWorld();
    world.transact(() => {
      world.set(LISTENER, envoyListener('out', mesh.port));
      world.set(ROUTE, envoyRoutes('80', '2'));
      for (const [host, backend] of mesh.backends) addService(world, host, backend);
    });
    const { server } = await serve(world, onDemandView(), `127.0.0.1:${mesh.xdsPort}`, mesh.events);
    await until(() => server.statuses()[0]?.types[VIRTUAL_HOST] !== undefined, 'reconnected', 15_000);
    await until(() => server.statuses()[0]?.types[VIRTUAL_HOST]?.isInFlight === false, 'settled');
    expect(await get(mesh.port, 'b.test')).toMatchObject({ status: 200 });
    expect(await load.stop()).toEqual([]);
    // The route configuration changed, so its hosts came again; nothing else did.
    expect(server.counters().resources).toBeLessThanOrEqual(6);
  });

  it('a host that it refuses is named, and the others go on', async () => {
    const mesh = await startMesh(['a.test', 'b.test', 'c.test']);
    for (const host of ['a.test', 'b.test']) await get(mesh.port, host);
    mesh.world.transact(() => {
      mesh.world.set(VIRTUAL_HOST, envoyVirtualHost('a.test', 'a.test', ['a.test', 'a.test']));
      mesh.world.set(VIRTUAL_HOST, envoyVirtualHost('b.test', 'c.test'));
      mesh.world.set(CLUSTER, envoyCluster('c.test', 3_000));
    });
    await until(() => mesh.events.some((event) => event.kind === 'rejected'), 'refused');
    const rejected = mesh.events.filter((event) => event.kind === 'rejected');
    expect(rejected[0]?.resources).toMatchObject([{ name: '80/a.test', causes: ['Test/80/a.test'] }]);
    await until(async () => (await get(mesh.port, 'b.test')).body === 'c.test', 'the other host changed');
    expect(await get(mesh.port, 'a.test')).toMatchObject({ status: 200, body: 'a.test' });
    expect(mesh.server.statuses()[0]?.types[VIRTUAL_HOST]?.rejection?.resources[0]?.name).toBe('80/a.test');
    mesh.world.transact(() => mesh.world.set(VIRTUAL_HOST, envoyVirtualHost('a.test', 'c.test')));
    await until(async () => (await get(mesh.port, 'a.test')).body === 'c.test', 'the repaired host is taken');
    await until(() => mesh.server.statuses()[0]?.types[VIRTUAL_HOST]?.rejection === undefined, 'forgotten');
    expect(mesh.events.filter((event) => event.kind === 'rejected')).toHaveLength(1);
  });
});

describe.skipIf(envoyPath === undefined)('with a real Envoy that gets everything', () => {
  it.each(['DELTA_GRPC', 'GRPC'] as const)(
    'a cluster renamed under load fails no request (%s)',
    async (api) => {
      const backend = await startBackend('ok');
      closers.push(() => backend.close());
      const world = createWorld();
      const port = await freePort();
      const rename = (before: string | undefined, after: string): void => {
        world.transact(() => {
          if (before !== undefined) {
            world.delete(CLUSTER, before);
            world.delete(ENDPOINTS, before);
          }
          world.set(CLUSTER, envoyCluster(after));
          world.set(ENDPOINTS, envoyEndpoints(after, [backend.port]));
          world.set(ROUTE, envoyWholeRoutes('80', 'a.test', after));
        });
      };
      world.transact(() => world.set(LISTENER, envoyListener('out', port)));
      rename(undefined, 'v0');
      const events: StreamEvent[] = [];
      const { server, xdsPort } = await serve(world, viewOf([layer('*')]), '127.0.0.1:0', events);
      const envoy = startEnvoy(envoyPath ?? '', xdsPort, { node: 'router~test', api });
      closers.push(() => envoy.stop());
      const isServing = (): Promise<boolean> =>
        get(port, 'a.test').then(
          ({ status }) => status === 200,
          () => false,
        );
      await until(isServing, 'the listener serves');
      const load = keepAsking(port, 'a.test');
      for (let round = 1; round <= 10; round++) {
        rename(`v${round - 1}`, `v${round}`);
        const target = load.count() + 20;
        await until(() => load.count() >= target, 'requests go on');
        world.transact(() => world.set(CLUSTER, envoyCluster(`v${round}`, 2_000 + round)));
      }
      const { epoch } = world.graph;
      await until(
        () => server.statuses()[0]?.types[CLUSTER]?.ackedEpoch === epoch,
        'the last change is acknowledged',
      );
      await until(() => server.statuses()[0]?.types[CLUSTER]?.held === 1, 'old clusters are gone');
      expect(await load.stop()).toEqual([]);
      expect(events.filter((event) => event.kind === 'rejected')).toEqual([]);
      expect(server.statuses()[0]?.protocol).toBe(api === 'GRPC' ? 'state-of-the-world' : 'delta');
    },
  );
});
