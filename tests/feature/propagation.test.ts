// What each proxy gets, and when: at connect, and on a change only what changed, in the order that breaks nothing.
import { describe, expect, it } from 'vitest';
import { documents, pod, route, service, subsets } from './support/documents.ts';
import { start } from './support/mesh.ts';
import { onDemand, type ProxyOptions } from './support/proxy-client.ts';

const bookinfo = documents(
  service('reviews'),
  service('details'),
  service('ratings'),
  subsets('reviews', 'v1', 'v2'),
  route('reviews', { v1: 100 }),
);
const eager: ProxyOptions = { name: 'eager', address: '127.0.9.1' };
const asking: ProxyOptions = { name: 'asking', address: '127.0.9.2', metadata: onDemand };
const elsewhere: ProxyOptions = { name: 'elsewhere', namespace: 'other', address: '127.0.9.3' };

const cluster = (host: string, subset = ''): string =>
  `outbound|9080|${subset}|${host}.default.svc.cluster.local`;
const virtualHost = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
const base = ['BlackHoleCluster', 'ForwardProxyCluster', 'InboundPassthroughCluster', 'PassthroughCluster'];
const outbound = [
  cluster('details'),
  cluster('ratings'),
  cluster('reviews'),
  cluster('reviews', 'v1'),
  cluster('reviews', 'v2'),
];

describe('at connect', () => {
  it('[MG-3] an ordinary client gets everything its namespace sees, clusters and endpoints first', async () => {
    const { proxies } = await start(bookinfo, eager);
    const clusters = [...base, ...outbound].sort();
    expect(proxies[0]?.taken()).toEqual([
      { type: 'cluster', set: clusters },
      { type: 'endpoint', set: [...outbound].sort() },
      { type: 'listener', set: ['0.0.0.0_9080', 'virtualInbound', 'virtualOutbound'] },
      { type: 'route', set: ['9080'] },
    ]);
  });

  it('a client that asks gets what no request can ask for, and nothing else', async () => {
    const { proxies } = await start(bookinfo, asking);
    expect(proxies[0]?.taken()).toEqual([
      { type: 'cluster', set: base },
      { type: 'listener', set: ['0.0.0.0_9080', 'virtualInbound', 'virtualOutbound'] },
      { type: 'route', set: ['9080'] },
      { type: 'virtualHost', removed: ['9080/~'] },
    ]);
  });
});

describe('on a change', () => {
  it('[MG-3] shares of a route: one table for ordinary clients, one host for the one that uses it, nothing for others', async () => {
    const { plane, proxies, onChange } = await start(bookinfo, eager, asking, { ...asking, name: 'idle' });
    proxies[1]?.askHost('9080/reviews');
    await plane.settled(proxies);
    expect(await onChange(() => plane.apply(route('reviews', { v1: 90, v2: 10 })))).toEqual([
      [{ type: 'route', set: ['9080'] }],
      [
        { type: 'cluster', set: [cluster('reviews', 'v2')] },
        { type: 'endpoint', set: [cluster('reviews', 'v2')] },
        { type: 'virtualHost', set: ['9080/reviews.default.svc.cluster.local'] },
      ],
      [],
    ]);
  });

  it('[MG-3] an endpoint: the two clusters that have it, and nobody who holds neither', async () => {
    const { plane, proxies, onChange } = await start(bookinfo, eager, asking);
    proxies[1]?.askHost('9080/details.default');
    await plane.settled(proxies);
    const changed = [cluster('reviews'), cluster('reviews', 'v1')].sort();
    expect(await onChange(() => plane.putPod(pod('reviews', 'v1', '127.0.8.2', 'reviews-v1-b')))).toEqual([
      [{ type: 'endpoint', set: changed }],
      [],
    ]);
  });

  it('a policy of one namespace reaches its own clients only', async () => {
    const { plane, onChange } = await start(bookinfo, eager, elsewhere);
    const own = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: details, namespace: other }
spec:
  hosts: [details.default.svc.cluster.local]
  exportTo: ["."]
  http: [{ timeout: 3s, route: [{ destination: { host: details.default.svc.cluster.local } }] }]
`;
    expect(await onChange(() => plane.apply(own))).toEqual([[], [{ type: 'route', set: ['9080'] }]]);
  });

  it('mutual TLS of one workload: its own listener, and its clients when it stops to take it', async () => {
    const { plane, onChange } = await start(bookinfo, eager, { name: 'reviews-v1', address: '127.0.8.1' });
    const mode = (name: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: reviews }
spec: { selector: { matchLabels: { app: reviews } }, mtls: { mode: ${name} } }
`;
    expect(await onChange(() => plane.apply(mode('STRICT')))).toEqual([
      [],
      [{ type: 'listener', set: ['virtualInbound'] }],
    ]);
    const endpoints = { type: 'endpoint', set: [cluster('reviews'), cluster('reviews', 'v1')].sort() };
    const [client, own] = await onChange(() => plane.apply(mode('DISABLE')));
    expect([client, own?.toSorted(byType)]).toEqual([
      [endpoints],
      [endpoints, { type: 'listener', set: ['virtualInbound'] }],
    ]);
  });

  it('what says the same in other words is no change', async () => {
    const { plane, onChange } = await start(bookinfo, eager, asking);
    const reworded = route('reviews', { v1: 100 }).replace(
      'networking.istio.io/v1',
      'networking.istio.io/v1beta1',
    );
    expect(await onChange(() => plane.apply(`# moved by a comment\n\n${reworded}`))).toEqual([[], []]);
  });
});

