// What clients in one place see first, next and last, and in which shares.
import type { Endpoint, Locality, LocalitySetting } from '@xebec/model';
import { expect, test } from 'vitest';
import { arrangeEndpoints } from './arrange.ts';
import type { Place } from './place.ts';

const at = (text: string): Locality => {
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return { region, zone, subzone };
};
const endpoint = (name: string, locality?: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address: name,
  port: 80,
  labels: {},
  namespace: 'default',
  workload: name,
  ...(locality === undefined ? {} : { locality: at(locality) }),
  network: '',
  weight: 1,
  health: 'healthy',
  tls: 'disabled',
  causes: [],
  ...more,
});
const place = (locality: string, more: Partial<Place> = {}): Place => ({
  key: locality,
  locality: at(locality),
  labels: {},
  ...more,
});
const setting = (written: Partial<LocalitySetting> = {}): LocalitySetting => ({
  isEnabled: true,
  distribute: [],
  failover: [],
  failoverPriority: [],
  ...written,
});
/** Endpoints of each priority, with the group's weight where there are several. */
const shown = (
  endpoints: readonly Endpoint[],
  options: { readonly place: Place; readonly setting?: LocalitySetting; readonly isNodeLocal?: boolean },
) => {
  const priorities: string[][] = [];
  for (const { priority, members, weight } of arrangeEndpoints(endpoints, options)) {
    priorities[priority] ??= [];
    priorities[priority]?.push(`${members.map(({ address }) => address).join(' ')}: ${weight}`);
  }
  return priorities;
};

const world = [
  endpoint('far', 'west/one/a'),
  endpoint('other-zone', 'east/two/a'),
  endpoint('near', 'east/one/a'),
  endpoint('other-subzone', 'east/one/b'),
  endpoint('nowhere'),
  endpoint('south', 'south/one/a'),
];

test('nearest first: subzone, zone, region, anywhere; no gaps between priorities', () => {
  expect(shown(world, { place: place('east/one/a'), setting: setting() })).toEqual([
    ['near: 1'],
    ['other-subzone: 1'],
    ['other-zone: 1'],
    ['nowhere: 1', 'south: 1', 'far: 1'],
  ]);
  expect(shown(world.slice(0, 2), { place: place('east/one/a'), setting: setting() })).toEqual([
    ['other-zone: 1'],
    ['far: 1'],
  ]);
});

test('a region may name the one to fail over to', () => {
  const failover = [{ from: 'east', to: 'south' }];
  expect(shown(world, { place: place('east/one/a'), setting: setting({ failover }) }).slice(3)).toEqual([
    ['south: 1'],
    ['nowhere: 1', 'far: 1'],
  ]);
});

test('shares: the first entry that covers the client; localities that are not named get nothing', () => {
  const distribute = [
    { from: 'east/one/*', to: { 'east/one/*': 80, 'west/*': 20 } },
    { from: '*', to: { south: 100 } },
  ];
  expect(shown(world, { place: place('east/one/a'), setting: setting({ distribute }) })).toEqual([
    ['near: 40000', 'other-subzone: 40000', 'far: 20000'],
  ]);
  expect(shown(world, { place: place('north/one'), setting: setting({ distribute }) })).toEqual([
    ['south: 100000'],
  ]);
  expect(
    shown(world, { place: place('north'), setting: setting({ distribute: distribute.slice(0, 1) }) }),
  ).toHaveLength(1);
});

test('labels: as the client has them, or with a value; the first that does not match ends it', () => {
  const failoverPriority = ['version=v1', 'topology.kubernetes.io/region', 'rack'];
  const endpoints = [
    endpoint('all', 'east/two/a', { labels: { version: 'v1', rack: 'r1' } }),
    endpoint('other-rack', 'east/two/a', { labels: { version: 'v1', rack: 'r2' } }),
    endpoint('other-region', 'west/two/a', { labels: { version: 'v1', rack: 'r1' } }),
    endpoint('other-version', 'east/one/a', { labels: { version: 'v2', rack: 'r1' } }),
  ];
  const client = place('east/one/a', { labels: { rack: 'r1', 'topology.kubernetes.io/region': 'east' } });
  expect(shown(endpoints, { place: client, setting: setting({ failoverPriority }) })).toEqual([
    ['all: 1'],
    ['other-rack: 1'],
    ['other-region: 1'],
    ['other-version: 1'],
  ]);
});

test("only the client's own node, where it is known", () => {
  const endpoints = [
    endpoint('here', undefined, { node: 'n1' }),
    endpoint('there', undefined, { node: 'n2' }),
  ];
  const client = place('east', { node: 'n1' });
  expect(shown(endpoints, { place: client, isNodeLocal: true })).toEqual([['here: 1']]);
  expect(shown(endpoints, { place: place('east'), isNodeLocal: true })).toEqual([['here there: 2']]);
});

test('an endpoint that says its zone alone is in the region of the clients of that zone', () => {
  const slices = [endpoint('same', '/one'), endpoint('other', '/two'), endpoint('full', 'east/two')];
  const ways = [
    setting(),
    setting({ failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] }),
  ];
  const labels = { 'topology.kubernetes.io/region': 'east', 'topology.kubernetes.io/zone': 'one' };
  for (const way of ways)
    expect(shown(slices, { place: place('east/one', { labels }), setting: way })).toEqual([
      ['same: 1'],
      ['full: 1'],
      ['other: 1'],
    ]);
  const distribute = [{ from: 'east/one', to: { 'east/one': 90, 'east/two': 10 } }];
  expect(shown(slices, { place: place('east/one'), setting: setting({ distribute }) })).toEqual([
    ['same: 90000', 'full: 10000'],
  ]);
});

test('the greatest weights keep their shares within what Envoy can add up', () => {
  const weight = 0xffff_ffff;
  const heavy = [endpoint('a', undefined, { weight }), endpoint('b', undefined, { weight })];
  const [group] = arrangeEndpoints([...heavy, endpoint('light')]);
  expect(group?.members.map((each) => each.weight)).toEqual([0x3fff_ffff, 0x3fff_ffff, 1]);
  expect(group?.weight).toBe(0x7fff_ffff);
});
