// Connections without a redirect: by CONNECT through the sidecar, by rule, share, label and server name, encrypted and counted.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl, type OutsideAuthority, openOutsideAuthority } from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { dial, openTunnel, tallyDials } from './support/tunnel.ts';

let mesh: Mesh;
let client: string;
let proxy: string;
const servers: Server[] = [];

beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/connections')] });
  client = (await mesh.pod('client')).ip;
  proxy = `${client}:15001`;
}, 240_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await mesh?.stop();
});

async function apply(yaml: string): Promise<void> {
  const applied = await mesh.apply(yaml);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}

/** Envoy writes its log about once a second. */
async function untilLogged(prefix: string, ...words: readonly string[]): Promise<string> {
  const file = join(mesh.state, 'logs', (await mesh.pod(prefix)).name, 'access.log');
  return until(`${prefix} logs ${words.join(' ')}`, async () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .find((line) => words.every((word) => line.includes(word))),
  );
}

const rules = (tcp: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: store }
spec:
  hosts: [store]
  tcp:${tcp}`;

/** The tunnel's end may come before the answer that it is open, or after. */
const refusals: readonly string[] = ['status 503', ''];

async function listening(server: Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('[DP-6] [DP-1] TCP by CONNECT', () => {
  it('reaches a server that speaks first, and one that waits; both sidecars log it', async () => {
    const greeting = await dial({ proxy, target: 'store:9000' });
    expect(greeting).toMatch(/^ready v[12]\n$/);
    expect(await dial({ proxy, target: 'store.default:9001', say: 'hello', until: 'hello' })).toMatch(
      /^v[12]: hello$/,
    );
    await untilLogged('client', 'outbound|9000||store.default.svc.cluster.local');
    await untilLogged(`store-${greeting.slice(6, 8)}`, 'inbound|9000||');
  });

  it('[AU-10] is mutual TLS, and counted alike on both sides, to the byte', async () => {
    const target = 'store.default.svc.cluster.local:9001';
    const said = 'x'.repeat(1_000);
    const answer = await dial({ proxy, target, say: said, until: said });
    const pods = (await mesh.pods()).filter(({ name }) => name.startsWith('store'));
    const pod = pods.find(({ labels }) => answer.startsWith(`${labels['version']}: `));
    const labels = {
      destination_version: answer.slice(0, 2),
      destination_service: 'store.default.svc.cluster.local',
      source_principal: 'spiffe://cluster.local/ns/default/sa/client',
      destination_principal: 'spiffe://cluster.local/ns/default/sa/store',
    };
    const count = async (address: string, reporter: string): Promise<readonly number[]> => {
      const samples = await scrape(address);
      const names = ['connections_opened', 'connections_closed', 'received_bytes', 'sent_bytes'];
      return names.map((name) => sum(samples, `istio_tcp_${name}_total`, { ...labels, reporter }));
    };
    await until('both have counted', async () => {
      const [opened = 0, closed = 0, received = 0, sent = 0] = await count(client, 'source');
      return opened === closed && received >= said.length && sent > received;
    });
    const source = await count(client, 'source');
    await until('the server has counted the same', async () => {
      const destination = await count(pod?.ip ?? '', 'destination');
      return destination.join() === source.join();
    });
    const samples = await scrape(pod?.ip ?? '');
    expect(sum(samples, 'istio_tcp_connections_opened_total', { connection_security_policy: 'none' })).toBe(
      0,
    );
  });

  it('counts a tunnel as the connection it is, not as a request', async () => {
    const samples = await scrape(client);
    expect(samples.filter(({ name }) => name.startsWith('istio_requests'))).toEqual([]);
  });

  it('[B26] goes to no port that is HTTP, to no unknown host or port', async () => {
    for (const target of ['store:8080', 'store:9999', 'nowhere:80', '127.0.0.1:8080', '[::1]:80'])
      expect([target, await dial({ proxy, target })]).toEqual([target, 'status 404']);
  });
});

describe('[DP-9] ports that do not say what they speak', () => {
  it('take a server that speaks first', async () => {
    const started = performance.now();
    expect(await dial({ proxy, target: 'store:9002' })).toMatch(/^banner v[12]\n$/);
    // A tenth of a second is waited for the client's word, once.
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('are HTTP behind mutual TLS too: the caller is known, nothing of ours reaches the application', async () => {
    const { body } = await fetchText({ url: 'http://store:9003/x', proxy });
    const { headers, version } = JSON.parse(body);
    expect(headers['x-forwarded-client-cert']).toContain('URI=spiffe://cluster.local/ns/default/sa/client');
    expect(headers['x-xebec-peer']).toBeUndefined();
    const pods = (await mesh.pods()).filter(({ name }) => name.startsWith(`store-${version}`));
    await until('requests are counted by the server', async () => {
      const labels = { reporter: 'destination', source_workload: 'client', response_code: '200' };
      return sum(await scrape(pods[0]?.ip ?? ''), 'istio_requests_total', labels) > 0;
    });
  });

  it('route HTTP inside a tunnel by the same rules', async () => {
    const say = 'GET /tunnelled HTTP/1.1\r\nHost: store:9003\r\nConnection: close\r\n\r\n';
    const answer = await dial({ proxy, target: 'store:9003', say, until: '}}' });
    expect(answer).toContain('"path":"/tunnelled"');
    await untilLogged('client', 'GET /tunnelled', 'outbound|9003||');
  });
});

describe('[DP-6] [MG-5] rules of connections', () => {
  const named = (to: string, weight = 100): string =>
    `\n        - { destination: { host: store, subset: ${to}, port: { number: 9000 } }, weight: ${weight} }`;

  it('share out a thousand connections', async () => {
    await apply(rules(`\n    - match: [{ port: 9000 }]\n      route:${named('v1', 80)}${named('v2', 20)}`));
    const counts = await tallyDials({ proxy, target: 'store:9000' }, 1_000);
    expect(Object.keys(counts).sort()).toEqual(['ready v1', 'ready v2']);
    // Four standard deviations of a binomial with p = 0.8.
    expect(Math.abs((counts['ready v1'] ?? 0) - 800)).toBeLessThan(4 * Math.sqrt(1_000 * 0.8 * 0.2));
  });

  it('[DP-13] move from one version to the other, in steps and at once, and lose no connection', async () => {
    const counts: Record<string, number> = {};
    let isOver = false;
    const dialling = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        const answer = (await dial({ proxy, target: 'store:9000' })).trim();
        counts[answer] = (counts[answer] ?? 0) + 1;
      }
    });
    for (const first of [100, 60, 20, 0, 100])
      await apply(
        rules(
          `\n    - match: [{ port: 9000 }]\n      route:${named('v1', first)}${named('v2', 100 - first)}`,
        ),
      );
    isOver = true;
    await Promise.all(dialling);
    expect(Object.keys(counts).sort()).toEqual(['ready v1', 'ready v2']);
  });

  it('tell clients apart by label and namespace, destinations by subnet; the first that matches is taken', async () => {
    await apply(
      rules(
        [
          ['sourceLabels: { app: other }', 'v2'],
          ['sourceNamespace: elsewhere', 'v2'],
          ['destinationSubnets: [192.0.2.0/24]', 'v2'],
          ['destinationSubnets: [240.0.0.0/4], sourceLabels: { app: client }', 'v1'],
          ['port: 9000', 'v2'],
        ]
          .map(([match, to]) => `\n    - match: [{ ${match} }]\n      route:${named(to ?? '')}`)
          .join(''),
      ),
    );
    expect(await tallyDials({ proxy, target: 'store:9000' }, 20)).toEqual({ 'ready v1': 20 });
  });

  it('leave a connection that none of them matches without a way, and say so', async () => {
    await apply(rules(`\n    - match: [{ destinationSubnets: [192.0.2.0/24] }]\n      route:${named('v1')}`));
    expect(refusals).toContain(await dial({ proxy, target: 'store:9000' }));
    await untilLogged('client', ' UH ', 'BlackHoleCluster');
  });

  it('lead back to the service when they are gone', async () => {
    expect((await mesh.xebec(['delete', 'virtualservice', 'store'])).code).toBe(0);
    await until('all of it', async () => (await dial({ proxy, target: 'store:9000' })).startsWith('ready'));
  });
});

describe('[DP-6] limits of connections', () => {
  const policy = (tcp: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: store }
spec:
  host: store
  trafficPolicy: { connectionPool: { tcp: { ${tcp} } } }
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
    - { name: v3, labels: { version: v3 } }`;

  it('refuse a second connection where one is allowed', async () => {
    await apply(policy('maxConnections: 1'));
    const first = await openTunnel(proxy, 'store:9000');
    first.socket.resume();
    await until('a refusal', async () => refusals.includes(await dial({ proxy, target: 'store:9000' })));
    await untilLogged('client', 'UO', 'outbound|9000||');
    first.socket.destroy();
  });

  it('end one that is idle, and one that has lasted', async () => {
    for (const limit of ['idleTimeout: 1s', 'maxConnectionDuration: 1s']) {
      await apply(policy(limit));
      const started = performance.now();
      expect(await dial({ proxy, target: 'store:9000', until: 'never' })).toMatch(/^ready/);
      expect(performance.now() - started).toBeGreaterThan(500);
      expect(performance.now() - started).toBeLessThan(5_000);
    }
    await apply(policy('connectTimeout: 2s'));
  });

  it('a subset without endpoints is UH, an endpoint that refuses UF', async () => {
    await apply(
      rules('\n    - route: [{ destination: { host: store, subset: v3, port: { number: 9000 } } }]'),
    );
    expect(refusals).toContain(await dial({ proxy, target: 'store:9000' }));
    await untilLogged('client', ' UH ', 'outbound|9000|v3|');
    expect((await mesh.xebec(['delete', 'virtualservice', 'store'])).code).toBe(0);
    await apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: closed }
spec:
  hosts: [closed.example]
  ports: [{ number: 7777, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { tcp: 1 } }]`);
    expect(refusals).toContain(await dial({ proxy, target: 'closed.example:7777' }));
    await untilLogged('client', 'UF', 'outbound|7777||closed.example');
  });
});

describe.skipIf(!hasOpenssl)('[MG-5] TLS that passes (skipped without openssl)', () => {
  let authority: OutsideAuthority;
  const shake = async (target: string, servername: string): Promise<string> => {
    const { status, socket } = await openTunnel(proxy, target);
    if (status !== 200) return `status ${status}`;
    const tls = connectTls({ socket, servername, ca: authority.root });
    let text = '';
    tls.on('data', (part: Buffer) => {
      text += part.toString();
    });
    return new Promise((resolve) => {
      tls.on('error', () => resolve('closed')).on('end', () => resolve(text));
    });
  };

  beforeAll(async () => {
    authority = openOutsideAuthority('shops');
    const pair = authority.issue(['DNS:a.shop.example', 'DNS:b.shop.example']);
    const entry = async (name: string): Promise<string> => {
      const server = createTlsServer(pair, (socket) => {
        socket.on('error', () => undefined).end(`${name} heard ${String(socket.servername)}`);
      });
      const port = await listening(server);
      return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.shop.example]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { tls: ${port} } }]
---`;
    };
    await apply(`${await entry('a')}${await entry('b')}`);
  });
  afterAll(() => authority?.[Symbol.dispose]());

  it('goes to its host by itself', async () => {
    expect(await shake('a.shop.example:443', 'a.shop.example')).toBe('a heard a.shop.example');
    expect(await shake('b.shop.example:443', 'b.shop.example')).toBe('b heard b.shop.example');
  });

  it('is routed by its server name; another name is closed, and logged', async () => {
    await apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shops }
spec:
  hosts: [a.shop.example]
  tls:
    - match: [{ sniHosts: [a.shop.example] }]
      route: [{ destination: { host: b.shop.example } }]`);
    expect(await shake('a.shop.example:443', 'a.shop.example')).toBe('b heard a.shop.example');
    expect(await shake('a.shop.example:443', 'b.shop.example')).not.toContain('heard');
    await untilLogged('client', 'NR', 'b.shop.example');
  });
});
