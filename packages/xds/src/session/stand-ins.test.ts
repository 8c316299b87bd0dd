// Stand-ins for virtual hosts that do not exist: one for each asked name, gone in the message that brings the real one.
import { expect, it } from 'vitest';
import { CLUSTER, ROUTE, VIRTUAL_HOST } from '../roles.ts';
import { testCluster, testResource, testRouter } from '../testing/resources.ts';
import { createRig, createWorld, onDemandView, type Rig, summarize, type World } from '../testing/rig.ts';
import type { StreamView } from '../types.ts';

const pass: NonNullable<StreamView['standIn']> = (asked) =>
  testResource(asked.replace(/:\d+$/, ''), 'pass', { aliases: [asked] });

function addService(world: World, host: string): void {
  world.set(CLUSTER, testCluster(host, '1'));
  world.set(VIRTUAL_HOST, testRouter(`80/${host}`, '1', [host], [`80/${host.split('.')[0]}`]));
}

function connect(world: World, view: Partial<StreamView>): Rig {
  const rig = createRig(world, { view: { ...onDemandView(), ...view } });
  rig.delta(CLUSTER);
  rig.delta(ROUTE, { subscribe: ['80'] });
  rig.delta(VIRTUAL_HOST);
  settle(rig);
  return rig;
}

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

function mesh(): World {
  const world = createWorld();
  world.transact(() => {
    addService(world, 'a.x');
    world.set(ROUTE, testResource('80', '1'));
  });
  return world;
}

const ask = (rig: Rig, ...names: readonly string[]): string[] => {
  rig.delta(VIRTUAL_HOST, { subscribe: [...names] });
  return settle(rig);
};

it('an asked host that does not exist is answered by its stand-in, under every name it was asked by', () => {
  const rig = connect(mesh(), { standIn: pass });
  expect(ask(rig, '80/far.example', '80/far.example:80')).toEqual(['VirtualHost +80/far.example']);
});

it('a host of that name takes its place', () => {
  const world = mesh();
  const rig = connect(world, { standIn: pass });
  ask(rig, '80/far.x');
  world.transact(() => addService(world, 'far.x'));
  expect(settle(rig)).toEqual(['Cluster +far.x', 'ClusterLoadAssignment +far.x', 'VirtualHost +80/far.x']);
});

it('a host that has the name among others comes as the stand-in goes', () => {
  const world = mesh();
  const rig = connect(world, { standIn: pass });
  ask(rig, '80/far');
  world.transact(() => addService(world, 'far.x'));
  expect(settle(rig).at(-1)).toBe('VirtualHost +80/far.x -80/far');
});

it('another policy takes all stand-ins back, or gives them to who had none', () => {
  const rig = connect(mesh(), { standIn: pass });
  ask(rig, '80/far.example');
  rig.refresh(onDemandView());
  expect(settle(rig)).toEqual(['VirtualHost -80/far.example']);
  expect(ask(rig, '80/far.example')).toEqual(['VirtualHost +!80/far.example']);
  rig.refresh({ ...onDemandView(), standIn: pass });
  expect(settle(rig)).toEqual(['VirtualHost +80/far.example']);
});

it('another stand-in takes the place of the one before', () => {
  const rig = connect(mesh(), { standIn: pass });
  ask(rig, '80/far.example');
  rig.refresh({ ...onDemandView(), standIn: (asked) => pass(asked) });
  expect(settle(rig)).toEqual(['VirtualHost +80/far.example']);
});
