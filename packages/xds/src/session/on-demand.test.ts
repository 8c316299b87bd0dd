// Virtual hosts one by one: what is answered to which request, and in what order.
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE, VIRTUAL_HOST } from '../roles.ts';
import { reference, testCluster, testResource, testRouter } from '../testing/resources.ts';
import {
  createRig,
  createWorld,
  onDemandView,
  type Rig,
  readDelta,
  summarize,
  type World,
} from '../testing/rig.ts';

function addService(world: World, host: string, version = '1'): void {
  world.set(CLUSTER, testCluster(host, version));
  world.set(ENDPOINTS, testResource(host, version));
  world.set(VIRTUAL_HOST, testRouter(`80/${host}`, version, [host], [`80/${host.split('.')[0]}`]));
}

function mesh(): World {
  const world = createWorld();
  world.transact(() => {
    for (const host of ['a.x', 'b.x', 'c.x']) addService(world, host);
    world.set(CLUSTER, testResource('passthrough', '1'), 'own');
    world.set(LISTENER, testResource('out', '1', { needs: [reference(ROUTE, '80')] }));
    world.set(ROUTE, testResource('80', '1'));
  });
  return world;
}

/** Acknowledges everything that was sent, and tells what it was. */
function settle(rig: Rig): string[] {
  const seen: string[] = [];
  for (let sent = rig.taken(); sent.length > 0; sent = rig.taken()) {
    for (const response of sent) {
      seen.push(summarize(response));
      rig.delta(response.typeUrl, { nonce: response.nonce });
    }
  }
  return seen;
}

function connect(world: World, held: readonly string[] = []): Rig {
  const rig = createRig(world, { view: onDemandView({ [VIRTUAL_HOST]: held }) });
  rig.delta(CLUSTER);
  settle(rig);
  rig.delta(LISTENER);
  settle(rig);
  rig.delta(ROUTE, { subscribe: ['80'] });
  settle(rig);
  rig.delta(VIRTUAL_HOST);
  settle(rig);
  return rig;
}

