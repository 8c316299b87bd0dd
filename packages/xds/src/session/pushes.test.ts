// When and what is pushed: coalescing, pacing, gates with a deadline, other views.
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET } from '../roles.ts';
import { testCluster, testResource, testRouter } from '../testing/resources.ts';
import { createRig, createWorld, layer, type Rig, summarize, viewOf } from '../testing/rig.ts';

function acknowledge(rig: Rig): string[] {
  const seen: string[] = [];
  for (let sent = rig.taken(); sent.length > 0; sent = rig.taken()) {
    for (const response of sent) {
      seen.push(summarize(response));
      rig.delta(response.typeUrl, { nonce: response.nonce });
    }
  }
  return seen;
}

describe('a push', () => {
  it('waits for the answer to the one before, and then carries everything since', () => {
    const world = createWorld();
    const rig = createRig(world);
    rig.delta(CLUSTER);
    const [first] = rig.taken();
    for (let i = 0; i < 50; i++)
      world.transact(() => world.set(CLUSTER, testResource(`c${i % 3}`, String(i))));
    expect(rig.taken()).toEqual([]);
    rig.delta(CLUSTER, { nonce: first?.nonce ?? '' });
    expect(rig.taken().map(summarize)).toEqual(['Cluster +c0,c1,c2']);
  });

  it('of a storm becomes few, and what is unrelated is not delayed', () => {
    const world = createWorld();
    const rig = createRig(world);
    rig.delta(CLUSTER);
    rig.delta(ENDPOINTS, { subscribe: ['other'] });
    acknowledge(rig);
    let pushes = 0;
    for (let tick = 0; tick < 6_000; tick++) {
      rig.clock.nowMs += 10;
      world.transact(() => world.set(CLUSTER, testResource('c', String(tick))));
      pushes += acknowledge(rig).length;
    }
    expect(pushes).toBeLessThanOrEqual(600);
    world.transact(() => world.set(ENDPOINTS, testResource('other', '1')));
    expect(acknowledge(rig)).toContain('ClusterLoadAssignment +other');
    rig.clock.nowMs += 200;
    acknowledge(rig);
    expect(rig.session.channels.get(CLUSTER)?.pending).toBeUndefined();
  });

  it('of a route waits for its new cluster, but not for ever, and not for another one', () => {
    const world = createWorld();
    world.transact(() => {
      world.set(CLUSTER, testCluster('c0'));
      world.set(ROUTE, testRouter('r0', '1', ['c0']));
      world.set(ROUTE, testRouter('r1', '1', ['c0']));
    });
    const rig = createRig(world);
    rig.delta(CLUSTER);
    rig.delta(ROUTE, { subscribe: ['r0', 'r1'] });
    acknowledge(rig);
    world.transact(() => {
      world.set(CLUSTER, testCluster('c1'));
      world.set(ROUTE, testRouter('r0', '2', ['c1']));
      world.set(ROUTE, testRouter('r1', '2', ['c0']));
    });
    const sent = rig.taken();
    expect(sent.map(summarize)).toEqual(['Cluster +c1', 'RouteConfiguration +r1']);
    rig.delta(ROUTE, { nonce: sent[1]?.nonce ?? '' });
    expect(rig.taken()).toEqual([]);
    rig.clock.nowMs = rig.retryAtMs() ?? 0;
    expect(rig.taken().map(summarize)).toEqual(['RouteConfiguration +r0']);
  });

  it('of a listener comes after the first clusters are acknowledged', () => {
    const world = createWorld();
    world.transact(() => {
      world.set(CLUSTER, testCluster('c0'));
      world.set(LISTENER, testResource('l', '1'));
    });
    const rig = createRig(world);
    rig.delta(CLUSTER);
    rig.delta(LISTENER);
    const sent = rig.taken();
    expect(sent.map(summarize)).toEqual(['Cluster +c0']);
    rig.delta(CLUSTER, { nonce: sent[0]?.nonce ?? '' });
    expect(rig.taken().map(summarize)).toEqual(['Listener +l']);
  });

  it('of a changed cluster brings its endpoints again', () => {
    const world = createWorld();
    world.transact(() => {
      world.set(CLUSTER, testCluster('c0'));
      world.set(ENDPOINTS, testResource('c0', '1'));
    });
    const rig = createRig(world);
    rig.delta(CLUSTER);
    rig.delta(ENDPOINTS, { subscribe: ['c0'] });
    acknowledge(rig);
    world.transact(() => world.set(CLUSTER, testCluster('c0', '2')));
    expect(acknowledge(rig)).toEqual(['Cluster +c0', 'ClusterLoadAssignment +c0']);
  });

  it('does not happen for layers that the stream does not use, or under a more specific one', () => {
    const world = createWorld();
    world.transact(() => {
      world.set(CLUSTER, testCluster('c0'), 'ns:a');
      world.set(CLUSTER, testCluster('c0', 'common'), '*');
    });
    const rig = createRig(world, { view: viewOf([layer('ns:a'), layer('*')]) });
    rig.delta(CLUSTER);
    acknowledge(rig);
    world.transact(() => {
      world.set(CLUSTER, testCluster('c0', 'other'), '*');
      world.set(CLUSTER, testCluster('c9'), 'ns:b');
    });
    expect(acknowledge(rig)).toEqual([]);
    world.transact(() => world.delete(CLUSTER, 'c0', 'ns:a'));
    expect(acknowledge(rig)).toEqual(['Cluster +c0']);
  });

  it('answers a first wildcard with nothing, and a name that does not exist', () => {
    const rig = createRig(createWorld());
    rig.delta(CLUSTER);
    expect(acknowledge(rig)).toEqual(['Cluster']);
    rig.delta(ROUTE, { subscribe: ['none'] });
    expect(acknowledge(rig)).toEqual(['RouteConfiguration -none']);
    rig.delta(ENDPOINTS, { subscribe: ['none'] });
    expect(acknowledge(rig)).toEqual(['ClusterLoadAssignment +none']);
  });
});

