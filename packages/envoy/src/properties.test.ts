// Random meshes: whatever is accepted becomes resources that fit together and that Envoy takes.
import type { ProxyNode } from '@xebec/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyMesh, type Manifest, textOf } from './testing/arbitrary-mesh.ts';
import { type ConfigMesh, createConfigMesh } from './testing/config-mesh.ts';
import { createValidation, findEnvoy } from './testing/envoy-validation.ts';
import { proxyOf } from './testing/proxies.ts';
import { duplicateDomains, missingFrom, visibleTo } from './testing/visible.ts';

const sidecar = (options: Partial<ProxyNode>): ProxyNode => {
  const { namespace, capture, discovery } = {
    namespace: 'a',
    capture: 'transparent',
    discovery: 'eager',
    ...options,
  };
  const name = `s1-0`;
  const id = `sidecar~127.9.1.1~${capture}-${discovery}.${namespace}~${namespace}.svc.cluster.local`;
  return proxyOf({ address: '127.9.1.1', name, ...options, namespace, id });
};

const proxies: readonly ProxyNode[] = [
  ...(['a', 'b'] as const).flatMap((namespace) =>
    (['transparent', 'explicit'] as const).flatMap((capture) =>
      (['eager', 'on-demand'] as const).map((discovery) => sidecar({ namespace, capture, discovery })),
    ),
  ),
  proxyOf({ id: 'router', role: 'router', namespace: 'a', name: 'gateway', labels: { app: 'gateway' } }),
  proxyOf({ id: 'grpc', role: 'grpc', namespace: 'b', name: 'client' }),
];

function meshOf(manifests: readonly Manifest[], connected = proxies): ConfigMesh {
  const mesh = createConfigMesh();
  mesh.connect(...connected);
  mesh.apply(textOf(manifests));
  return mesh;
}

test('[MG-6] resources fit together for every proxy', () => {
  fc.assert(
    fc.property(anyMesh, (manifests) => {
      const mesh = meshOf(manifests);
      expect(mesh.graph.errors()).toEqual([]);
      for (const proxy of proxies) {
        const visible = visibleTo(proxy, mesh);
        expect(duplicateDomains(visible), proxy.id).toEqual([]);
        expect(proxy.role === 'grpc' ? [] : missingFrom(visible), proxy.id).toEqual([]);
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 30) },
  );
}, 60_000);

const envoyPath = findEnvoy();

test.skipIf(envoyPath === undefined)(
  '[MG-6] Envoy takes whatever was accepted (set ENVOY_PATH if none was found)',
  async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const samples = fc.sample(anyMesh, { numRuns: 50, seed });
    const validation = createValidation();
    // One of each style is enough here: listeners and tables of both ways of discovery are made for any.
    const few = proxies.filter(
      ({ id, role }) => role !== 'sidecar' || /transparent-eager.a|explicit-on-demand.b/.test(id),
    );
    for (const [i, manifests] of samples.entries()) validation.add(`mesh${i}`, meshOf(manifests, few));
    const complaint = await validation.run(envoyPath ?? '');
    const culprit = /mesh(\d+)~/.exec(complaint ?? '')?.[1];
    const text = culprit === undefined ? '' : textOf(samples[Number(culprit)] ?? []);
    expect(complaint, `SEED=${seed}\n${text}`).toBeUndefined();
  },
  120_000,
);
