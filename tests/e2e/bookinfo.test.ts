// Bookinfo on real Envoys with explicit capture: the rows that an ordinary day needs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad, tally } from './support/http.ts';
import {
  at,
  envoyPid,
  listAt,
  type Mesh,
  pidOf,
  repositoryFile,
  startMesh,
  textAt,
  until,
} from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const routing = (name: string): string =>
  readFileSync(repositoryFile(`samples/bookinfo/routing/${name}.yaml`), 'utf8');
const accessLog = async (prefix: string): Promise<string> => {
  const { name } = await mesh.pod(prefix);
  return readFileSync(join(mesh.state, 'logs', name, 'access.log'), 'utf8');
};
const reviewsCall = async () => {
  const { ip } = await mesh.pod('productpage');
  return { url: 'http://reviews:9080/reviews/0', proxy: `${ip}:15001` };
};
const versionOf = (body: string): string => /reviews-(v\d)/.exec(body)?.[1] ?? 'none';

describe('one mesh, one ordinary day', () => {
  it('[DP-1] [DG-1] [BY-15] serves the page through gateway and sidecars, and both sidecars log the call', async () => {
    const page = await fetchText({ url: `${mesh.ingress}/productpage` });
    expect(page.status).toBe(200);
    expect(page.body).toContain('The Comedy of Errors');
    await until('both access logs', async () => {
      const client = await accessLog('productpage');
      const server = await accessLog('details');
      return (
        client.includes('outbound|9080||details.default.svc.cluster.local') &&
        server.includes('inbound|9080||')
      );
    });
  });

  it.each(['productpage', 'details'])(
    '[DP-1] fails while the Envoy of %s stands still, and goes on with it',
    async (stopped) => {
      const { ip } = await mesh.pod('productpage');
      const call = { url: 'http://details:9080/details/0', proxy: `${ip}:15001`, timeoutMs: 1000 };
      expect((await fetchText(call)).status).toBe(200);
      const pid = envoyPid(mesh.state, (await mesh.pod(stopped)).name);
      process.kill(pid, 'SIGSTOP');
      try {
        await expect(fetchText(call)).rejects.toThrow('timed out');
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await until('it answers again', async () => (await fetchText(call)).status === 200);
    },
  );

  it('[OB-2] writes one access-log line a request, with flags, route, cluster and upstream host', async () => {
    const marker = `log-${process.pid}`;
    await fetchText({ ...(await reviewsCall()), headers: { 'user-agent': marker } });
    const line = await until('the line', async () =>
      (await accessLog('productpage')).split('\n').find((text) => text.includes(marker)),
    );
    expect(line).toMatch(/^\[[^\]]+\] "GET \/reviews\/0 HTTP\/1\.1" 200 - via_upstream /);
    expect(line).toContain('outbound|9080||reviews.default.svc.cluster.local');
    expect((await accessLog('productpage')).split('\n').filter((text) => text.includes(marker))).toHaveLength(
      1,
    );
  });

  it('[AU-1] [AU-3] [AU-10] encrypts by default, with SPIFFE identities on both ends', async () => {
    await fetchText(await reviewsCall());
    const { ip } = await mesh.pod('details');
    await fetchText({ url: 'http://details:9080/details/0', proxy: (await reviewsCall()).proxy });
    const samples = await until('the metric', async () => {
      const found = (await scrape(ip)).filter(
        ({ name, labels }) => name === 'istio_requests_total' && labels['reporter'] === 'destination',
      );
      return found.length > 0 && found;
    });
    for (const { labels } of samples) {
      expect(labels['connection_security_policy']).toBe('mutual_tls');
      expect(labels['source_principal']).toBe('spiffe://cluster.local/ns/default/sa/bookinfo-productpage');
      expect(labels['destination_principal']).toBe('spiffe://cluster.local/ns/default/sa/bookinfo-details');
    }
  });

  it('[DP-21] counts every request once at the source and once at the destination', async () => {
    const client = await mesh.pod('productpage');
    const server = await mesh.pod('ratings');
    const call = { url: 'http://ratings:9080/ratings/0', proxy: `${client.ip}:15001` };
    const source = {
      reporter: 'source',
      destination_service: 'ratings.default.svc.cluster.local',
      source_workload: 'productpage-v1',
      response_code: '200',
    };
    const destination = {
      reporter: 'destination',
      source_workload: 'productpage-v1',
      destination_workload: 'ratings-v1',
      response_code: '200',
    };
    const before = [
      sum(await scrape(client.ip), 'istio_requests_total', source),
      sum(await scrape(server.ip), 'istio_requests_total', destination),
    ];
    await tally(call, 100, ({ status }) => String(status));
    const counted = await until('100 more on both sides', async () => {
      const after = [
        sum(await scrape(client.ip), 'istio_requests_total', source),
        sum(await scrape(server.ip), 'istio_requests_total', destination),
      ];
      return after.every((value, i) => value >= (before[i] ?? 0) + 100) && after;
    });
    expect(counted).toEqual(before.map((value) => value + 100));
    const names = new Set((await scrape(client.ip)).map(({ name }) => name));
    for (const name of [
      'istio_request_duration_milliseconds_count',
      'istio_request_bytes_count',
      'istio_response_bytes_count',
    ]) {
      expect(names).toContain(name);
    }
  });

  it('[DP-13] [BY-6] splits traffic by weight, changed by apply --wait with no failed request', async () => {
    expect((await mesh.apply(routing('destination-rule-all'))).code).toBe(0);
    const applied = await mesh.apply(routing('virtual-service-reviews-90-10'));
    expect(applied.code, applied.stderr).toBe(0);
    const counts = await tally(await reviewsCall(), 3000, ({ body }) => versionOf(body));
    const band = 3.29 * Math.sqrt(3000 * 0.9 * 0.1);
    expect(Object.keys(counts).sort()).toEqual(['v1', 'v2']);
    expect(Math.abs((counts['v2'] ?? 0) - 300)).toBeLessThanOrEqual(band);
  });

  it('[DP-13] moves all traffic from one version to another in steps without a failed request', async () => {
    const load = startLoad(await reviewsCall(), 150);
    for (const share of [25, 50, 75, 100]) expect((await mesh.apply(canary(share))).code).toBe(0);
    expect(await tally(await reviewsCall(), 200, ({ body }) => versionOf(body))).toEqual({ v2: 200 });
    const { failures } = await load.stop();
    expect(failures).toEqual({});
  });

  it('[MG-1] refuses a wrong object with place and remedy, and traffic goes on', async () => {
    const load = startLoad(await reviewsCall(), 100);
    const wrong = await mesh.apply(
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bad}\nspec:\n  hosts: [reviews]\n  http:\n  - rout: []\n',
    );
    expect(wrong.code).toBe(1);
    expect(wrong.stderr + wrong.stdout).toMatch(/:7:\d+: error: spec\.http\[0\]/);
    const { sent, failures } = await load.stop();
    expect(sent).toBeGreaterThan(0);
    expect(failures).toEqual({});
  });

  it('[BY-5] renames a subset under load in one apply without a failed request', async () => {
    await mesh.apply(`${routing('destination-rule-all')}\n---\n${routing('virtual-service-all-v1')}`);
    const load = startLoad(await reviewsCall(), 200);
    for (const name of ['fresh', 'v1', 'again']) {
      const applied = await mesh.apply(renamedSubset(name));
      expect(applied.code, applied.stderr).toBe(0);
    }
    const later = load.sent + 100;
    await until('more requests after the last change', async () => load.sent > later);
    const { failures } = await load.stop();
    expect(failures).toEqual({});
    await mesh.apply(`${routing('destination-rule-all')}\n---\n${routing('virtual-service-all-v1')}`);
  });

  it('[MG-3] sends nothing to proxies that a change does not concern', async () => {
    const details = await mesh.pod('details');
    const sentTo = async (): Promise<unknown> =>
      listAt(await mesh.admin('/v1/proxies'), 'items')
        .filter((item) => textAt(item, 'client')?.includes(details.name))
        .map((item) => at(item, 'sentResources'));
    const before = await sentTo();
    expect((await mesh.apply(routing('virtual-service-reviews-90-10'))).code).toBe(0);
    expect(await sentTo()).toEqual(before);
  });

  it('[BY-16] gives a sidecar only what it uses, and says so', async () => {
    await fetchText(await reviewsCall());
    const status = await mesh.xebec(['proxy-status', '-o', 'json']);
    expect(status.code).toBe(0);
    const proxies = listAt(await mesh.admin('/v1/proxies'), 'items');
    const details = proxies.find((item) => textAt(item, 'client')?.includes('~details'));
    const type = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
    expect(at(details, 'types', type, 'held')).toBe(0);
    expect(at(details, 'types', type, 'available')).toBeGreaterThanOrEqual(4);
    const unknown = await fetchText({ url: 'http://nowhere:9080/', proxy: (await reviewsCall()).proxy });
    expect(unknown.status).toBe(404);
  });

  it('[DP-8] follows a Deployment that grows and shrinks', async () => {
    const count = async (): Promise<number> => {
      const counts = await tally(
        { url: 'http://ratings:9080/ratings/0', proxy: (await reviewsCall()).proxy },
        60,
        () => 'all',
      );
      expect(counts).toEqual({ all: 60 });
      return (await mesh.pods()).filter(({ labels, isReady }) => labels['app'] === 'ratings' && isReady)
        .length;
    };
    expect((await mesh.apply(ratings(2))).code).toBe(0);
    await until('two ready ratings', async () => (await count()) === 2, 60_000);
    expect((await mesh.apply(ratings(1))).code).toBe(0);
    await until('one ready ratings', async () => (await count()) === 1, 60_000);
  });

  it('[AU-5] turns a live plaintext pair into mutual TLS without a failed request', async () => {
    const policy = (mode: string) =>
      `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: default}\nspec: {mtls: {mode: ${mode}}}\n`;
    expect((await mesh.apply(policy('DISABLE'))).code).toBe(0);
    const load = startLoad(await reviewsCall(), 100);
    const { ip } = await mesh.pod('reviews-v1');
    const security = async (policyName: string): Promise<number> =>
      sum(await scrape(ip), 'istio_requests_total', {
        reporter: 'destination',
        connection_security_policy: policyName,
      });
    const plain = await security('none');
    await until('plaintext requests', async () => (await security('none')) > plain);
    for (const mode of ['PERMISSIVE', 'STRICT']) expect((await mesh.apply(policy(mode))).code).toBe(0);
    const mutual = await security('mutual_tls');
    await until('mutual TLS requests', async () => (await security('mutual_tls')) > mutual);
    const { failures } = await load.stop();
    expect(failures).toEqual({});
    await expect(fetchText({ url: `http://${ip}:9080/reviews/0` })).rejects.toThrow();
    expect((await fetchText(await reviewsCall())).status).toBe(200);
    await mesh.xebec(['delete', 'PeerAuthentication', 'default', '-n', 'default']);
  });

  it('[DP-24] [MG-11] goes on serving without its control plane, which comes back with nothing lost', async () => {
    const load = startLoad(await reviewsCall(), 200);
    const history = (await mesh.xebec(['history', '-o', 'json'])).stdout;
    const pid = pidOf(mesh, 'control-plane');
    process.kill(pid, 'SIGKILL');
    await until(
      'another control plane',
      async () => {
        await mesh.admin('/v1/status');
        return pidOf(mesh, 'control-plane') !== pid;
      },
      30_000,
    );
    await until(
      'every proxy is back',
      async () => {
        const proxies = new Set(
          listAt(await mesh.admin('/v1/proxies'), 'items').map((item) => textAt(item, 'client')),
        );
        return proxies.size === (await mesh.pods()).length;
      },
      60_000,
    );
    const { sent, failures } = await load.stop();
    expect(sent).toBeGreaterThan(100);
    expect(failures).toEqual({});
    expect((await mesh.xebec(['history', '-o', 'json'])).stdout).toBe(history);
  });
});

const canary = (share: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews, subset: v1}
      weight: ${100 - share}
    - destination: {host: reviews, subset: v2}
      weight: ${share}
`;

const renamedSubset = (name: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: default}
spec:
  host: reviews
  subsets:
  - name: ${name}
    labels: {version: v1}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews, subset: ${name}}
`;

function ratings(replicas: number): string {
  const documents = readFileSync(repositoryFile('samples/bookinfo/bookinfo.yaml'), 'utf8').split(/^---$/m);
  const deployment =
    documents.find((text) => text.includes('kind: Deployment') && text.includes('name: ratings-v1')) ?? '';
  return deployment.replace(/replicas: \d+/, `replicas: ${replicas}`);
}
