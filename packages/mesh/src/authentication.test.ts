// Which rules about tokens hold where, with which keys; and what has to be fetched for them.
import { expect, test } from 'vitest';
import { contents, createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { jwtRule, pod, proxy, requestAuthentication } from './testing/objects.ts';

const issuer = 'https://a.example';
const inline = jwtRule('me', { keys: { kind: 'inline', keys: [{ kty: 'EC' }] } });

function meshWith(...objects: readonly MeshObject[]) {
  const mesh = createMesh();
  mesh.put(pod('a/one', { app: 'one' }, { ip: '127.0.1.1' }), ...objects);
  mesh.connect(
    proxy('a/one', { id: 'one', address: '127.0.1.1', labels: { app: 'one' } }),
    proxy('a/edge', {
      id: 'edge',
      role: 'router',
      labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' },
    }),
  );
  const rulesAt = (id: string) =>
    (mesh.mesh.inbounds.get(id) ?? mesh.mesh.gateways.get(id))?.authentication.map(
      ({ cause, keySet }) => `${cause.object}#${cause.field} ${keySet ?? 'no keys'}`,
    );
  return { ...mesh, rulesAt };
}

test('[AU-2] rules of the mesh, of the namespace and of the workload add up; those of others do not', () => {
  const { rulesAt } = meshWith(
    requestAuthentication('istio-system/mesh', { jwtRules: [inline] }),
    requestAuthentication('a/namespace', { jwtRules: [inline, jwtRule(issuer)] }),
    requestAuthentication('a/one', { selector: { app: 'one' }, jwtRules: [inline] }),
    requestAuthentication('a/two', { selector: { app: 'two' }, jwtRules: [inline] }),
    requestAuthentication('b/namespace', { jwtRules: [inline] }),
    requestAuthentication('a/edge', { targetGateways: ['edge'], jwtRules: [inline] }),
    requestAuthentication('b/edge', { targetGateways: ['edge'], jwtRules: [inline] }),
  );
  const keys = '{"keys":[{"kty":"EC"}]}';
  const everywhere = [
    `RequestAuthentication/a/namespace#spec.jwtRules[0] ${keys}`,
    'RequestAuthentication/a/namespace#spec.jwtRules[1] no keys',
  ];
  const ofMesh = `RequestAuthentication/istio-system/mesh#spec.jwtRules[0] ${keys}`;
  expect(rulesAt('one')).toEqual([
    ...everywhere,
    `RequestAuthentication/a/one#spec.jwtRules[0] ${keys}`,
    ofMesh,
  ]);
  expect(rulesAt('edge')).toEqual([
    `RequestAuthentication/a/edge#spec.jwtRules[0] ${keys}`,
    ...everywhere,
    ofMesh,
  ]);
});

test('keys come when they come, and only to those who need them', () => {
  const mesh = meshWith(
    requestAuthentication('a/one', { selector: { app: 'one' }, jwtRules: [jwtRule(issuer)] }),
    requestAuthentication('b/other', { jwtRules: [jwtRule(issuer, { timeoutMs: 9_000 }), inline] }),
    requestAuthentication('b/asking', { jwtRules: [jwtRule(issuer, { keys: { kind: 'discovery' } })] }),
  );
  expect(contents(mesh.mesh.keyRequests)).toEqual({
    'issuer https://a.example': { timeoutMs: 5_000, objects: ['RequestAuthentication/b/asking'] },
    'uri https://a.example/keys': {
      timeoutMs: 9_000,
      objects: ['RequestAuthentication/a/one', 'RequestAuthentication/b/other'],
    },
  });
  const runs = mesh.runsOf(() =>
    mesh.graph.transact(() => mesh.keySets.set('uri https://a.example/keys', '{}')),
  );
  expect(runs).toEqual({ 'mesh.inbounds': 1 });
  expect(mesh.rulesAt('one')).toEqual(['RequestAuthentication/a/one#spec.jwtRules[0] {}']);
});
