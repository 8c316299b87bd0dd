// Inbounds: ports from services and containers, and mutual TLS from port over workload over namespace over mesh.
import type { PeerAuthenticationSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import {
  inlineEndpoint,
  object,
  peerAuthentication,
  pod,
  proxy,
  service,
  servicePort,
} from './testing/objects.ts';

const node = proxy('default/reviews-1', { id: 'p', labels: { app: 'reviews' } });

function inboundOf(...objects: readonly MeshObject[]) {
  const { mesh, put, connect } = createMesh();
  connect(node);
  put(...objects);
  return mesh.inbounds.get('p');
}

const portsOf = (...objects: readonly MeshObject[]) =>
  inboundOf(...objects)?.ports.map(({ port, protocol, service: by, mutualTls }) => [
    port,
    protocol,
    by?.host,
    mutualTls,
  ]);

const reviews = service('default/reviews', {
  ports: [servicePort(80, 'http', { targetPort: 'web' }), servicePort(81, 'tcp', { targetPort: 8081 })],
});
const own = pod(
  'default/reviews-1',
  { app: 'reviews' },
  {
    ports: [
      { name: 'web', port: 8080 },
      { name: 'admin', port: 9000 },
    ],
  },
);

test('ports that services name, and those the containers declare besides', () => {
  const host = 'reviews.default.svc.cluster.local';
  expect(portsOf(reviews, own, service('other/reviews'))).toEqual([
    [8080, 'http', host, 'PERMISSIVE'],
    [8081, 'tcp', host, 'PERMISSIVE'],
    [9000, 'auto', undefined, 'PERMISSIVE'],
  ]);
});

test('of several services for a port the first by host names it', () => {
  const also = service('default/aaa', {
    selector: { app: 'reviews' },
    ports: [servicePort(7, 'grpc', { targetPort: 8081 })],
  });
  expect(portsOf(reviews, own, also)?.[1]).toEqual([
    8081,
    'grpc',
    'aaa.default.svc.cluster.local',
    'PERMISSIVE',
  ]);
});

test('a proxy without an object serves what its labels say; one by address is found', () => {
  expect(portsOf(reviews)?.map(([port]) => port)).toEqual([8081]);
  const entry = object(
    'WorkloadEntry',
    'default/vm',
    inlineEndpoint('127.0.1.1', { labels: { app: 'reviews' }, ports: { web: 8088 } }),
  );
  expect(portsOf(reviews, entry)?.map(([port]) => port)).toEqual([8081, 8088]);
});

const peer = (id: `${string}/${string}`, spec: Partial<PeerAuthenticationSpec>) =>
  peerAuthentication(id, spec);
const app = { app: 'reviews' };

test.each([
  { why: 'nobody says anything', peers: [], expected: ['PERMISSIVE', {}] },
  { why: 'mesh', peers: [peer('istio-system/m', { mode: 'STRICT' })], expected: ['STRICT', {}] },
  {
    why: 'namespace over mesh',
    peers: [peer('istio-system/m', { mode: 'STRICT' }), peer('default/n', { mode: 'DISABLE' })],
    expected: ['DISABLE', {}],
  },
  {
    why: 'a namespace that inherits',
    peers: [peer('istio-system/m', { mode: 'STRICT' }), peer('default/n', {})],
    expected: ['STRICT', {}],
  },
  { why: 'another namespace', peers: [peer('other/n', { mode: 'STRICT' })], expected: ['PERMISSIVE', {}] },
  {
    why: 'workload over namespace',
    peers: [peer('default/n', { mode: 'STRICT' }), peer('default/w', { selector: app, mode: 'PERMISSIVE' })],
    expected: ['PERMISSIVE', {}],
  },
  {
    why: 'another workload',
    peers: [peer('default/w', { selector: { app: 'ratings' }, mode: 'STRICT' })],
    expected: ['PERMISSIVE', {}],
  },
  {
    why: 'port over workload, unset ports inherit',
    peers: [
      peer('default/n', { mode: 'STRICT' }),
      peer('default/w', { selector: app, portModes: { 8080: 'DISABLE', 8081: 'UNSET' } }),
    ],
    expected: ['STRICT', { 8080: 'DISABLE', 8081: 'STRICT' }],
  },
  {
    why: 'the first of several by name',
    peers: [peer('default/b', { mode: 'STRICT' }), peer('default/a', { mode: 'DISABLE' })],
    expected: ['DISABLE', {}],
  },
  {
    why: 'a selector without labels is the namespace',
    peers: [peer('default/n', { selector: {}, mode: 'STRICT' })],
    expected: ['STRICT', {}],
  },
])('mutual TLS: $why', ({ peers, expected }) => {
  const inbound = inboundOf(own, ...peers);
  expect([inbound?.peer.mode, inbound?.peer.portModes]).toEqual(expected);
});

test('a second policy for a namespace is reported', () => {
  const { mesh, put } = createMesh();
  put(peer('default/b', { mode: 'STRICT' }), peer('default/a', { mode: 'DISABLE' }));
  expect([...mesh.conflicts.entries()].map(([, { code, origin }]) => [code, origin?.object])).toEqual([
    ['peer-authentication-ignored', 'PeerAuthentication/default/b'],
  ]);
});
