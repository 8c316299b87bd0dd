// What a Sidecar leaves of the mesh for a proxy: imported hosts and what is behind them; only that is sent and resent.
import { describe, expect, it } from 'vitest';
import { documents, route, service } from './support/documents.ts';
import { start } from './support/mesh.ts';
import { onDemand, type ProxyOptions } from './support/proxy-client.ts';

const mesh = documents(service('reviews'), service('details'), service('ratings'));
const eager: ProxyOptions = { name: 'eager', address: '127.0.9.1' };
const asking: ProxyOptions = { name: 'asking', address: '127.0.9.2', metadata: onDemand };
const cluster = (host: string): string => `outbound|9080||${host}.default.svc.cluster.local`;
const base = ['BlackHoleCluster', 'ForwardProxyCluster', 'InboundPassthroughCluster', 'PassthroughCluster'];

const sidecar = (...hosts: readonly string[]): string => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: default }
spec:
  egress:
    - hosts: [${hosts.map((host) => JSON.stringify(host)).join(', ')}]
`;

const tcp = (name: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${name}.example.com]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: NONE
`;

describe('a Sidecar', () => {
  it('[MG-8] leaves ordinary clients what is imported and what that needs', async () => {
    const { proxies, onChange, plane } = await start(
      documents(mesh, sidecar('./details.default.svc.cluster.local')),
      eager,
    );
    expect(proxies[0]?.taken()).toEqual([
      { type: 'cluster', set: [...base, cluster('details')].sort() },
      { type: 'endpoint', set: [cluster('details')] },
      { type: 'listener', set: ['0.0.0.0_9080', 'virtualInbound', 'virtualOutbound'] },
      { type: 'route', set: ['9080'] },
    ]);
    expect(await onChange(() => plane.apply(service('other')))).toEqual([[]]);
    const widened = await onChange(() => plane.apply(sidecar('./*')));
    expect(new Set(widened[0]?.map(({ type }) => type))).toEqual(new Set(['cluster', 'endpoint', 'route']));
  });

  it('hides hosts from clients that ask, until they are imported', async () => {
    const { proxies, onChange, plane } = await start(
      documents(mesh, sidecar('./details.default.svc.cluster.local')),
      asking,
    );
    expect(await onChange(async () => proxies[0]?.askHost('9080/reviews'))).toEqual([
      [{ type: 'virtualHost', set: ['9080/reviews'] }],
    ]);
    expect(await onChange(() => plane.apply(route('reviews', { v1: 100 })))).toEqual([[]]);
    expect((await onChange(() => plane.apply(sidecar('*/*'))))[0]?.at(-1)).toEqual({
      type: 'virtualHost',
      set: ['9080/reviews.default.svc.cluster.local'],
      removed: ['9080/reviews'],
    });
    expect(await onChange(() => plane.apply(sidecar('~/*')))).toEqual([
      [
        { type: 'virtualHost', removed: ['9080/reviews.default.svc.cluster.local'] },
        { type: 'virtualHost', set: ['9080/reviews'] },
      ],
    ]);
  });

  it('leaves of a port that hosts share those that are imported', async () => {
    const { proxies, onChange, plane } = await start(
      documents(mesh, tcp('one'), tcp('two'), sidecar('./one.example.com')),
      asking,
      { ...eager, namespace: 'elsewhere' },
    );
    const clusters = proxies.map((proxy) =>
      proxy
        .taken()
        .find(({ type }) => type === 'cluster')
        ?.set?.filter((name) => name.includes('example.com')),
    );
    expect(clusters[0]).toEqual(['outbound|443||one.example.com']);
    expect(clusters[1]).toEqual(['outbound|443||one.example.com', 'outbound|443||two.example.com']);
    const hidden = await onChange(() => plane.apply(sidecar('~/*')));
    expect(hidden[0]).toContainEqual({ type: 'listener', removed: ['0.0.0.0_443'] });
  });
});
