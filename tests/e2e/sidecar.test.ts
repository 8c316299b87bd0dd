// Sidecars: which hosts a workload's proxy reaches, what becomes of the others, and what it accepts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, startMesh, until } from './support/mesh.ts';

const sidecar = (app: string, spec: string): string => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${app} }
spec:
  workloadSelector: { labels: { app: ${app} } }
${spec.trim().replace(/^/gm, '  ')}
`;

const onlyDetails = `
outboundTrafficPolicy: { mode: REGISTRY_ONLY }
egress:
  - hosts: ["./details.default.svc.cluster.local"]
`;

describe('a Sidecar', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh();
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  async function apply(...documents: readonly string[]): Promise<string> {
    const applied = await mesh.apply(documents.join('---'));
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    return applied.stdout;
  }
  const statusOf = async (path: string, from = 'productpage') =>
    (await fetchText({ url: `http://${path}`, proxy: `${(await mesh.pod(from)).ip}:15001` })).status;
  const details = 'details:9080/details/0';
  const reviews = 'reviews:9080/reviews/0';

  it('[MG-8] shows its workloads the hosts that it imports, and treats all others as unknown', async () => {
    expect([await statusOf(details), await statusOf(reviews)]).toEqual([200, 200]);
    const applied = await apply(sidecar('productpage', onlyDetails));
    expect(applied).toMatch(/Sidecar\/default\/productpage +1 +1 +1 +serving/);
    expect((await mesh.xebec(['get', 'sidecar'])).stdout).toMatch(/productpage .* 1\/1/);
    await until('other hosts are unknown', async () => (await statusOf(reviews)) === 502);
    expect(await statusOf(details)).toBe(200);
    expect(await statusOf('details:9080/details/0', 'reviews')).toBe(200);
    expect(await statusOf(reviews, 'reviews')).toBe(200);
  });

  it('[MG-8] rules of imported hosts lead to hosts that are not imported', async () => {
    await apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: details }
spec:
  hosts: [details]
  http:
    - match: [{ uri: { prefix: /reviews } }]
      route: [{ destination: { host: reviews } }]
    - route: [{ destination: { host: details } }]
`);
    await until('it is routed', async () => (await statusOf('details:9080/reviews/0')) === 200);
    expect(await statusOf(reviews)).toBe(502);
  });

  it('[MG-8] opens listeners that applications dial', async () => {
    await apply(
      sidecar(
        'productpage',
        `
outboundTrafficPolicy: { mode: REGISTRY_ONLY }
egress:
  - port: { number: 9080, protocol: HTTP, name: dialed }
    bind: 127.0.0.99
    captureMode: NONE
    hosts: ["*/details.default.svc.cluster.local"]
  - hosts: ["~/*"]
`,
      ),
    );
    const dial = async (host: string) => {
      const url = 'http://127.0.0.99:9080/details/0';
      return (await fetchText({ url, headers: { host } }).catch(() => undefined))?.status;
    };
    await until('it listens', async () => (await dial('details:9080')) === 200);
    expect(await dial('reviews:9080')).toBe(502);
  });

  it('[MG-8] gives everything back when it is deleted', async () => {
    const deleted = await mesh.xebec(['delete', 'Sidecar', 'productpage']);
    expect(deleted.code).toBe(0);
    await until('everything is seen', async () => (await statusOf(reviews)) === 200);
  });

  it('[MG-8] says on which ports a workload accepts traffic, and where its application listens', async () => {
    await apply(
      sidecar(
        'details',
        `
ingress:
  - port: { number: 9999, protocol: HTTP, name: http }
    defaultEndpoint: 127.0.0.1:9080
    connectionPool: { http: { http2MaxRequests: 7 } }
`,
      ),
    );
    await until('the old port is closed', async () => (await statusOf(details)) === 503);
    await apply(`
apiVersion: v1
kind: Service
metadata: { name: details }
spec:
  selector: { app: details }
  ports: [{ name: http, port: 9080, targetPort: 9999 }]
`);
    await until('the new port serves', async () => (await statusOf(details)) === 200);
    const shown = await mesh.xebec(['proxy-config', 'cluster', 'details-v1', '-o', 'json']);
    expect(shown.stdout).toMatch(/"max_requests":\s*7\b/);
  });
});