describe('another view', () => {
  it('sends what is seen differently, and removes clusters last', () => {
    const world = createWorld();
    world.transact(() => {
      for (const [ns, other] of [
        ['ns:a', 'ca'],
        ['ns:b', 'cb'],
      ] as const) {
        world.set(CLUSTER, testCluster(other), ns);
        world.set(ROUTE, testRouter('r', ns, [other]), ns);
      }
      world.set(CLUSTER, testCluster('c0'));
    });
    const rig = createRig(world, { view: viewOf([layer('ns:a'), layer('*')]) });
    rig.delta(CLUSTER);
    rig.delta(ROUTE, { subscribe: ['r'] });
    rig.delta(LISTENER);
    acknowledge(rig);
    rig.refresh(viewOf([layer('ns:b'), layer('*')]));
    expect(acknowledge(rig)).toEqual(['Cluster +cb', 'RouteConfiguration +r', 'Cluster -ca']);
  });
});

describe('a stream that fell behind the log', () => {
  it('is told to reconnect', () => {
    const world = createWorld();
    const rig = createRig(world);
    rig.delta(CLUSTER);
    acknowledge(rig);
    world.transact(() => {
      for (let i = 0; i < 60_000; i++) world.set(CLUSTER, testResource(`c${i}`, '1'));
    });
    world.transact(() => {
      for (let i = 0; i < 60_000; i++) world.delete(CLUSTER, `c${i}`);
    });
    rig.pump();
    expect(rig.session.isLost).toBe(true);
  });
});

describe('what streams have in common', () => {
  const secretsAsNeeded = viewOf([layer('*')]);
  const view = {
    ...secretsAsNeeded,
    layers: { ...secretsAsNeeded.layers, [SECRET]: [layer('*', 'needed')] },
  };

  function createWorldWithSecrets() {
    const world = createWorld(1);
    world.transact(() => {
      world.set(SECRET, testResource('key', '1'));
      world.set(SECRET, testResource('other', '1'));
      world.set(CLUSTER, { ...testCluster('c0'), needs: [{ typeUrl: SECRET, name: 'key' }] });
      world.set(CLUSTER, testCluster('c1'));
    });
    return world;
  }

  it('is encoded once for all of them, also where another type is only what is needed', () => {
    const world = createWorldWithSecrets();
    const rigs = [createRig(world, { view }), createRig(world, { view })];
    const bodies = rigs.map((rig) => {
      rig.delta(CLUSTER);
      return rig.taken()[0]?.body;
    });
    expect(bodies[0]).toBeDefined();
    expect(bodies[0]).toBe(bodies[1]);
  });

  it('brings what it needs of the type that is only what is needed', () => {
    const world = createWorldWithSecrets();
    const rig = createRig(world, { view });
    rig.delta(CLUSTER);
    rig.delta(SECRET);
    expect(acknowledge(rig)).toEqual(['Cluster +c0,c1', 'Secret +key']);
    world.transact(() =>
      world.set(CLUSTER, { ...testCluster('c1', '2'), needs: [{ typeUrl: SECRET, name: 'other' }] }),
    );
    expect(acknowledge(rig).sort()).toEqual(['Cluster +c1', 'Secret +other']);
  });

  it('does not bring what something hidden by the own layers needs', () => {
    const world = createWorldWithSecrets();
    world.transact(() => world.set(CLUSTER, testCluster('c0', 'mine'), 'own'));
    const layers = { ...view.layers, [CLUSTER]: [layer('own'), layer('*')] };
    const rig = createRig(world, { view: { ...view, layers } });
    rig.delta(CLUSTER);
    rig.delta(SECRET);
    expect(acknowledge(rig)).toEqual(['Cluster +c0,c1', 'Secret']);
  });
});
