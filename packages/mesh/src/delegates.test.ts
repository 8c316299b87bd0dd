// Delegation: whose routes take effect, what they inherit, and what is told when they do not.
import type { HttpRouteSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { forward, onPrefix, service, virtualService } from './testing/objects.ts';

const host = 'reviews.default.svc.cluster.local';

const delegating = (route: Partial<HttpRouteSpec> = {}, name = 'leaf', namespace = 'team'): HttpRouteSpec => {
  const { timeoutMs: _timeout, ...rest } = forward([]);
  return { ...rest, action: { kind: 'delegate', name, namespace }, ...route };
};
const root = (...http: readonly HttpRouteSpec[]) =>
  virtualService('default/root', { hosts: ['reviews'], http });
const leaf = (http: readonly HttpRouteSpec[], exportTo: readonly string[] = ['*']) =>
  virtualService('team/leaf', { hosts: [], gateways: [], exportTo, http });
const bare = (to: readonly string[], route: Partial<HttpRouteSpec> = {}): HttpRouteSpec => {
  const { timeoutMs: _timeout, ...rest } = forward(to);
  return { ...rest, ...route };
};

function meshOf(...objects: readonly MeshObject[]) {
  const { mesh, put } = createMesh();
  put(service('default/reviews'), service('team/reviews'), ...objects);
  return mesh;
}
const rulesOf = (...objects: readonly MeshObject[]) =>
  meshOf(...objects).routeTables.get(`*|${host}`)?.rules ?? [];
const problemsOf = (...objects: readonly MeshObject[]) =>
  Object.values(contents(meshOf(...objects).conflicts))
    .filter(({ code }) => code.startsWith('delegate'))
    .map(({ code, origin, field }) => `${code} ${origin?.object ?? ''} ${field ?? ''}`);

test('takes the place of the route, with both matches, names, and what only the root says', () => {
  const outer = delegating({ name: 'outer', matches: [onPrefix('/a')], timeoutMs: 500 });
  const inner = bare(['reviews/v2'], {
    name: 'inner',
    matches: [{ ...onPrefix('/a/b'), method: { kind: 'exact', value: 'GET' } }],
  });
  const rules = rulesOf(
    root(outer, forward(['reviews'])),
    leaf([inner, bare(['reviews'], { timeoutMs: 0 })]),
  );
  expect(
    rules.map(({ cause, name, timeoutMs, matches }) => [
      cause.object,
      cause.field,
      name,
      timeoutMs,
      matches.map(({ uri }) => uri),
    ]),
  ).toEqual([
    ['VirtualService/team/leaf', 'spec.http[0]', 'outer-inner', 500, [{ kind: 'prefix', value: '/a/b' }]],
    ['VirtualService/team/leaf', 'spec.http[1]', 'outer', 0, [{ kind: 'prefix', value: '/a' }]],
    ['VirtualService/default/root', 'spec.http[1]', undefined, 0, []],
  ]);
  expect(rules[0]?.matches[0]?.method).toEqual({ kind: 'exact', value: 'GET' });
  // Short names belong to the namespace of who writes them.
  expect(rules[0]?.action).toMatchObject({
    destinations: [{ host: 'reviews.team.svc.cluster.local', subset: 'v2' }],
  });
});

test('several matches of the root: each of the delegate joins those it is part of', () => {
  const outer = delegating({ matches: [onPrefix('/a'), onPrefix('/b')] });
  const rules = rulesOf(
    root(outer),
    leaf([bare(['reviews'], { matches: [onPrefix('/b/c'), onPrefix('/a/')] })]),
  );
  expect(rules[0]?.matches.map(({ uri }) => uri)).toEqual([
    { kind: 'prefix', value: '/b/c' },
    { kind: 'prefix', value: '/a/' },
  ]);
});

const header = (value: HttpRouteSpec['matches'][number]['headers'][string]) => ({
  ...onPrefix('/'),
  headers: { x: value },
});

test.each([
  { why: 'another prefix', outer: onPrefix('/a'), inner: onPrefix('/b') },
  { why: 'a shorter prefix', outer: onPrefix('/a/b'), inner: onPrefix('/a') },
  {
    why: 'a prefix within an exact path',
    outer: { ...onPrefix('/a'), uri: { kind: 'exact', value: '/a' } as const },
    inner: onPrefix('/a'),
  },
  {
    why: 'expressions',
    outer: { ...onPrefix('/a'), uri: { kind: 'regex', value: '/a.*' } as const },
    inner: onPrefix('/a'),
  },
  { why: 'case', outer: { ...onPrefix('/a'), ignoreUriCase: true }, inner: onPrefix('/a') },
  {
    why: 'another header value',
    outer: header({ kind: 'exact', value: '1' }),
    inner: header({ kind: 'exact', value: '2' }),
  },
  { why: 'another port', outer: { ...onPrefix('/'), port: 1 }, inner: { ...onPrefix('/'), port: 2 } },
  {
    why: 'another namespace',
    outer: { ...onPrefix('/'), sourceNamespace: 'a' },
    inner: { ...onPrefix('/'), sourceNamespace: 'b' },
  },
  { why: 'gateways of its own', outer: onPrefix('/', ['mesh']), inner: onPrefix('/', ['team/gw']) },
])('a match outside of what is delegated does not take effect: $why', ({ outer, inner }) => {
  const objects = [root(delegating({ matches: [outer] })), leaf([bare(['reviews'], { matches: [inner] })])];
  expect(rulesOf(...objects)).toEqual([]);
  expect(problemsOf(...objects)).toEqual(['delegate-conflict VirtualService/team/leaf spec.http[0]']);
});

test.each([
  {
    why: 'nobody there',
    objects: [],
    problem: 'delegate-unknown VirtualService/default/root spec.http[0].delegate',
  },
  {
    why: 'not exported',
    objects: [leaf([bare(['reviews'])], ['.'])],
    problem: 'delegate-not-exported VirtualService/default/root spec.http[0].delegate',
  },
  {
    why: 'it has hosts',
    objects: [virtualService('team/leaf', { hosts: ['other.example'], http: [bare(['reviews'])] })],
    problem: 'delegate-has-hosts VirtualService/default/root spec.http[0].delegate',
  },
])('$why: the route does not take effect, and its object says so', ({ objects, problem }) => {
  expect(rulesOf(root(delegating()), ...objects)).toEqual([]);
  expect(problemsOf(root(delegating()), ...objects)).toEqual([problem]);
});

test('a delegate that nobody names is told, and follows when somebody does', () => {
  expect(problemsOf(leaf([bare(['reviews'])]))).toEqual(['delegate-unused VirtualService/team/leaf spec']);
  const { mesh, put } = createMesh();
  put(service('default/reviews'), root(delegating()));
  put(leaf([bare(['reviews'], { name: 'first' })]));
  expect(mesh.routeTables.get(`*|${host}`)?.rules.map(({ name }) => name)).toEqual(['first']);
  put(leaf([bare(['reviews'], { name: 'second' })]));
  expect(mesh.routeTables.get(`*|${host}`)?.rules.map(({ name }) => name)).toEqual(['second']);
});

test('what a delegate leaves open is taken whole from the root', () => {
  const fault = { abort: { httpStatus: 500, percent: 1 } };
  const headers = {
    request: { set: { a: 'b' }, add: {}, remove: [] },
    response: { set: {}, add: {}, remove: [] },
  };
  const retry = { attempts: 0, retryOn: '', retryRemoteLocalities: false };
  const mirrors = [{ destination: { host: 'reviews', subset: '' }, percent: 5, field: 'mirrors[0]' }];
  const [rule] = rulesOf(root(delegating({ fault, headers, retry, mirrors })), leaf([bare(['reviews'])]));
  expect(rule).toMatchObject({ fault: { ...fault, at: 'client' }, headers });
  expect(rule).not.toHaveProperty('retry');
  expect(rule?.mirrors[0]?.destination.host).toBe(host);
});

test('names like __proto__ are names', () => {
  const matches = [
    {
      ...onPrefix('/'),
      headers: Object.fromEntries([['__proto__', { kind: 'exact', value: 'x' } as const]]),
    },
  ];
  const [rule] = rulesOf(
    root(delegating({ matches })),
    leaf([bare(['reviews'], { matches: [onPrefix('/')] })]),
  );
  expect(Object.keys(rule?.matches[0]?.headers ?? {})).toEqual(['__proto__']);
});