describe('an on-demand client', () => {
  it('starts with what it is known to use, and each route configuration is opened', () => {
    const rig = createRig(mesh(), { view: onDemandView({ [VIRTUAL_HOST]: ['80/b.x'] }) });
    rig.delta(CLUSTER);
    expect(settle(rig)).toEqual(['Cluster +passthrough,b.x', 'ClusterLoadAssignment +b.x']);
    rig.delta(LISTENER);
    expect(settle(rig)).toEqual(['Listener +out']);
    rig.delta(ROUTE, { subscribe: ['80'] });
    expect(settle(rig)).toEqual(['RouteConfiguration +80']);
    rig.delta(VIRTUAL_HOST);
    expect(settle(rig)).toEqual(['VirtualHost +80/b.x']);
  });

  it('opens a route configuration that has nothing to push', () => {
    const rig = createRig(mesh(), { view: onDemandView() });
    rig.delta(ROUTE, { subscribe: ['80'] });
    settle(rig);
    rig.delta(VIRTUAL_HOST);
    expect(settle(rig)).toEqual(['VirtualHost -80/~']);
  });

  it('gets clusters, endpoints and the host in one go at the first request', () => {
    const rig = connect(mesh());
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/a'] });
    const sent = rig.taken();
    expect(sent.map(summarize)).toEqual([
      'Cluster +a.x',
      'ClusterLoadAssignment +a.x',
      'VirtualHost +80/a.x',
    ]);
    expect(rig.events.at(-1)).toMatchObject({ kind: 'asked', name: '80/a', found: '80/a.x' });
  });

  it('gets the next bundle while the one before is not acknowledged', () => {
    const rig = connect(mesh());
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/a.x'] });
    rig.taken();
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/b.x'] });
    expect(rig.taken().map(summarize)).toEqual([
      'Cluster +b.x',
      'ClusterLoadAssignment +b.x',
      'VirtualHost +80/b.x',
    ]);
  });

  it('is not sent endpoints again that came ahead of its subscription', () => {
    const rig = connect(mesh());
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/a.x'] });
    settle(rig);
    rig.delta(ENDPOINTS, { subscribe: ['a.x'] });
    expect(settle(rig)).toEqual([]);
  });

  it('is told at once that a host does not exist, and is given it when it appears', () => {
    const world = mesh();
    const rig = connect(world);
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/new.x'] });
    const [absent] = rig.taken();
    const message = absent === undefined ? undefined : readDelta(absent);
    expect(message?.resources[0]).toMatchObject({ name: '80/new.x', aliases: ['80/new.x'] });
    expect(message?.resources[0]?.resource).toBeUndefined();
    rig.delta(VIRTUAL_HOST, { nonce: absent?.nonce ?? '' });
    world.transact(() => addService(world, 'new.x'));
    expect(settle(rig)).toEqual(['Cluster +new.x', 'ClusterLoadAssignment +new.x', 'VirtualHost +80/new.x']);
  });

  it('is given the exact host when a wildcard answered before', () => {
    const world = mesh();
    world.transact(() => world.set(VIRTUAL_HOST, testRouter('80/*.wild', '1', ['a.x'])));
    const rig = connect(world);
    rig.delta(VIRTUAL_HOST, { subscribe: ['80/q.wild'] });
    const sent = rig.taken().filter((response) => response.typeUrl === VIRTUAL_HOST);
    expect(sent.map((response) => readDelta(response).resources[0]?.aliases)).toEqual([['80/q.wild']]);
    for (const response of sent) rig.delta(VIRTUAL_HOST, { nonce: response.nonce });
    settle(rig);
    world.transact(() => world.set(VIRTUAL_HOST, testRouter('80/q.wild', '1', ['a.x'])));
    expect(settle(rig)).toEqual(['VirtualHost +80/q.wild']);
  });

  it('hears nothing of services it does not use', () => {
    const world = mesh();
    const rig = connect(world, ['80/a.x']);
    world.transact(() => addService(world, 'b.x', '2'));
    world.transact(() => world.delete(VIRTUAL_HOST, '80/c.x'));
    expect(settle(rig)).toEqual([]);
    world.transact(() => world.set(ENDPOINTS, testResource('a.x', '2')));
    rig.delta(ENDPOINTS, { subscribe: ['a.x'] });
    expect(settle(rig)).toEqual(['ClusterLoadAssignment +a.x']);
  });

  it('keeps a cluster until the host that used it is acknowledged without it', () => {
    const world = mesh();
    const rig = connect(world, ['80/a.x']);
    world.transact(() => {
      world.delete(CLUSTER, 'a.x');
      world.delete(ENDPOINTS, 'a.x');
      world.set(CLUSTER, testCluster('a2.x'));
      world.set(ENDPOINTS, testResource('a2.x', '1'));
      world.set(VIRTUAL_HOST, testRouter('80/a.x', '2', ['a2.x']));
    });
    expect(settle(rig)).toEqual([
      'Cluster +a2.x',
      'ClusterLoadAssignment +a2.x',
      'VirtualHost +80/a.x',
      'Cluster -a.x',
    ]);
  });

  it('gets its hosts again after a route configuration was sent again', () => {
    const world = mesh();
    const rig = connect(world, ['80/a.x']);
    world.transact(() => world.set(ROUTE, testResource('80', '2')));
    expect(settle(rig)).toEqual(['RouteConfiguration +80', 'VirtualHost +80/a.x']);
  });

  it('reconnects: trusts versions only under a route configuration it has', () => {
    const world = mesh();
    const rig = createRig(world, { view: onDemandView() });
    const hashOf = (name: string) => testRouter(`80/${name}`, '1', [name], [`80/${name.split('.')[0]}`]).hash;
    rig.delta(CLUSTER, { known: new Map([['a.x', testCluster('a.x').hash]]) });
    rig.delta(ROUTE, { subscribe: ['80'], known: new Map([['80', testResource('80', '1').hash]]) });
    rig.delta(VIRTUAL_HOST, {
      known: new Map([
        ['80/a.x', hashOf('a.x')],
        ['80/b.x', 'old'],
        ['80/gone.x', 'old'],
        ['80/later.x', 'absent'],
      ]),
    });
    expect(settle(rig)).toEqual([
      'Cluster +passthrough',
      'Cluster +b.x',
      'ClusterLoadAssignment +b.x',
      'VirtualHost +80/b.x',
      'VirtualHost -80/gone.x',
    ]);
    world.transact(() => addService(world, 'later.x'));
    expect(settle(rig).at(-1)).toBe('VirtualHost +80/later.x');
  });
});
