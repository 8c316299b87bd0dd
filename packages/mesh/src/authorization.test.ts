// Which policies hold where, in which order, and what their rules ask.
import type { AuthorizationOperation, AuthorizationSource } from '@xebec/config';
import { expect, test } from 'vitest';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { authorizationPolicy, pod, proxy } from './testing/objects.ts';

const node = proxy('default/reviews-1', { id: 'p', labels: { app: 'reviews' } });
const router = proxy('istio-system/edge', { id: 'g', role: 'router', labels: { istio: 'ingress' } });

function meshOf(...objects: readonly MeshObject[]) {
  const { mesh, put, connect } = createMesh();
  connect(node);
  connect(router);
  put(pod('default/reviews-1', { app: 'reviews' }), ...objects);
  return mesh;
}

const holding = (...objects: readonly MeshObject[]): readonly string[] | undefined =>
  meshOf(...objects)
    .inbounds.get('p')
    ?.authorization.map(({ namespace, name, action }) => `${namespace}/${name} ${action}`);

test('those of the own namespace and of the root namespace, where the selector holds, by namespace and name', () => {
  expect(
    holding(
      authorizationPolicy('istio-system/z', { action: 'DENY' }),
      authorizationPolicy('default/b'),
      authorizationPolicy('default/a', { selector: { app: 'reviews' } }),
      authorizationPolicy('default/c', { selector: { app: 'ratings' } }),
      authorizationPolicy('default/d', { selector: { app: 'reviews', version: 'v1' } }),
      authorizationPolicy('istio-system/y', { selector: { app: 'reviews' } }),
      authorizationPolicy('other/a'),
    ),
  ).toEqual(['default/a ALLOW', 'default/b ALLOW', 'istio-system/y ALLOW', 'istio-system/z DENY']);
  expect(holding()).toEqual([]);
});

test('gateways have policies, too', () => {
  const mesh = meshOf(
    authorizationPolicy('istio-system/edge', { selector: { istio: 'ingress' } }),
    authorizationPolicy('default/a'),
  );
  expect(mesh.gateways.get('g')?.authorization.map(({ name }) => name)).toEqual(['edge']);
});

const noSource: AuthorizationSource = {
  principals: [],
  notPrincipals: [],
  requestPrincipals: [],
  notRequestPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  ipBlocks: [],
  notIpBlocks: [],
  remoteIpBlocks: [],
  notRemoteIpBlocks: [],
};
const noOperation: AuthorizationOperation = {
  hosts: [],
  notHosts: [],
  ports: [],
  notPorts: [],
  methods: [],
  notMethods: [],
  paths: [],
  notPaths: [],
};

test('a rule asks what is written, each with its place', () => {
  const inbound = meshOf(
    authorizationPolicy('default/a', {
      rules: [
        {
          sources: [
            { ...noSource, notServiceAccounts: ['shop/cart'], ipBlocks: ['10.0.0.0/8'] },
            { ...noSource, namespaces: [{ kind: 'prefix', value: 'test-' }] },
          ],
          operations: [{ ...noOperation, ports: [80, 81], notMethods: [{ kind: 'exact', value: 'GET' }] }],
          conditions: [
            { key: { kind: 'header', name: 'x' }, values: [{ kind: 'present' }], notValues: [] },
            { key: { kind: 'connection.sni' }, values: [], notValues: [{ kind: 'exact', value: 'a' }] },
          ],
        },
      ],
    }),
  ).inbounds.get('p');
  const exact = (value: string) => ({ kind: 'exact', value });
  expect(inbound?.authorization[0]?.rules).toEqual([
    {
      clients: [
        [
          { attribute: 'service-account', values: [exact('shop/cart')], isNegated: true },
          { attribute: 'peer-address', values: [exact('10.0.0.0/8')], isNegated: false },
        ],
        [{ attribute: 'namespace', values: [{ kind: 'prefix', value: 'test-' }], isNegated: false }],
      ],
      requests: [
        [
          { attribute: 'destination-port', values: [exact('80'), exact('81')], isNegated: false },
          { attribute: 'method', values: [exact('GET')], isNegated: true },
        ],
      ],
      conditions: [
        { attribute: { header: 'x' }, values: [{ kind: 'present' }], isNegated: false },
        { attribute: 'server-name', values: [exact('a')], isNegated: true },
      ],
      cause: { object: 'AuthorizationPolicy/default/a', field: 'spec.rules[0]' },
    },
  ]);
});
