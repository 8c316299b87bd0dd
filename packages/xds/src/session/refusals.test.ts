// Refused responses: no loop, the bad one named, the good ones in, the rest goes on.
import { describe, expect, it } from 'vitest';
import { CLUSTER, LISTENER, ROUTE, VIRTUAL_HOST } from '../roles.ts';
import { BAD } from '../testing/model-client.ts';
import { readBody, testResource, testRouter } from '../testing/resources.ts';
import {
  createRig,
  createWorld,
  onDemandView,
  type Rig,
  readDelta,
  summarize,
  type World,
} from '../testing/rig.ts';

/** Refuses what contains a bad resource, takes the rest; tells what was sent. */
function settle(rig: Rig, message = 'one of them is no good'): string[] {
  const seen: string[] = [];
  for (let sent = rig.taken(); sent.length > 0; sent = rig.taken()) {
    for (const response of sent) {
      seen.push(summarize(response));
      const isBad = readDelta(response).resources.some(
        ({ resource }) => resource !== undefined && readBody(resource.value).content.includes(BAD),
      );
      rig.delta(response.typeUrl, { nonce: response.nonce, error: isBad ? message : undefined });
    }
  }
  return seen;
}

function worldOf(count: number, bad: readonly number[]): World {
  const world = createWorld();
  world.transact(() => {
    for (let i = 0; i < count; i++) world.set(CLUSTER, testResource(`c${i}`, bad.includes(i) ? BAD : '1'));
  });
  return world;
}

const rejectedNames = (rig: Rig): string[] =>
  rig.events.flatMap((event) => (event.kind === 'rejected' ? event.resources.map(({ name }) => name) : []));

describe('a refused response', () => {
  it('of a thousand resources costs few more, names the bad one, and leaves 999', () => {
    const rig = createRig(worldOf(1_000, [617]));
    rig.delta(CLUSTER);
    const seen = settle(rig);
    expect(seen.length).toBeLessThan(25);
    expect(rejectedNames(rig)).toEqual(['c617']);
    const channel = rig.session.channels.get(CLUSTER);
    expect(channel?.rejection).toMatchObject({ resources: [{ name: 'c617', causes: ['Test/c617'] }] });
    expect(settle(rig)).toEqual([]);
  });

  it('is narrowed at once when the client names the bad one', () => {
    const rig = createRig(worldOf(100, [7]));
    rig.delta(CLUSTER);
    const seen = settle(rig, 'Error adding/updating cluster(s) c7: no good');
    expect(seen).toHaveLength(3);
    expect(rejectedNames(rig)).toEqual(['c7']);
  });

  it('is sent again to a client that asks for it by name, and is forgotten when that takes it', () => {
    const rig = createRig(worldOf(3, []));
    rig.delta(CLUSTER, { subscribe: ['c1'] });
    const [first] = rig.taken();
    rig.delta(CLUSTER, { nonce: first?.nonce ?? '', error: 'not now' });
    expect(rig.taken()).toEqual([]);
    rig.delta(CLUSTER, { subscribe: ['c1'] });
    expect(settle(rig)).toEqual(['Cluster +c1']);
    expect(rig.session.channels.get(CLUSTER)?.rejection).toBeUndefined();
  });

  it('ends when the content changes, and is then forgotten', () => {
    const world = worldOf(10, [3]);
    const rig = createRig(world);
    rig.delta(CLUSTER);
    settle(rig);
    world.transact(() => world.set(CLUSTER, testResource('c4', '2')));
    expect(settle(rig)).toEqual(['Cluster +c4']);
    expect(rig.session.channels.get(CLUSTER)?.rejection).toBeDefined();
    world.transact(() => world.set(CLUSTER, testResource('c3', '2')));
    expect(settle(rig)).toEqual(['Cluster +c3']);
    expect(rig.session.channels.get(CLUSTER)?.rejection).toBeUndefined();
    expect(rig.session.channels.get(CLUSTER)?.quarantine).toBeUndefined();
  });

  it('tells all that are refused, each until its own content changes', () => {
    const world = worldOf(10, [3]);
    const rig = createRig(world);
    const told = () => rig.session.channels.get(CLUSTER)?.rejection?.resources.map(({ name }) => name);
    rig.delta(CLUSTER);
    settle(rig);
    world.transact(() => {
      world.set(CLUSTER, testResource('c5', BAD));
      world.set(CLUSTER, testResource('c6', '2'));
    });
    settle(rig);
    expect(told()).toEqual(['c5', 'c3']);
    world.transact(() => world.set(CLUSTER, testResource('c5', '2')));
    settle(rig);
    expect(told()).toEqual(['c3']);
    world.transact(() => world.set(CLUSTER, testResource('c3', '2')));
    settle(rig);
    expect(told()).toBeUndefined();
  });

  it('makes the next client get the bad one alone', () => {
    const world = worldOf(50, [20]);
    const first = createRig(world);
    first.delta(CLUSTER);
    settle(first);
    const second = createRig(world);
    second.delta(CLUSTER);
    const seen = settle(second);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe('Cluster +c20');
    expect(rejectedNames(second)).toEqual(['c20']);
  });

  it('is a bounded search even when everything is bad', () => {
    const all = Array.from({ length: 500 }, (_, i) => i);
    const rig = createRig(worldOf(500, all), { limits: { isolationProbes: 40 } });
    rig.delta(CLUSTER);
    expect(settle(rig).length).toBeLessThanOrEqual(41);
    expect(settle(rig)).toEqual([]);
  });

  it('stops no other type', () => {
    const world = worldOf(2, [0]);
    world.transact(() => world.set(LISTENER, testResource('l', '1')));
    const rig = createRig(world);
    rig.delta(CLUSTER);
    settle(rig);
    rig.delta(LISTENER);
    expect(settle(rig)).toEqual(['Listener +l']);
  });

  it('of new clusters keeps listeners waiting until the good ones are in', () => {
    const world = worldOf(64, [5]);
    world.transact(() => world.set(LISTENER, testResource('l', '1')));
    const rig = createRig(world);
    rig.delta(CLUSTER);
    rig.delta(LISTENER);
    const seen = settle(rig);
    expect(seen.at(-1)).toBe('Listener +l');
    expect(seen.filter((line) => line.startsWith('Cluster')).length).toBeGreaterThan(5);
  });

  it('tells a request that waits for a bad host that there is none', () => {
    const world = createWorld();
    world.transact(() => {
      world.set(ROUTE, testResource('80', '1'));
      world.set(VIRTUAL_HOST, testRouter('80/a.x', BAD, []));
    });
    const rig = createRig(world, { view: onDemandView() });
    rig.delta(ROUTE, { subscribe: ['80'] });
    rig.delta(VIRTUAL_HOST);
    settle(rig);
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/a.x'] });
    expect(settle(rig)).toEqual(['VirtualHost +80/a.x', 'VirtualHost +!80/a.x']);
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/a.x'] });
    expect(settle(rig)).toEqual(['VirtualHost +!80/a.x']);
    world.transact(() => world.set(VIRTUAL_HOST, testRouter('80/a.x', '2', [])));
    expect(settle(rig)).toEqual(['VirtualHost +80/a.x']);
  });

  it('with a stale nonce changes nothing', () => {
    const rig = createRig(worldOf(2, []));
    rig.delta(CLUSTER);
    rig.delta(CLUSTER, { nonce: '99', error: 'no' });
    expect(rig.session.channels.get(CLUSTER)?.flights).toHaveLength(1);
    expect(rejectedNames(rig)).toEqual([]);
  });
});
