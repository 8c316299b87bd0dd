// For whom rules hold, where their faults happen, how users stay, and which rules are never reached.
import type { ClientTls, HttpRouteSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import {
  destinationRule,
  forward,
  onPrefix,
  peerAuthentication,
  pod,
  service,
  virtualService,
} from './testing/objects.ts';

const host = 'reviews.default.svc.cluster.local';
const reviews = service('default/reviews');

function meshOf(...objects: readonly MeshObject[]) {
  const fixture = createMesh();
  fixture.put(reviews, ...objects);
  return fixture.mesh;
}

const fromNamespace = (sourceNamespace: string) => ({ ...onPrefix('/'), sourceNamespace });

test('a match for one namespace is in that namespace’s table only', () => {
  const http = [
    forward(['reviews'], { name: 'theirs', matches: [fromNamespace('shop'), fromNamespace('zoo')] }),
    forward(['reviews'], { name: 'all' }),
  ];
  const { routeTables } = meshOf(virtualService('default/v', { hosts: ['reviews'], http }));
  const rules = Object.entries(contents(routeTables)).map(([key, table]) => [
    key,
    table.rules.map(({ name, matches }) => `${name ?? ''} ${matches.length}`),
  ]);
  expect(rules).toEqual([
    [`*|${host}`, ['all 0']],
    [`ns:shop|${host}`, ['theirs 1', 'all 0']],
    [`ns:zoo|${host}`, ['theirs 1', 'all 0']],
  ]);
});

test('one that is for a namespace without the rule’s being exported there changes nothing', () => {
  const http = [forward(['reviews'], { matches: [fromNamespace('shop')] })];
  const { routeTables } = meshOf(virtualService('default/v', { hosts: ['reviews'], exportTo: ['.'], http }));
  expect([...routeTables.entries()].filter(([, { rules }]) => rules.length > 0)).toEqual([]);
});

const fault = { abort: { httpStatus: 500, percent: 100 } };
const faulty = (route: Partial<HttpRouteSpec> = {}, annotations = {}) => {
  const object = virtualService('default/v', {
    hosts: ['reviews'],
    http: [forward(['reviews'], { fault, ...route })],
  });
  return { ...object, metadata: { ...object.metadata, annotations } };
};
const meshed = pod('default/reviews-1', { app: 'reviews' });
const disabled: ClientTls = { mode: 'DISABLE' };

test.each([
  { why: 'every endpoint takes mutual TLS', objects: [meshed], at: 'destination' },
  {
    why: 'one of them is not ready',
    objects: [meshed, pod('default/reviews-2', { app: 'reviews' }, { isReady: false })],
    at: 'destination',
  },
  { why: 'there is none', objects: [], at: 'client' },
  {
    why: 'one has no sidecar',
    objects: [meshed, pod('default/reviews-2', { app: 'reviews', 'sidecar.istio.io/inject': 'false' })],
    at: 'client',
  },
  {
    why: 'they take plain text only',
    objects: [meshed, peerAuthentication('default/p', { mode: 'DISABLE' })],
    at: 'client',
  },
  {
    why: 'some clients send plain text',
    objects: [
      meshed,
      destinationRule('zoo/r', { host, trafficPolicy: { tls: disabled, portLevelSettings: [] } }),
    ],
    at: 'client',
  },
] as const)('a fault, where $why, happens at the $at', ({ objects, at }) => {
  const { routeTables } = meshOf(faulty(), ...objects);
  expect(routeTables.get(`*|${host}`)?.rules[0]?.fault?.at).toBe(at);
});

test('a fault is the client’s where the annotation says so, or where nothing is forwarded', () => {
  const at = (object: MeshObject) => meshOf(object, meshed).routeTables.get(`*|${host}`)?.rules[0]?.fault?.at;
  expect(at(faulty({}, { 'xebec.io/fault-placement': 'client' }))).toBe('client');
  expect(at(faulty({ action: { kind: 'respond', status: 200 } }))).toBe('client');
  expect(at(faulty({}, { 'xebec.io/fault-placement': 'destination' }))).toBe('destination');
});

test('several destinations are chosen by the hash of the first that has one', () => {
  const hash = { kind: 'header', name: 'x-user' } as const;
  const rule = destinationRule('default/r', {
    host: 'reviews',
    trafficPolicy: { loadBalancer: { hash }, portLevelSettings: [] },
  });
  const actionOf = (to: readonly string[]) => {
    const route = virtualService('default/v', { hosts: ['reviews'], http: [forward(to)] });
    return meshOf(route, rule).routeTables.get(`*|${host}`)?.rules[0]?.action;
  };
  expect(actionOf(['nowhere', 'reviews'])).toMatchObject({ hash });
  expect(actionOf(['reviews'])).not.toHaveProperty('hash');
});

const path = (kind: 'exact' | 'prefix' | 'regex', value: string, more = {}) => ({
  ...onPrefix('/'),
  uri: { kind, value } as const,
  ...more,
});
const user = { headers: { user: { kind: 'exact', value: 'a' } as const } };

test.each([
  { why: 'after everything', first: [], second: [onPrefix('/a')], isShadowed: true },
  { why: 'the same', first: [path('regex', '/a+')], second: [path('regex', '/a+')], isShadowed: true },
  { why: 'under a prefix', first: [onPrefix('/api')], second: [path('exact', '/api/v1')], isShadowed: true },
  {
    why: 'under a prefix, with more conditions',
    first: [onPrefix('/api/')],
    second: [path('prefix', '/api/v1', user)],
    isShadowed: true,
  },
  {
    why: 'under a prefix in any case',
    first: [path('prefix', '/API', { ignoreUriCase: true })],
    second: [onPrefix('/api/x')],
    isShadowed: true,
  },
  {
    why: 'by two',
    first: [onPrefix('/a'), onPrefix('/b')],
    second: [onPrefix('/a/x'), onPrefix('/b/x')],
    isShadowed: true,
  },
  {
    why: 'only one of two',
    first: [onPrefix('/a')],
    second: [onPrefix('/a/x'), onPrefix('/b/x')],
    isShadowed: false,
  },
  {
    why: 'any case under a prefix',
    first: [onPrefix('/api')],
    second: [path('prefix', '/api', { ignoreUriCase: true })],
    isShadowed: false,
  },
  {
    why: 'of more requests',
    first: [path('prefix', '/', user)],
    second: [onPrefix('/a')],
    isShadowed: false,
  },
  { why: 'of other requests', first: [path('exact', '/a')], second: [onPrefix('/a')], isShadowed: false },
])('never reached, $why: $isShadowed', ({ first, second, isShadowed }) => {
  const http = [forward(['reviews'], { matches: first }), forward(['reviews'], { matches: second })];
  const { conflicts } = meshOf(virtualService('default/v', { hosts: ['reviews'], http }));
  const found = Object.values(contents(conflicts)).filter(({ code }) => code === 'rule-shadowed');
  expect(found.map(({ field }) => field)).toEqual(isShadowed ? ['spec.http[1]'] : []);
});

test('a rule that another object shadows is told at its own object', () => {
  const route = (id: `${string}/${string}`, prefix: string) =>
    virtualService(id, { hosts: [host], http: [forward([host], { matches: [onPrefix(prefix)] })] });
  const { conflicts } = meshOf(route('default/a', '/x'), route('default/b', '/x/y'));
  const [found] = Object.values(contents(conflicts)).filter(({ code }) => code === 'rule-shadowed');
  expect([found?.origin?.object, found?.message]).toEqual([
    'VirtualService/default/b',
    `no request to ${host} reaches this route: VirtualService/default/a spec.http[0].match[0] takes them first`,
  ]);
});

test('10,000 routes of one VirtualService take a moment', () => {
  const http = Array.from({ length: 10_000 }, (_, i) =>
    forward(['reviews'], { matches: [onPrefix(`/shop/${i}/`)] }),
  );
  const { put, mesh } = createMesh();
  put(reviews);
  const start = performance.now();
  put(virtualService('default/v', { hosts: ['reviews'], http }));
  expect(mesh.routeTables.get(`*|${host}`)?.rules).toHaveLength(10_000);
  // Some 150 ms; the limit only tells linear from quadratic.
  expect(performance.now() - start).toBeLessThan(5_000);
});
