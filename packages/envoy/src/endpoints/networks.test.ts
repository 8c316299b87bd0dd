// What a client sees in place of endpoints that it cannot reach.
import type { Endpoint } from '@xebec/model';
import { expect, test } from 'vitest';
import { arrangeEndpoints } from './arrange.ts';
import type { Reach } from './networks.ts';

const endpoint = (name: string, network: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address: name,
  port: 80,
  labels: {},
  namespace: 'default',
  workload: name,
  network,
  weight: 1,
  health: 'healthy',
  tls: 'istio',
  causes: [],
  ...more,
});
const gateways: Readonly<Record<string, readonly string[]>> = {
  far: ['gf1', 'gf2'],
  other: ['go1', 'go2', 'go3'],
};
const reach = (more: Partial<Reach> = {}): Reach => ({
  network: 'near',
  gatewaysOf: (name) => (gateways[name] ?? []).map((address) => ({ address, port: 15_443, causes: [] })),
  isMutual: true,
  ...more,
});
const at = (region: string) => ({ locality: { region, zone: '', subzone: '' } });
/** `ADDRESS*WEIGHT` by priority. */
const shown = (endpoints: readonly Endpoint[], options: Partial<Reach> = {}, locality?: string) => {
  const groups = arrangeEndpoints(endpoints, {
    place: { key: '', labels: {}, ...(locality === undefined ? {} : at(locality)) },
    reach: reach(options),
    ...(locality === undefined
      ? {}
      : { setting: { isEnabled: true, distribute: [], failover: [], failoverPriority: [] } }),
  });
  const found: string[][] = [];
  for (const { priority, members } of groups) {
    const texts = members.map(({ address, weight }) => `${address}*${weight}`);
    found[priority] = [...(found[priority] ?? []), ...texts];
  }
  return found;
};

test('weights of a network are split between its gateways, and stay whole', () => {
  const all = [
    endpoint('a', 'near', { weight: 2 }),
    endpoint('b', 'far', { weight: 3 }),
    endpoint('c', 'other'),
  ];
  expect(shown(all)).toEqual([['a*12', 'gf1*9', 'gf2*9', 'go1*2', 'go2*2', 'go3*2']]);
});

test('what takes no mutual TLS is not reached there, nor anything for clients that use none', () => {
  const all = [endpoint('a', 'near'), endpoint('b', 'far', { tls: 'disabled' })];
  expect(shown(all)).toEqual([['a*1']]);
  expect(shown([endpoint('b', 'far')], { isMutual: false })).toEqual([]);
});

test('a network without gateways, and none at all, are reached directly', () => {
  expect(shown([endpoint('a', 'elsewhere'), endpoint('b', '')])).toEqual([['a*1', 'b*1']]);
});

test('a gateway stands once, where the best of its endpoints would be', () => {
  const all = [
    endpoint('a', 'near', at('south')),
    endpoint('b', 'far', { ...at('east'), weight: 2 }),
    endpoint('c', 'far', { ...at('west'), weight: 5 }),
  ];
  expect(shown(all, {}, 'east')).toEqual([['gf1*2', 'gf2*2'], ['a*2']]);
  expect(shown(all, {}, 'south')).toEqual([['a*2'], ['gf1*7', 'gf2*7']]);
});

test('an endpoint that only its network is known of is nowhere without a gateway', () => {
  expect(shown([endpoint('', 'elsewhere'), endpoint('', 'far')])).toEqual([['gf1*1', 'gf2*1']]);
});

test('one that ends its life takes no more, as long as another is there', () => {
  const ending = endpoint('b', 'far', { health: 'draining', weight: 8 });
  expect(shown([ending, endpoint('c', 'far', { weight: 2 })])).toEqual([['gf1*2', 'gf2*2']]);
});
