// Destinations: whose DestinationRule holds for whom, and how policies are merged.
import type { DestinationRuleSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { destinationRule, service } from './testing/objects.ts';

const host = 'reviews.default.svc.cluster.local';
const rule = (id: `${string}/${string}`, spec: Partial<DestinationRuleSpec> = {}) =>
  destinationRule(id, { host, ...spec });

function destinationsOf(...objects: readonly MeshObject[]) {
  const { mesh, put } = createMesh();
  put(service('default/reviews'), ...objects);
  return contents(mesh.destinations);
}

/** Layer → the rules that hold there. */
const rulesOf = (...objects: readonly MeshObject[]) =>
  Object.fromEntries(
    Object.values(destinationsOf(...objects)).map(({ layer, causes }) => [
      layer,
      causes.slice(1).map((cause) => cause.object.slice('DestinationRule/'.length)),
    ]),
  );

test('without a rule there are the defaults of the mesh', () => {
  expect(destinationsOf()[`*|${host}`]).toMatchObject({
    layer: '*',
    policy: { loadBalancer: 'LEAST_REQUEST', connectionPool: {}, tls: { mode: 'auto' } },
    portPolicies: [],
    subsets: [],
    identities: [],
  });
});

test.each([
  { why: "the service's namespace", rules: [rule('default/r')], expected: { '*': ['default/r'] } },
  {
    why: "the client's own, for it alone",
    rules: [rule('shop/r')],
    expected: { '*': [], 'ns:shop': ['shop/r'] },
  },
  { why: 'the root namespace', rules: [rule('istio-system/r')], expected: { '*': ['istio-system/r'] } },
  {
    why: 'client before service before root',
    rules: [rule('shop/r'), rule('default/r'), rule('istio-system/r')],
    expected: { '*': ['default/r'], 'ns:istio-system': ['istio-system/r'], 'ns:shop': ['shop/r'] },
  },
  {
    why: 'a private one',
    rules: [rule('default/r', { exportTo: ['.'] })],
    expected: { '*': [], 'ns:default': ['default/r'] },
  },
  {
    why: 'one for a single namespace',
    rules: [rule('default/r', { exportTo: ['shop'] })],
    expected: { '*': [], 'ns:shop': ['default/r'] },
  },
  {
    why: 'the most specific host',
    rules: [
      rule('default/a', { host: '*.svc.cluster.local' }),
      rule('default/b', { host: '*.default.svc.cluster.local' }),
    ],
    expected: { '*': ['default/b'] },
  },
  {
    why: 'a short host in its own namespace',
    rules: [rule('default/r', { host: 'reviews' })],
    expected: { '*': ['default/r'] },
  },
  { why: 'not a short host elsewhere', rules: [rule('shop/r', { host: 'reviews' })], expected: { '*': [] } },
  {
    why: 'several of one namespace together',
    rules: [rule('default/b'), rule('default/a')],
    expected: { '*': ['default/a', 'default/b'] },
  },
])('what holds: $why', ({ rules, expected }) => {
  expect(rulesOf(...rules)).toEqual(expected);
});

test('rules of one namespace are merged: all subsets, the first policy', () => {
  const destination = destinationsOf(
    rule('default/a', { subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
    rule('default/b', {
      trafficPolicy: { loadBalancer: { simple: 'RANDOM' }, portLevelSettings: [] },
      subsets: [
        { name: 'v1', labels: { version: 'other' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    }),
  )[`*|${host}`];
  expect(destination?.policy.loadBalancer).toBe('RANDOM');
  expect(destination?.subsets.map(({ name, labels, causes }) => [name, labels, causes])).toEqual([
    ['v1', { version: 'v1' }, [{ object: 'DestinationRule/default/a', field: 'spec.subsets[0]' }]],
    ['v2', { version: 'v2' }, [{ object: 'DestinationRule/default/b', field: 'spec.subsets[1]' }]],
  ]);
});

test('subset over host, field by field; port settings stand alone', () => {
  const destination = destinationsOf(
    rule('default/r', {
      trafficPolicy: {
        loadBalancer: { simple: 'RANDOM' },
        connectionPool: { maxConnections: 1 },
        tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: [] },
        portLevelSettings: [{ port: 9080, loadBalancer: { simple: 'ROUND_ROBIN' } }],
      },
      subsets: [
        { name: 'plain', labels: {}, trafficPolicy: { tls: { mode: 'DISABLE' }, portLevelSettings: [] } },
        {
          name: 'port',
          labels: {},
          trafficPolicy: { portLevelSettings: [{ port: 9080, tls: { mode: 'DISABLE' } }] },
        },
      ],
    }),
  )[`*|${host}`];
  expect(destination).toMatchObject({
    policy: {
      loadBalancer: 'RANDOM',
      connectionPool: { maxConnections: 1 },
      tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: [] },
    },
    portPolicies: [{ port: 9080, loadBalancer: 'ROUND_ROBIN', connectionPool: {}, tls: { mode: 'auto' } }],
    subsets: [
      {
        policy: { loadBalancer: 'RANDOM', connectionPool: { maxConnections: 1 }, tls: { mode: 'DISABLE' } },
        portPolicies: [
          { port: 9080, loadBalancer: 'ROUND_ROBIN', connectionPool: {}, tls: { mode: 'DISABLE' } },
        ],
      },
      {
        policy: { tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: [] } },
        portPolicies: [
          { port: 9080, loadBalancer: 'LEAST_REQUEST', connectionPool: {}, tls: { mode: 'DISABLE' } },
        ],
      },
    ],
  });
});
