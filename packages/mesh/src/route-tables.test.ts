// Route tables: which VirtualServices hold for a host and a namespace, in which order, and where their rules lead.
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { forward, onPrefix, service, servicePort, virtualService } from './testing/objects.ts';

const host = 'reviews.default.svc.cluster.local';
const reviews = service('default/reviews');

function meshOf(...objects: readonly MeshObject[]) {
  const { mesh, put } = createMesh();
  put(...objects);
  return mesh;
}

/** Key → the places of the rules, in order. */
const rulesOf = (...objects: readonly MeshObject[]) =>
  Object.fromEntries(
    Object.entries(contents(meshOf(...objects).routeTables)).map(([key, { rules }]) => [
      key,
      rules.map(({ cause }) => `${cause.object.slice('VirtualService/'.length)} ${cause.field}`),
    ]),
  );

const route = (id: `${string}/${string}`, hosts: readonly string[], exportTo = ['*']) =>
  virtualService(id, { hosts, exportTo, http: [forward([host])] });

test('a service that speaks HTTP has a table without rules, one that does not has none', () => {
  expect(rulesOf(reviews, service('default/db', { ports: [servicePort(5432, 'tcp')] }))).toEqual({
    [`*|${host}`]: [],
  });
});

test.each([
  {
    why: 'a full host',
    objects: [route('shop/v', [host])],
    expected: { [`*|${host}`]: ['shop/v spec.http[0]'] },
  },
  {
    why: 'a short host',
    objects: [route('default/v', ['reviews'])],
    expected: { [`*|${host}`]: ['default/v spec.http[0]'] },
  },
  {
    why: 'a private one',
    objects: [route('shop/v', [host], ['.'])],
    expected: { [`*|${host}`]: [], [`ns:shop|${host}`]: ['shop/v spec.http[0]'] },
  },
  {
    why: 'a wildcard, which also has a table of its own',
    objects: [route('default/v', ['*.default.svc.cluster.local'])],
    expected: {
      [`*|${host}`]: ['default/v spec.http[0]'],
      '*|*.default.svc.cluster.local': ['default/v spec.http[0]'],
    },
  },
  {
    why: 'the most specific',
    objects: [route('default/a', ['*.default.svc.cluster.local']), route('default/b', [host])],
    expected: {
      [`*|${host}`]: ['default/b spec.http[0]'],
      '*|*.default.svc.cluster.local': ['default/a spec.http[0]'],
    },
  },
  {
    why: 'a host without a service',
    objects: [route('default/v', ['api.example'])],
    expected: { [`*|${host}`]: [], '*|api.example': ['default/v spec.http[0]'] },
  },
  {
    why: 'not one that is for gateways',
    objects: [virtualService('default/v', { hosts: [host], gateways: ['gw'], http: [forward([host])] })],
    expected: { [`*|${host}`]: [] },
  },
])('what holds: $why', ({ objects, expected }) => {
  expect(rulesOf(reviews, ...objects)).toEqual(expected);
});

test("several for one host: the client's own, the service's own, then by name; what matches everything comes last", () => {
  const some = virtualService('zoo/v', {
    hosts: [host],
    http: [forward([host], { matches: [onPrefix('/zoo')] })],
  });
  expect(rulesOf(reviews, route('a/v', [host]), route('default/v', [host]), some)).toEqual({
    [`*|${host}`]: ['zoo/v spec.http[0]', 'default/v spec.http[0]', 'a/v spec.http[0]'],
    [`ns:a|${host}`]: ['zoo/v spec.http[0]', 'a/v spec.http[0]', 'default/v spec.http[0]'],
    [`ns:zoo|${host}`]: ['zoo/v spec.http[0]', 'default/v spec.http[0]', 'a/v spec.http[0]'],
  });
});

test('rules carry defaults, full hosts, ports and their places', () => {
  const { routeTables } = meshOf(
    reviews,
    virtualService('default/v', {
      hosts: ['reviews'],
      http: [
        forward(['reviews/v1'], {
          matches: [onPrefix('/api')],
          mirrors: [{ destination: { host: 'ratings', subset: '' }, percent: 10, field: 'mirror' }],
        }),
        forward(['reviews'], { retry: { attempts: 0, retryOn: '', retryRemoteLocalities: false } }),
        forward(['reviews'], { retry: { attempts: 3, retryOn: '', retryRemoteLocalities: false } }),
      ],
    }),
  );
  const [first, second, third] = routeTables.get(`*|${host}`)?.rules ?? [];
  const object = 'VirtualService/default/v';
  expect(first).toMatchObject({
    matches: [{ uri: { kind: 'prefix', value: '/api' }, cause: { object, field: 'spec.http[0].match[0]' } }],
    action: {
      kind: 'forward',
      destinations: [
        { host, subset: 'v1', port: 9080, weight: 100, cause: { object, field: 'spec.http[0].route[0]' } },
      ],
    },
    timeoutMs: 0,
    retry: { attempts: 2 },
    mirrors: [
      {
        destination: {
          host: 'ratings.default.svc.cluster.local',
          port: 'FROM_REQUEST_PORT',
          cause: { object, field: 'spec.http[0].mirror' },
        },
        percent: 10,
      },
    ],
    cause: { object, field: 'spec.http[0]' },
  });
  expect(first?.matches[0]).not.toHaveProperty('gateways');
  expect(second).not.toHaveProperty('retry');
  expect(third?.retry).toMatchObject({ attempts: 3, retryOn: expect.stringContaining('connect-failure') });
});

test('destinations that are not there are reported with what happens to requests', () => {
  const { conflicts } = meshOf(
    reviews,
    service('default/two', { ports: [servicePort(80, 'http'), servicePort(81, 'http')] }),
    virtualService('default/v', {
      hosts: ['reviews'],
      http: [
        forward(['reviews/v9', 'nowhere', 'two']),
        {
          ...forward([]),
          action: { kind: 'forward', destinations: [{ ...destinationOf(forward(['reviews'])), port: 1 }] },
        },
      ],
    }),
  );
  expect(
    [...conflicts.entries()]
      .filter(([, { code }]) => code.startsWith('destination'))
      .map(([, { code, field, message }]) => [code, field, message]),
  ).toEqual([
    ['destination-subset-unknown', 'spec.http[0].route[0]', `${host} has no subset v9; requests get 503`],
    [
      'destination-unknown',
      'spec.http[0].route[1]',
      'no service nowhere.default.svc.cluster.local is known; requests get 503',
    ],
    [
      'destination-port-open',
      'spec.http[0].route[2]',
      'two.default.svc.cluster.local has ports 80, 81 and none is named; the port of the request is taken',
    ],
    ['destination-port-unknown', 'spec.http[1].route[0]', `${host} has no port 1; requests get 503`],
  ]);
});

function destinationOf({ action }: ReturnType<typeof forward>) {
  const [first] = action.kind === 'forward' ? action.destinations : [];
  if (first === undefined) throw new Error('the rule has no destination');
  return first;
}
