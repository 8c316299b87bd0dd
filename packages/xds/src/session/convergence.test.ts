// Random histories: a client ends with exactly what is true, and no route is ever without its cluster.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import { BAD, createModelClient } from '../testing/model-client.ts';
import { reference, testCluster, testResource, testRouter } from '../testing/resources.ts';
import {
  createRig,
  createWorld,
  layer,
  type Rig,
  type RigOptions,
  viewOf,
  type World,
} from '../testing/rig.ts';

const layers = ['*', 'ns:a'];
const clusterNames = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];
const routeNames = ['r0', 'r1', 'r2'];

interface RouteChange {
  readonly route: string;
  readonly layer: string;
  readonly clusters: readonly string[];
  readonly content: number;
  readonly isGone: boolean;
}
interface ClusterChange {
  readonly cluster: string;
  readonly content: string;
}
type Step =
  | {
      readonly kind: 'change';
      readonly routes: readonly RouteChange[];
      readonly clusters: readonly ClusterChange[];
    }
  | { readonly kind: 'deliver' }
  | { readonly kind: 'endpoints'; readonly cluster: string; readonly content: number }
  | { readonly kind: 'block'; readonly isReady: boolean }
  | { readonly kind: 'reconnect' };

const content = (isBadPossible: boolean): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(5), fc.nat(6)).map(([n, bad]) => `${n}${isBadPossible && bad === 0 ? BAD : ''}`);

const change = (isBadPossible: boolean): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constant('change' as const),
    routes: fc.array(
      fc.record({
        route: fc.constantFrom(...routeNames),
        layer: fc.constantFrom(...layers),
        clusters: fc.uniqueArray(fc.constantFrom(...clusterNames), { minLength: 1, maxLength: 2 }),
        content: fc.nat(3),
        isGone: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    clusters: fc.array(
      fc.record({ cluster: fc.constantFrom(...clusterNames), content: content(isBadPossible) }),
      { maxLength: 2 },
    ),
  });

const steps = (isBadPossible: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: change(isBadPossible) },
      { weight: 6, arbitrary: fc.constant<Step>({ kind: 'deliver' }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('endpoints' as const),
          cluster: fc.constantFrom(...clusterNames),
          content: fc.nat(9),
        }),
      },
      { weight: 1, arbitrary: fc.boolean().map((isReady): Step => ({ kind: 'block', isReady })) },
      { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reconnect' }) },
    ),
    { maxLength: 40 },
  );

/** Routes keep what they name; clusters that nothing names any more go in the same transaction. */
function applyChange(
  world: World,
  wanted: Map<string, readonly string[]>,
  step: Step & { kind: 'change' },
): void {
  world.transact(() => {
    for (const { route, layer: inLayer, clusters, content: version, isGone } of step.routes) {
      const key = `${inLayer}|${route}`;
      if (isGone && inLayer !== '*') {
        if (wanted.delete(key)) world.delete(ROUTE, route, inLayer);
        continue;
      }
      wanted.set(key, clusters);
      world.set(ROUTE, testRouter(route, String(version), clusters), inLayer);
    }
    for (const { cluster, content: version } of step.clusters) {
      if (world.has(CLUSTER, cluster)) world.set(CLUSTER, testCluster(cluster, version));
    }
    const used = new Set([...wanted.values()].flat());
    for (const name of clusterNames) {
      if (used.has(name) && !world.has(CLUSTER, name)) {
        world.set(CLUSTER, testCluster(name, '0'));
        world.set(ENDPOINTS, testResource(name, '0'));
      } else if (!used.has(name) && world.has(CLUSTER, name)) {
        world.delete(CLUSTER, name);
        world.delete(ENDPOINTS, name);
      }
    }
  });
}

function startWorld(largeLayer: number): World {
  const world = createWorld(largeLayer);
  world.transact(() => {
    const routes = routeNames.map((name) => reference(ROUTE, name));
    world.set(LISTENER, testResource('l0', '1', { needs: routes }));
    world.set(ROUTE, testRouter('r0', '0', ['c0']));
    world.set(CLUSTER, testCluster('c0', '0'));
    world.set(ENDPOINTS, testResource('c0', '0'));
  });
  return world;
}

