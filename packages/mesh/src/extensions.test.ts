// Whose filters stand in which order, and how little a change of what a filter is told touches.
import type { ExtensionSpec, ObjectOf } from '@xebec/config';
import type { ProxyNode } from '@xebec/model';
import { beforeEach, expect, it } from 'vitest';
import { createMesh, type MeshFixture } from './testing/mesh-fixture.ts';
import { object, proxy } from './testing/objects.ts';

const extension = (
  key: `${string}/${string}`,
  spec: Partial<ExtensionSpec> = {},
  inlineCode = '',
): ObjectOf<'TrafficExtension'> =>
  object('TrafficExtension', key, {
    targetGateways: [],
    priority: 0,
    phase: 'UNSPECIFIED',
    match: [],
    filter: { kind: 'lua', inlineCode },
    ...spec,
  });

let fixture: MeshFixture;
const client: ProxyNode = { ...proxy('shop/a'), labels: { app: 'a' } };
const router: ProxyNode = { ...proxy('istio-system/edge'), role: 'router', labels: { istio: 'edge' } };
/** `NAME@SIDE …` of a client, in order. */
const filtersOf = ({ id }: ProxyNode): string =>
  (fixture.mesh.patchSets.get(id)?.patches ?? [])
    .map(({ object: key, position }) => `${key.slice(key.indexOf('/') + 1)}@${'iog'.charAt(position)}`)
    .join(' ');

beforeEach(() => {
  fixture = createMesh();
  fixture.connect(client, router);
});

it('are those of the namespace and of the mesh that select the workload', () => {
  fixture.put(
    extension('shop/all'),
    extension('shop/own', { selector: { app: 'a' } }),
    extension('shop/other', { selector: { app: 'b' } }),
    extension('bank/all'),
    extension('istio-system/mesh'),
    extension('istio-system/edges', { selector: { istio: 'edge' } }),
  );
  expect(filtersOf(client)).toBe(
    'istio-system/mesh@i istio-system/mesh@o shop/all@i shop/all@o shop/own@i shop/own@o',
  );
  expect(filtersOf(router)).toBe('istio-system/edges@g istio-system/mesh@g');
});

it('are in the order of phase, priority, namespace and name', () => {
  fixture.put(
    extension('shop/none', { match: [{ mode: 'SERVER', ports: [] }] }),
    extension('shop/stats', { phase: 'STATS', match: [{ mode: 'SERVER', ports: [80] }] }),
    extension('shop/second', { phase: 'AUTHZ', priority: 1, match: [{ mode: 'SERVER', ports: [] }] }),
    extension('shop/first', { phase: 'AUTHZ', priority: 2, match: [{ mode: 'SERVER', ports: [] }] }),
    extension('shop/in', { phase: 'AUTHN', match: [{ mode: 'SERVER', ports: [] }] }),
    extension('istio-system/in', { phase: 'AUTHN', match: [{ mode: 'SERVER', ports: [] }] }),
  );
  expect(filtersOf(client)).toBe(
    'istio-system/in@i shop/in@i shop/first@i shop/second@i shop/stats@i shop/none@i',
  );
  expect(filtersOf(router)).toBe('');
});

it('are for gateways by name', () => {
  const gatewayed = { ...router, labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } };
  fixture.connect(gatewayed);
  fixture.put(
    extension('istio-system/mine', { targetGateways: ['edge'] }),
    extension('istio-system/other', { targetGateways: ['another'] }),
    extension('shop/foreign', { targetGateways: ['edge'] }),
  );
  expect(filtersOf(gatewayed)).toBe('istio-system/mine@g');
});

it('touch nobody’s list when only what they are told changes', () => {
  fixture.put(extension('istio-system/mesh'));
  const runs = fixture.runsOf(() => fixture.put(extension('istio-system/mesh', {}, 'another script')));
  expect(runs).toEqual({ 'mesh.extensions': 1, 'mesh.extensionPlaces': 1 });
});
