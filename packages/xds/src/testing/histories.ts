// Random histories of a small mesh in which every transaction leaves routes and clusters consistent.
import fc from 'fast-check';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import { BAD } from './model-client.ts';
import { reference, testCluster, testResource, testRouter } from './resources.ts';
import { createWorld, type World } from './rig.ts';

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
export type Step =
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

export const steps = (isBadPossible: boolean): fc.Arbitrary<Step[]> =>
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

/** A mesh and what its routes name. */
export interface History {
  readonly world: World;
  readonly wanted: Map<string, readonly string[]>;
}

export function applyStep({ world, wanted }: History, step: Step): void {
  if (step.kind === 'change') applyChange(world, wanted, step);
  if (step.kind === 'endpoints' && world.has(ENDPOINTS, step.cluster)) {
    world.transact(() => world.set(ENDPOINTS, testResource(step.cluster, String(step.content))));
  }
}

export function startHistory(largeLayer: number): History {
  const world = createWorld(largeLayer);
  world.transact(() => {
    const routes = routeNames.map((name) => reference(ROUTE, name));
    world.set(LISTENER, testResource('l0', '1', { needs: routes }));
    world.set(ROUTE, testRouter('r0', '0', ['c0']));
    world.set(CLUSTER, testCluster('c0', '0'));
    world.set(ENDPOINTS, testResource('c0', '0'));
  });
  return { world, wanted: new Map([['*|r0', ['c0']]]) };
}

/** What a client with these layers must have in the end, by name. */
export function truth(world: World, typeUrl: string, seenLayers: readonly string[]): Map<string, string> {
  const type = world.types.find((candidate) => candidate.typeUrl === typeUrl);
  const seen = new Map<string, string>();
  for (const inLayer of seenLayers) {
    for (const [key, resource] of type?.resources.entries() ?? []) {
      if (key.startsWith(`${inLayer}|`) && !seen.has(resource.name)) seen.set(resource.name, resource.hash);
    }
  }
  return seen;
}
