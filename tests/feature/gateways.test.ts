// What a gateway gets: its listeners and routes, the clusters they use, and secrets of its own namespace.
import { describe, expect, it } from 'vitest';
import { documents, service } from './support/documents.ts';
import { start } from './support/mesh.ts';
import type { ProxyOptions } from './support/proxy-client.ts';

const gateway: ProxyOptions = {
  role: 'router',
  name: 'gateway',
  metadata: { LABELS: { app: 'gateway' }, GATEWAY_PORTS: { '80': 8080, '443': 8443 } },
};

const edge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { app: gateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }
    - port: { number: 443, name: https, protocol: HTTPS }
      hosts: [shop.example]
      tls: { mode: SIMPLE, credentialName: shop-cert }
`;

const shop = (timeout: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop.example]
  gateways: [edge]
  http: [{ timeout: ${timeout}, route: [{ destination: { host: reviews, port: { number: 9080 } } }] }]
`;

const secret = (namespace: string, text: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: shop-cert, namespace: ${namespace} }
type: kubernetes.io/tls
stringData: { tls.crt: "-----BEGIN CERTIFICATE----- ${text}", tls.key: "-----BEGIN PRIVATE KEY----- ${text}" }
`;

const mesh = documents(service('reviews'), service('details'), edge, shop('1s'), secret('default', 'a'));
const cluster = (host: string): string => `outbound|9080||${host}.default.svc.cluster.local`;
const base = ['BlackHoleCluster', 'ForwardProxyCluster', 'InboundPassthroughCluster', 'PassthroughCluster'];
const routes = ['http.80', 'https.443.https.edge.default'];

describe('a gateway', () => {
  it('gets what it serves and no more', async () => {
    const { proxies } = await start(mesh, gateway);
    expect(proxies[0]?.taken()).toEqual([
      { type: 'cluster', set: [...base, cluster('reviews')] },
      { type: 'endpoint', set: [cluster('reviews')] },
      { type: 'listener', set: ['0.0.0.0_8080', '0.0.0.0_8443'] },
      { type: 'route', set: routes },
    ]);
  });

  it('[MG-3] hears of routes and endpoints that it uses, and of no others', async () => {
    const { plane, onChange } = await start(mesh, gateway);
    expect(await onChange(() => plane.apply(shop('2s')))).toEqual([[{ type: 'route', set: routes }]]);
    expect(await onChange(() => plane.apply(service('ratings')))).toEqual([[]]);
    expect(await onChange(() => plane.remove('Service/default/details'))).toEqual([[]]);
  });

  it('gets a new cluster before the route that needs it', async () => {
    const { plane, onChange } = await start(mesh, gateway);
    const moved = shop('1s').replace('host: reviews', 'host: details');
    expect(await onChange(() => plane.apply(moved))).toEqual([
      [
        { type: 'cluster', set: [cluster('details')] },
        { type: 'endpoint', set: [cluster('details')] },
        { type: 'route', set: routes },
        // The client's own subscription is answered too. What it used before stays until it connects again.
        { type: 'endpoint', set: [cluster('details')] },
      ],
    ]);
  });

  it('gets certificates of its own namespace only, and a new one alone', async () => {
    const { plane, proxies, onChange, connect } = await start(documents(mesh, secret('other', 'b')), gateway);
    const name = 'kubernetes://default/shop-cert';
    expect(await onChange(async () => proxies[0]?.subscribe('secret', name))).toEqual([
      [{ type: 'secret', set: [name] }],
    ]);
    expect(await onChange(() => plane.apply(secret('default', 'c')))).toEqual([
      [{ type: 'secret', set: [name] }],
    ]);
    const other = await connect({ ...gateway, namespace: 'other' });
    other.subscribe('secret', name, 'kubernetes://other/shop-cert');
    await plane.settled([other]);
    expect([...(other.resources.get('secret')?.keys() ?? [])]).toEqual(['kubernetes://other/shop-cert']);
    const sidecar = await connect({ name: 'sidecar', address: '127.0.9.5' });
    sidecar.subscribe('secret', name);
    await plane.settled([sidecar]);
    expect(sidecar.resources.get('secret')?.size ?? 0).toBe(0);
  });
});
