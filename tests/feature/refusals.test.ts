// A resource that a proxy refuses: it alone stays behind, what caused it is named by file and line, and mending it heals.
import { describe, expect, it } from 'vitest';
import { eventually, type ShownStream } from './support/control-plane.ts';
import { documents, route, service, subsets } from './support/documents.ts';
import { start } from './support/mesh.ts';
import { onDemand } from './support/proxy-client.ts';

const cluster = (host: string): string => `outbound|9080||${host}.default.svc.cluster.local`;
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const hostType = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';

const limits = (host: string, connections: number): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host} }
spec: { host: ${host}, trafficPolicy: { connectionPool: { tcp: { maxConnections: ${connections} } } } }
`;

const rejectionOf = (stream: ShownStream | undefined, type: string) => stream?.types[type]?.rejection;

describe('a refused resource', () => {
  it('[MG-3] stays behind alone, among others of the same change, and leads back to the line that caused it', async () => {
    const mesh = documents(service('details'), service('ratings'), service('reviews'));
    const { plane, proxies, onChange } = await start(mesh, { name: 'eager' });
    proxies[0]?.refuse('cluster', cluster('ratings'), 'no such limit');
    const changed = documents(limits('details', 1), limits('ratings', 2), limits('reviews', 3));
    await onChange(async () => {
      await plane.apply(changed, 'limits.yaml');
      await eventually('the bad one is found', async () => {
        const rejection = rejectionOf((await plane.streams())[0], clusterType);
        return rejection?.resources.length === 1;
      });
    });
    expect(rejectionOf((await plane.streams())[0], clusterType)).toMatchObject({
      message: 'no such limit',
      resources: [
        {
          name: cluster('ratings'),
          causes: [
            { cause: 'Service/default/ratings', origin: { file: 'mesh.yaml', line: 8, column: 1 } },
            { cause: 'DestinationRule/default/ratings', origin: { file: 'limits.yaml', line: 8, column: 1 } },
          ],
        },
      ],
    });
    const held = proxies[0]?.resources.get('cluster');
    expect(Buffer.from(held?.get(cluster('reviews')) ?? []).includes('DestinationRule/default/reviews')).toBe(
      true,
    );
    expect(Buffer.from(held?.get(cluster('ratings')) ?? []).includes('DestinationRule/default/ratings')).toBe(
      false,
    );
  });

  it('does not stop later changes of others, and is sent again when it was changed', async () => {
    const { plane, proxies, onChange } = await start(documents(service('details'), service('ratings')), {
      name: 'eager',
    });
    const [proxy] = proxies;
    proxy?.refuse('cluster', cluster('ratings'), 'no such limit');
    await onChange(() => plane.apply(limits('ratings', 2)));
    expect(await onChange(() => plane.apply(limits('details', 5)))).toEqual([
      [
        { type: 'cluster', set: [cluster('details')] },
        { type: 'endpoint', set: [cluster('details')] },
      ],
    ]);
    proxy?.accept('cluster', cluster('ratings'));
    expect(await onChange(() => plane.apply(limits('ratings', 3)))).toEqual([
      [
        { type: 'cluster', set: [cluster('ratings')] },
        { type: 'endpoint', set: [cluster('ratings')] },
      ],
    ]);
    expect(rejectionOf((await plane.streams())[0], clusterType)).toBeUndefined();
  });

  it('of one proxy is no matter to another', async () => {
    const mesh = documents(service('reviews'), subsets('reviews', 'v1', 'v2'), route('reviews', { v1: 100 }));
    const asking = { name: 'a', metadata: onDemand };
    const { plane, proxies, onChange } = await start(mesh, asking, { ...asking, name: 'b' });
    for (const proxy of proxies) proxy.askHost('9080/reviews');
    await plane.settled(proxies);
    const host = '9080/reviews.default.svc.cluster.local';
    proxies[0]?.refuse('virtualHost', host, 'bad host');
    const received = await onChange(() => plane.apply(route('reviews', { v1: 1, v2: 1 })));
    expect(received.map((each) => each.at(-1))).toEqual([
      { type: 'virtualHost', set: [host] },
      { type: 'virtualHost', set: [host] },
    ]);
    const streams = await plane.streams();
    const messages = proxies.map(
      ({ id }) =>
        rejectionOf(
          streams.find(({ client }) => client === id),
          hostType,
        )?.message,
    );
    expect(messages).toEqual(['bad host', undefined]);
  });
});
