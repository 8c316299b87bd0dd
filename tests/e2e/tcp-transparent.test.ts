// Redirected connections by rule: shares, headless endpoints, blocks of addresses, names without one, server names on a shared port.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { hasOpenssl, openOutsideAuthority } from './support/edge.ts';
import { runInside } from './support/inside.ts';
import { type Mesh, type Pod, repositoryFile, startMesh, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();
const title = `redirected connections${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let pids: Readonly<Record<string, number>> = {};
  let store: Pod;
  beforeAll(async () => {
    mesh = await startMesh({
      capture: 'transparent',
      paths: [repositoryFile('tests/e2e/apps/connections')],
    });
    const found = applicationsOf(await mesh.pods());
    pids = Object.fromEntries(Object.entries(found).map(([pod, text]) => [pod, Number.parseInt(text, 10)]));
    store = await mesh.pod('store-v1');
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  const apply = async (yaml: string): Promise<void> => {
    const applied = await mesh.apply(yaml);
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  };
  const inside = async (script: string): Promise<unknown> =>
    JSON.parse(await runInside(pids[(await mesh.pod('client')).name] ?? 0, script));

  /** The first lines of `count` connections, by how often they came. */
  const dialling = (host: string, port: number, count = 1): string => `
    import { connect } from 'node:net';
    const dial = () => new Promise((resolve) => {
      const socket = connect({ host: ${JSON.stringify(host)}, port: ${port} });
      socket.setTimeout(8000, () => socket.destroy());
      socket.once('data', (part) => { resolve(String(part).trim()); socket.destroy(); });
      socket.on('error', ({ code }) => resolve(code)).on('close', () => resolve('closed'));
    });
    const counts = {};
    for (let i = 0; i < ${count}; i += 20)
      for (const line of await Promise.all(Array.from({ length: Math.min(20, ${count}) }, dial)))
        counts[line] = (counts[line] ?? 0) + 1;
    console.log(JSON.stringify(counts));
  `;

  it('[DP-6] share out by rule', async () => {
    await apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: store }
spec:
  hosts: [store]
  tcp:
    - match: [{ port: 9000, destinationSubnets: [192.0.2.0/24] }]
      route: [{ destination: { host: store, subset: v2, port: { number: 9000 } } }]
    - match: [{ port: 9000, sourceLabels: { app: client } }]
      route:
        - { destination: { host: store, subset: v1, port: { number: 9000 } }, weight: 90 }
        - { destination: { host: store, subset: v2, port: { number: 9000 } }, weight: 10 }`);
    const counts = await inside(dialling('store', 9000, 400));
    expect(Object.keys(counts as object).sort()).toEqual(['ready v1', 'ready v2']);
    const first = (counts as Record<string, number>)['ready v1'] ?? 0;
    expect(Math.abs(first - 360)).toBeLessThan(4 * Math.sqrt(400 * 0.9 * 0.1));
  });

  it('[DP-9] HTTP on a port that does not say so: the server knows the caller', async () => {
    const headers = await inside(`
      const answer = await fetch('http://store:9003/');
      console.log(JSON.stringify((await answer.json()).headers));
    `);
    expect(headers).toMatchObject({
      'x-forwarded-client-cert': expect.stringContaining('URI=spiffe://cluster.local/ns/default/sa/client'),
    });
    expect(headers).not.toHaveProperty('x-xebec-peer');
  });

  it('[AU-10] an endpoint of a headless service is the one that was chosen, by mutual TLS', async () => {
    await apply(`
apiVersion: v1
kind: Service
metadata: { name: each }
spec: { clusterIP: None, selector: { app: store }, ports: [{ name: tcp, port: 9001 }, { name: http, port: 9003 }] }`);
    const before = sum(await scrape(store.ip), 'istio_tcp_connections_opened_total', {
      connection_security_policy: 'mutual_tls',
    });
    const said = await inside(`
      import { connect } from 'node:net';
      const socket = connect({ host: ${JSON.stringify(store.ip)}, port: 9001 });
      socket.write('hello');
      socket.once('data', (part) => { console.log(JSON.stringify(String(part))); process.exit(); });
      socket.on('error', ({ code }) => { console.log(JSON.stringify(code)); process.exit(); });
    `);
    expect(said).toBe('v1: hello');
    await until('mutual TLS is counted', async () => {
      const labels = { connection_security_policy: 'mutual_tls', reporter: 'destination' };
      return sum(await scrape(store.ip), 'istio_tcp_connections_opened_total', labels) > before;
    });
  });

  it('[AU-10] a request to one member by its name goes there, by mutual TLS', async () => {
    const second = await mesh.pod('store-v2');
    const hosts = [
      `${store.name}.each`,
      `${second.name}.each.default.svc.cluster.local`,
      `${second.ip.replaceAll('.', '-')}.each.default`,
    ];
    const answers = await inside(`
      const answers = [];
      for (const host of ${JSON.stringify(hosts)})
        for (let i = 0; i < 10; i++) {
          const { version, headers } = await (await fetch('http://' + host + ':9003/')).json();
          answers.push(version + ' ' + String(headers['x-forwarded-client-cert']).includes('sa/client'));
        }
      console.log(JSON.stringify([answers.slice(0, 10), answers.slice(10)].map((list) => [...new Set(list)])));
    `);
    expect(answers).toEqual([['v1 true'], ['v2 true']]);
  });

  it('[MG-8] a block of addresses is the host that names it', async () => {
    await apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: block }
spec:
  hosts: [block.example]
  addresses: [198.51.100.0/24]
  ports: [{ number: 9000, name: tcp, protocol: TCP }]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{ address: ${store.ip} }]`);
    expect(await inside(dialling('198.51.100.7', 9000))).toEqual({ 'ready v1': 1 });
  });

  it('[MG-8] hosts without an address are given one: the name server tells it, and it tells them apart', async () => {
    const entry = (name: string, endpoint: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  ports: [{ number: 9000, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: ${endpoint} }]
---`;
    await apply(`${entry('one', store.ip)}${entry('two', (await mesh.pod('store-v2')).ip)}`);
    const found = await inside(`
      import { lookup } from 'node:dns/promises';
      const names = ['one.example', 'two.example', 'three.example'];
      const asked = names.map((name) => lookup(name, 4).then(({ address }) => address, ({ code }) => code));
      console.log(JSON.stringify(await Promise.all(asked)));
    `);
    const allocated = expect.stringMatching(/^2[45]\d\.\d+\.\d+\.\d+$/);
    expect(found).toEqual([allocated, allocated, expect.not.stringContaining('.')]);
    expect(await inside(dialling('one.example', 9000, 10))).toEqual({ 'ready v1': 10 });
    expect(await inside(dialling('two.example', 9000, 10))).toEqual({ 'ready v2': 10 });
  });

  it('[DP-9] PASSTHROUGH goes where the client was going, whatever the endpoints are', async () => {
    const second = (await mesh.pod('store-v2')).ip;
    await apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: passed }
spec:
  hosts: [passed.example]
  addresses: [${second}]
  ports: [{ number: 9000, name: tcp, protocol: TCP }, { number: 9003, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: ${store.ip} }]`);
    const fetching = `
      const counts = {};
      for (let i = 0; i < 400; i += 20)
        for (const { version } of await Promise.all(Array.from({ length: 20 }, async () => (await fetch('http://passed.example:9003/')).json())))
          counts[version] = (counts[version] ?? 0) + 1;
      console.log(JSON.stringify(counts));
    `;
    expect(await inside(dialling(second, 9000, 20))).toEqual({ 'ready v1': 20 });
    expect(await inside(fetching)).toEqual({ v1: 400 });
    await apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: passed }
spec: { host: passed.example, trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } } }`);
    expect(await inside(dialling(second, 9000, 20))).toEqual({ 'ready v2': 20 });
    expect(await inside(fetching)).toEqual({ v2: 400 });
  });

  it.skipIf(!hasOpenssl)('[MG-5] hosts that share port 443 are told apart by server name', async () => {
    using authority = openOutsideAuthority('shops');
    const { cert, key } = authority.issue(['DNS:a.shop.example', 'DNS:b.shop.example']);
    const server = runInside(
      pids[store.name] ?? 0,
      `
      import { createServer } from 'node:tls';
      const options = { cert: ${JSON.stringify(cert)}, key: ${JSON.stringify(key)} };
      const server = createServer(options, (socket) => {
        socket.on('error', () => undefined);
        if (socket.servername === 'b.shop.example') socket.end('bye', () => process.exit());
        else socket.end('heard ' + socket.servername);
      });
      server.listen(9443, '0.0.0.0');
    `,
    );
    const entry = (name: string, host: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${host}]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: STATIC
  endpoints: [{ address: ${store.ip}, ports: { tls: 9443 } }]
---`;
    await apply(`${entry('a', 'a.shop.example')}${entry('b', 'b.shop.example')}`);
    const shaking = (names: readonly string[]): string => `
      import { connect } from 'node:tls';
      const shake = (servername) => new Promise((resolve) => {
        const socket = connect({ host: '203.0.113.9', port: 443, servername, ca: ${JSON.stringify(authority.root)} });
        socket.setTimeout(3000, () => socket.destroy());
        let text = '';
        socket.on('data', (part) => { text += part; });
        socket.on('error', () => resolve('no way')).on('close', () => resolve(text || 'no way'));
      });
      const answers = [];
      for (const name of ${JSON.stringify(names)}) answers.push(await shake(name));
      console.log(JSON.stringify(answers));
    `;
    await until('the server listens', async () => {
      const [answer] = (await inside(shaking(['a.shop.example']))) as string[];
      return answer === 'heard a.shop.example';
    });
    expect(await inside(shaking(['a.shop.example', 'c.shop.example', 'b.shop.example']))).toEqual([
      'heard a.shop.example',
      'no way',
      'bye',
    ]);
    // Names that only clients know: resolved in the sidecar, as the handshake says, however late that comes.
    await apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dynamic }
spec:
  hosts: ["*.localhost"]
  ports: [{ number: 9444, name: tls, protocol: TLS }]
  resolution: DYNAMIC_DNS`);
    const late = await inside(`
      import { connect as connectTcp } from 'node:net';
      import { connect, createServer } from 'node:tls';
      const options = { cert: ${JSON.stringify(cert)}, key: ${JSON.stringify(key)} };
      const server = createServer(options, (socket) => socket.on('error', () => undefined).end('heard ' + socket.servername));
      await new Promise((resolve) => server.listen(9444, '127.0.0.1', resolve));
      const shake = (delay) => new Promise((resolve) => {
        const socket = connectTcp({ host: '203.0.113.9', port: 9444 }, () => setTimeout(() => {
          let text = '';
          connect({ socket, servername: 'c.localhost', rejectUnauthorized: false })
            .on('data', (part) => { text += part; })
            .on('error', ({ code }) => resolve(code)).on('close', () => resolve(text || 'closed'));
        }, delay));
        socket.on('error', ({ code }) => resolve(code));
      });
      console.log(JSON.stringify([await shake(0), await shake(500)]));
      process.exit();
    `);
    expect(late).toEqual(['heard c.localhost', 'heard c.localhost']);
    expect(await server).toBe('');
  });
});
