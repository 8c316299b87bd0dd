// Random histories of an on-demand client: what it asked for it has, as it is now, and never without its cluster.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE, VIRTUAL_HOST } from '../roles.ts';
import { readBody, reference, testCluster, testResource, testRouter } from '../testing/resources.ts';
import { createRig, createWorld, onDemandView, type Rig, readDelta, type World } from '../testing/rig.ts';
import { ABSENT_VERSION } from '../wire/delta-response.ts';
import type { Outgoing } from './state.ts';

const hosts = ['h0', 'h1', 'h2', 'h3'];
type Step =
  | { readonly kind: 'host'; readonly host: string; readonly clusters: number; readonly content: number }
  | { readonly kind: 'delete'; readonly host: string }
  | { readonly kind: 'routes'; readonly content: number }
  | { readonly kind: 'ask'; readonly host: string }
  | { readonly kind: 'deliver' }
  | { readonly kind: 'reconnect' };

const host = fc.constantFrom(...hosts);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('host' as const),
        host,
        clusters: fc.nat(2),
        content: fc.nat(3),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), host }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('routes' as const), content: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), host }) },
    { weight: 8, arbitrary: fc.constant<Step>({ kind: 'deliver' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reconnect' }) },
  ),
  { maxLength: 50 },
);

/** A host with its cluster of that generation; the cluster of another generation goes in the same transaction. */
function setHost(world: World, step: Step & { kind: 'host' }): void {
  world.transact(() => {
    for (let generation = 0; generation <= 2; generation++) {
      const cluster = `${step.host}-${generation}`;
      if (generation === step.clusters) {
        world.set(CLUSTER, testCluster(cluster, String(step.content)));
        world.set(ENDPOINTS, testResource(cluster, '1'));
      } else if (world.has(CLUSTER, cluster)) {
        world.delete(CLUSTER, cluster);
        world.delete(ENDPOINTS, cluster);
      }
    }
    world.set(
      VIRTUAL_HOST,
      testRouter(`80/${step.host}`, String(step.content), [`${step.host}-${step.clusters}`]),
    );
  });
}

function deleteHost(world: World, name: string): void {
  world.transact(() => {
    if (world.has(VIRTUAL_HOST, `80/${name}`)) world.delete(VIRTUAL_HOST, `80/${name}`);
    for (let generation = 0; generation <= 2; generation++) {
      const cluster = `${name}-${generation}`;
      if (!world.has(CLUSTER, cluster)) continue;
      world.delete(CLUSTER, cluster);
      world.delete(ENDPOINTS, cluster);
    }
  });
}

interface Held {
  readonly version: string;
  readonly clusters: readonly string[];
}

/** What Envoy does with virtual hosts: those of a route configuration it does not have are dropped. */
function createClient() {
  const held = new Map<string, Map<string, Held>>();
  const asked = new Set<string>();
  const broken: string[] = [];
  const of = (typeUrl: string): Map<string, Held> => {
    const found = held.get(typeUrl) ?? new Map<string, Held>();
    held.set(typeUrl, found);
    return found;
  };
  const knownOf = (typeUrl: string): Map<string, string> =>
    new Map([...of(typeUrl)].map(([name, { version }]) => [name, version]));
  let isSubscribed = false;
  return {
    held: of,
    asked,
    broken,
    connect(rig: Rig): void {
      rig.delta(CLUSTER, { known: knownOf(CLUSTER) });
      rig.delta(LISTENER, { known: knownOf(LISTENER) });
      if (of(LISTENER).size > 0) rig.delta(ROUTE, { subscribe: ['80'], known: knownOf(ROUTE) });
      if (of(ROUTE).size > 0) rig.delta(VIRTUAL_HOST, { known: knownOf(VIRTUAL_HOST) });
      isSubscribed = of(ROUTE).size > 0;
    },
    ask(rig: Rig, name: string): void {
      if (!isSubscribed || of(VIRTUAL_HOST).has(`80/${name}`)) return;
      asked.add(name);
      rig.delta(VIRTUAL_HOST, { subscribe: [`80/${name}`] });
    },
    take(rig: Rig, response: Outgoing): void {
      const message = readDelta(response);
      const { typeUrl } = response;
      for (const { name, version, resource } of message.resources) {
        const body = resource === undefined || typeUrl === ENDPOINTS ? undefined : readBody(resource.value);
        const clusters = (body?.needs ?? [])
          .filter((need) => need.typeUrl === CLUSTER)
          .map((need) => need.name);
        if (typeUrl === ROUTE) of(VIRTUAL_HOST).clear();
        of(typeUrl).set(name, { version, clusters });
      }
      for (const name of message.removedResources) of(typeUrl).delete(name);
      for (const [name, { clusters }] of of(VIRTUAL_HOST)) {
        for (const cluster of clusters)
          if (!of(CLUSTER).has(cluster)) broken.push(`${name} without ${cluster}`);
      }
      rig.delta(typeUrl, { nonce: response.nonce });
      if (typeUrl === LISTENER && of(ROUTE).size === 0) rig.delta(ROUTE, { subscribe: ['80'] });
      if (typeUrl === ROUTE && !isSubscribed) {
        isSubscribed = true;
        rig.delta(VIRTUAL_HOST);
      }
    },
  };
}

function startWorld(): World {
  const world = createWorld();
  world.transact(() => {
    world.set(LISTENER, testResource('out', '1', { needs: [reference(ROUTE, '80')] }));
    world.set(ROUTE, testResource('80', '0'));
  });
  setHost(world, { kind: 'host', host: 'h0', clusters: 0, content: 0 });
  return world;
}

function play(history: readonly Step[]) {
  const world = startWorld();
  const client = createClient();
  const view = () => onDemandView({ [VIRTUAL_HOST]: [...client.asked].map((name) => `80/${name}`) });
  let rig = createRig(world, { view: view() });
  let inbox: readonly Outgoing[] = [];
  const deliver = (): void => {
    inbox = [...inbox, ...rig.taken()];
    const [first, ...rest] = inbox;
    inbox = rest;
    if (first !== undefined) client.take(rig, first);
  };
  client.connect(rig);
  for (const step of history) {
    if (step.kind === 'host') setHost(world, step);
    if (step.kind === 'delete') deleteHost(world, step.host);
    if (step.kind === 'routes')
      world.transact(() => world.set(ROUTE, testResource('80', String(step.content))));
    if (step.kind === 'ask') client.ask(rig, step.host);
    if (step.kind === 'deliver') deliver();
    if (step.kind === 'reconnect') {
      rig = createRig(world, { view: view() });
      inbox = [];
      client.connect(rig);
    }
    rig.pump();
  }
  for (let round = 0; round < 2_000; round++) {
    deliver();
    if (inbox.length > 0) continue;
    inbox = rig.taken();
    if (inbox.length > 0) continue;
    if (rig.retryAtMs() === undefined) return { world, client };
    rig.clock.nowMs = rig.retryAtMs() ?? 0;
  }
  throw new Error('does not settle');
}

describe('an on-demand client', () => {
  it('has what it asked for as it is now, and no host is ever without its cluster', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { world, client } = play(history);
        const hostsNow = world.types.find(({ typeUrl }) => typeUrl === VIRTUAL_HOST)?.resources;
        for (const name of client.asked) {
          const now = hostsNow?.get(`*|80/${name}`);
          const has = client.held(VIRTUAL_HOST).get(`80/${name}`);
          if (now === undefined) expect([undefined, ABSENT_VERSION]).toContain(has?.version);
          else expect(has?.version).toBe(now.hash);
        }
        for (const [name, { version }] of client.held(VIRTUAL_HOST)) {
          const now = hostsNow?.get(`*|${name}`);
          expect(version).toBe(now?.hash ?? ABSENT_VERSION);
        }
        const clusters = world.types.find(({ typeUrl }) => typeUrl === CLUSTER)?.resources;
        for (const [name, { version }] of client.held(CLUSTER))
          expect(version).toBe(clusters?.get(`*|${name}`)?.hash);
        expect(client.broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