interface Run {
  readonly world: World;
  readonly client: ReturnType<typeof createModelClient>;
  rig: Rig;
  inbox: ReturnType<Rig['taken']>;
}

function deliver(run: Run): void {
  run.inbox = [...run.inbox, ...run.rig.taken()];
  const [first, ...rest] = run.inbox;
  run.inbox = rest;
  if (first !== undefined) run.client.take(run.rig, first);
}

function play(history: readonly Step[], options: RigOptions & { readonly largeLayer?: number }): Run {
  const world = startWorld(options.largeLayer ?? 32);
  const wanted = new Map<string, readonly string[]>([['*|r0', ['c0']]]);
  const run: Run = { world, client: createModelClient(), rig: createRig(world, options), inbox: [] };
  run.client.connect(run.rig);
  for (const step of history) {
    if (step.kind === 'change') applyChange(world, wanted, step);
    if (step.kind === 'endpoints' && world.has(ENDPOINTS, step.cluster)) {
      world.transact(() => world.set(ENDPOINTS, testResource(step.cluster, String(step.content))));
    }
    if (step.kind === 'block') run.rig.socket.isReady = step.isReady;
    if (step.kind === 'deliver') deliver(run);
    if (step.kind === 'reconnect') {
      run.rig = createRig(world, options);
      run.inbox = [];
      run.client.connect(run.rig);
    }
    run.rig.pump();
  }
  settle(run);
  return run;
}

function settle(run: Run): void {
  run.rig.socket.isReady = true;
  for (let round = 0; round < 2_000; round++) {
    deliver(run);
    if (run.inbox.length > 0) continue;
    run.inbox = [...run.rig.taken()];
    if (run.inbox.length > 0) continue;
    // Only what waits for time is left: the first seconds after a reconnect.
    if (run.rig.retryAtMs() === undefined) return;
    run.rig.clock.nowMs = run.rig.retryAtMs() ?? 0;
  }
  throw new Error('does not settle');
}

function truth(world: World, typeUrl: string, seenLayers: readonly string[]): Map<string, string> {
  const type = world.types.find((candidate) => candidate.typeUrl === typeUrl);
  const seen = new Map<string, string>();
  for (const inLayer of seenLayers) {
    for (const [key, resource] of type?.resources.entries() ?? []) {
      if (key.startsWith(`${inLayer}|`) && !seen.has(resource.name)) seen.set(resource.name, resource.hash);
    }
  }
  return seen;
}

const heldBy = (run: Run, typeUrl: string): Map<string, string> =>
  new Map([...run.client.held(typeUrl)].map(([name, { version }]) => [name, version]));

/** With every layer taken as large, all work that can be shared is. */
const layered = { view: viewOf([layer('ns:a'), layer('*')]) };
const shared = { ...layered, largeLayer: 1 };

describe('a delta session', () => {
  it('ends with exactly what is true and never breaks a route', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, layered);
        for (const typeUrl of [CLUSTER, LISTENER, ENDPOINTS, ROUTE]) {
          const expected = truth(run.world, typeUrl, ['ns:a', '*']);
          expect(heldBy(run, typeUrl)).toEqual(expected);
        }
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('does so too with responses that streams share', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, shared);
        for (const typeUrl of [CLUSTER, LISTENER, ENDPOINTS, ROUTE]) {
          expect(heldBy(run, typeUrl)).toEqual(truth(run.world, typeUrl, ['ns:a', '*']));
        }
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gets every good resource in, whatever the client refuses', () => {
    fc.assert(
      fc.property(steps(true), (history) => {
        const run = play(history, shared);
        for (const [name, hash] of truth(run.world, CLUSTER, ['*'])) {
          const resource = run.world.types[0]?.resources.get(`*|${name}`);
          const isBad = Buffer.concat([...(resource?.chunks ?? [])]).includes(BAD);
          if (!isBad) expect(heldBy(run, CLUSTER).get(name)).toBe(hash);
        }
        expect(heldBy(run, ROUTE)).toEqual(truth(run.world, ROUTE, ['ns:a', '*']));
      }),
      { numRuns: 500 },
    );
  });

  it('sends parts of a response that is too large, and still the same set', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, { ...layered, limits: { responseBytes: 200 } });
        expect(heldBy(run, CLUSTER)).toEqual(truth(run.world, CLUSTER, ['*']));
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
