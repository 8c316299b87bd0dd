// Without an Envoy next to the control plane: patches leave unchecked and everybody is told so; what a proxy refuses is left out again until it is mended.
import { describe, expect, it } from 'vitest';
import { eventually } from './support/control-plane.ts';
import { documents, service } from './support/documents.ts';
import { start } from './support/mesh.ts';

const cluster = (host: string): string => `outbound|9080||${host}.default.svc.cluster.local`;
const patch = (name: string, limit: number): string => `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name} }
spec:
  configPatches:
    - applyTo: CLUSTER
      match: { context: SIDECAR_OUTBOUND, cluster: { service: ratings.default.svc.cluster.local } }
      patch: { operation: MERGE, value: { per_connection_buffer_limit_bytes: ${limit} } }
`;

interface Shown {
  readonly items: readonly {
    readonly status: { readonly xebec: { readonly problems?: readonly { code: string; message: string }[] } };
  }[];
}

describe('patches without an Envoy to check them', () => {
  it('[BY-8] are applied, and held on the word of a proxy until they are mended', async () => {
    const { plane, proxies, onChange } = await start(documents(service('ratings')), { name: 'eager' });
    const [proxy] = proxies;
    const problems = async () => {
      const { items } = await plane.ask<Shown>('GET', '/v1/objects?kind=EnvoyFilter&name=limit');
      return items[0]?.status.xebec.problems ?? [];
    };
    const held = () => Buffer.from(proxy?.resources.get('cluster')?.get(cluster('ratings')) ?? []).toString();
    const warnings = plane.events.flatMap((event) =>
      event.kind === 'problem' ? [event.diagnostic.code] : [],
    );
    expect(warnings).toContain('patch-checks-off');
    expect(await plane.ask('GET', '/v1/status')).toMatchObject({ patchChecks: 'off', problems: [] });

    await onChange(() => plane.apply(patch('limit', 1_111)));
    const good = held();
    expect(await problems()).toEqual([]);
    proxy?.refuse('cluster', cluster('ratings'), 'no such limit');
    await plane.apply(patch('limit', 2_222));
    await eventually('the object is held', async () => (await problems())[0]?.code === 'refused-by-envoy');
    expect((await problems())[0]?.message).toContain('no such limit; its last good value stays in force');
    expect(held()).toBe(good);

    proxy?.accept('cluster', cluster('ratings'));
    await onChange(() => plane.apply(patch('limit', 3_333)));
    await eventually('the mended one is there', async () => held() !== good);
    await eventually('nothing is wrong any more', async () => (await problems()).length === 0);
  });
});