const byType = (left: unknown, right: unknown): number =>
  JSON.stringify(left).localeCompare(JSON.stringify(right));

describe('order', () => {
  it('[MG-3] a subset renamed in one transaction: new clusters, then routes, then the old cluster goes', async () => {
    const { plane, onChange } = await start(bookinfo, eager);
    const renamed = documents(
      subsets('reviews', 'v2').replace('[', '[{ name: first, labels: { version: v1 } },'),
      route('reviews', { first: 100 }),
    );
    expect(await onChange(() => plane.apply(renamed))).toEqual([
      [
        { type: 'cluster', set: [cluster('reviews', 'first')] },
        { type: 'endpoint', set: [cluster('reviews', 'first')] },
        { type: 'route', set: ['9080'] },
        // The client's own subscription is answered too.
        { type: 'endpoint', set: [cluster('reviews', 'first')] },
        { type: 'cluster', removed: [cluster('reviews', 'v1')] },
        { type: 'endpoint', removed: [cluster('reviews', 'v1')] },
      ],
    ]);
  });

  it('the same on demand, where only what is used is known', async () => {
    const { plane, proxies, onChange } = await start(bookinfo, asking);
    proxies[0]?.askHost('9080/reviews');
    await plane.settled(proxies);
    const renamed = documents(
      subsets('reviews', 'v2').replace('[', '[{ name: first, labels: { version: v1 } },'),
      route('reviews', { first: 100 }),
    );
    expect(await onChange(() => plane.apply(renamed))).toEqual([
      [
        { type: 'cluster', set: [cluster('reviews', 'first')] },
        { type: 'endpoint', set: [cluster('reviews', 'first')] },
        { type: 'virtualHost', set: ['9080/reviews.default.svc.cluster.local'] },
        { type: 'cluster', removed: [cluster('reviews', 'v1')] },
        { type: 'endpoint', removed: [cluster('reviews', 'v1')] },
      ],
    ]);
  });

  it('a service that goes: listeners and routes first', async () => {
    const { plane, onChange } = await start(
      documents(service('reviews'), service('extra', '{ name: http, port: 7000 }')),
      eager,
    );
    expect(await onChange(() => plane.remove('Service/default/extra'))).toEqual([
      [
        { type: 'listener', removed: ['0.0.0.0_7000'] },
        { type: 'route', removed: ['7000'] },
        { type: 'cluster', removed: ['outbound|7000||extra.default.svc.cluster.local'] },
        { type: 'endpoint', removed: ['outbound|7000||extra.default.svc.cluster.local'] },
      ],
    ]);
  });
});

describe('on demand', () => {
  it('the first request brings a host with its clusters and endpoints in one go', async () => {
    const { plane, proxies, onChange } = await start(bookinfo, asking);
    expect(
      await onChange(async () => proxies[0]?.askHost('9080/reviews.default.svc.cluster.local:9080')),
    ).toEqual([
      [
        { type: 'cluster', set: [cluster('reviews', 'v1')] },
        { type: 'endpoint', set: [cluster('reviews', 'v1')] },
        { type: 'virtualHost', set: ['9080/reviews.default.svc.cluster.local'] },
      ],
    ]);
    expect((await plane.streams())[0]?.types[virtualHost]).toMatchObject({ held: 1, available: 3 });
  });

  it('a host that no service names is passed through at once, and is the service’s when there is one', async () => {
    const { plane, proxies, onChange } = await start(bookinfo, asking);
    expect(await onChange(async () => proxies[0]?.askHost('9080/late'))).toEqual([
      [{ type: 'virtualHost', set: ['9080/late'] }],
    ]);
    expect(await onChange(() => plane.apply(service('late')))).toEqual([
      [
        { type: 'cluster', set: [cluster('late')] },
        { type: 'endpoint', set: [cluster('late')] },
        {
          type: 'virtualHost',
          set: ['9080/late.default.svc.cluster.local'],
          removed: ['9080/late'],
        },
      ],
    ]);
  });

  it('what a workload used is there at once when another replica of it connects', async () => {
    const { plane, proxies, connect } = await start(bookinfo, asking);
    proxies[0]?.askHost('9080/ratings');
    await plane.settled(proxies);
    const replica = await connect({ ...asking, address: '127.0.9.9' });
    expect(replica.taken()).toEqual([
      { type: 'cluster', set: [...base, cluster('ratings')].sort() },
      { type: 'endpoint', set: [cluster('ratings')] },
      { type: 'listener', set: ['0.0.0.0_9080', 'virtualInbound', 'virtualOutbound'] },
      { type: 'route', set: ['9080'] },
      { type: 'virtualHost', set: ['9080/ratings.default.svc.cluster.local'] },
    ]);
  });
});
