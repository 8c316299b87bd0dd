// Transparent capture from the inside: a program that knows only names and addresses, in a workload's own network.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { runInside } from './support/inside.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { scrape } from './support/metrics.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();
const title = `transparent capture from the inside${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let pid: number;
  let server: string;
  beforeAll(async () => {
    mesh = await startMesh({ capture: 'transparent', paths: [repositoryFile('tests/e2e/apps/echo')] });
    const { name } = await mesh.pod('client');
    pid = Number.parseInt(applicationsOf(await mesh.pods())[name] ?? '', 10);
    server = (await mesh.pod('echo')).ip;
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  const inside = async (script: string): Promise<unknown> => JSON.parse(await runInside(pid, script));
  /** Envoy writes its log about once a second. */
  const untilLogged = async (prefix: string, text: string): Promise<string> => {
    const file = join(mesh.state, 'logs', (await mesh.pod(prefix)).name, 'access.log');
    return until(`${prefix} logs ${text}`, async () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .find((line) => line.includes(text)),
    );
  };
  /** Dials, waits for the greeting, says something, and prints all that came back. */
  const dialling = (host: string, port: number): string => `
    import { connect } from 'node:net';
    const socket = connect({ host: ${JSON.stringify(host)}, port: ${port} });
    let text = '';
    const end = (extra) => { console.log(JSON.stringify({ text, ...extra })); process.exit(); };
    socket.setTimeout(8000, () => end({ error: 'timeout' }));
    socket.on('data', (part) => {
      text += part;
      if (text === 'ready\\n') socket.write('hello');
      if (text.endsWith('hello')) end();
    });
    socket.on('error', ({ code }) => end({ error: code }));
    socket.on('close', () => end({ error: 'closed' }));
  `;
  const fetching = (url: string, count: number): string => `
    const counts = {};
    for (let i = 0; i < ${count}; i += 20) {
      await Promise.all(Array.from({ length: 20 }, async () => {
        const answer = await fetch(${JSON.stringify(url)});
        const key = answer.ok ? (await answer.json()).pod.split('-').slice(0, 2).join('-') : String(answer.status);
        counts[key] = (counts[key] ?? 0) + 1;
      }));
    }
    console.log(JSON.stringify(counts));
  `;

  it('[DP-2] names of services lead somewhere, short and long; others do not', async () => {
    const found = await inside(`
      import { lookup } from 'node:dns/promises';
      const names = ['echo', 'echo.default', 'echo.default.svc', 'echo.default.svc.cluster.local', 'nowhere.default.svc.cluster.local'];
      const asked = names.map((name) => lookup(name).then(({ address }) => address, ({ code }) => code));
      console.log(JSON.stringify(await Promise.all(asked)));
    `);
    const [short] = listAt(found);
    expect(short).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(found).toEqual([short, short, short, short, 'ENOTFOUND']);
  });

  it('[DP-2] [BY-16] a first request finds its service, and the sidecar holds no more than what is used', async () => {
    const type = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
    const held = async (): Promise<unknown> => {
      const proxies = listAt(await mesh.admin('/v1/proxies'), 'items');
      return at(
        proxies.find((item) => textAt(item, 'client')?.includes('~client-')),
        'types',
        type,
        'held',
      );
    };
    expect(await held()).toBe(0);
    expect(await inside(fetching('http://echo/', 20))).toEqual({ 'echo-v1': 20 });
    expect(await held()).toBe(1);
    await untilLogged('client', 'outbound|80||echo.default.svc.cluster.local');
    await untilLogged('echo', 'inbound|8080||');
  });

  it('[DP-6] TCP by address, also where the server speaks first, with mutual TLS underneath', async () => {
    expect(await inside(dialling('echo', 9000))).toEqual({ text: 'ready\nhello' });
    const opened = await until('the connection is counted', async () => {
      const samples = (await scrape(server)).filter(
        ({ name, labels }) =>
          name === 'istio_tcp_connections_opened_total' && labels['reporter'] === 'destination',
      );
      return samples.length > 0 && samples;
    });
    for (const { labels } of opened) {
      expect(labels['connection_security_policy']).toBe('mutual_tls');
      expect(labels['source_principal']).toBe('spiffe://cluster.local/ns/default/sa/client');
    }
    await untilLogged('client', 'outbound|9000||echo.default.svc.cluster.local');
  });

  it('[DP-6] a megabyte that is sent at once comes back whole', async () => {
    const size = 1 << 20;
    const echoed = await inside(`
      import { connect } from 'node:net';
      const socket = connect({ host: 'echo', port: 9000 });
      let length = 0;
      socket.write(Buffer.alloc(${size}, 'x'));
      socket.on('data', (part) => {
        length += part.length;
        if (length === ${size} + 'ready\\n'.length) { console.log(length); process.exit(); }
      });
      socket.setTimeout(8000, () => { console.log(-length); process.exit(); });
      socket.on('error', ({ code }) => { console.log(JSON.stringify(code)); process.exit(); });
    `);
    expect(echoed).toBe(size + 'ready\n'.length);
  });

  it('[DP-6] who says all at once and ends still gets the answer', async () => {
    const answered = await inside(`
      import { connect } from 'node:net';
      const socket = connect({ host: 'echo', port: 9000, allowHalfOpen: true });
      let text = '';
      socket.end('hello');
      socket.on('data', (part) => { text += part; });
      socket.on('end', () => console.log(JSON.stringify(text)));
      socket.on('error', ({ code }) => console.log(JSON.stringify(code)));
    `);
    expect(answered).toBe('ready\nhello');
  });

  it('[DP-13] weights hold for a program that knows of none', async () => {
    const second = readFileSync(repositoryFile('tests/e2e/apps/echo/echo.yaml'), 'utf8')
      .split(/^---$/m)
      .find((text) => text.includes('kind: Deployment') && text.includes('name: echo-v1'))
      ?.replace('name: echo-v1', 'name: echo-v2')
      .replace('version: v1', 'version: v2');
    const subsets = ['v1', 'v2'].map((name) => `  - {name: ${name}, labels: {version: ${name}}}\n`).join('');
    const route = (subset: string, weight: number): string =>
      `    - {destination: {host: echo, subset: ${subset}}, weight: ${weight}}\n`;
    const applied = await mesh.apply(
      `${second}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  host: echo\n  subsets:\n${subsets}---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec:\n  hosts: [echo]\n  http:\n  - route:\n${route('v1', 90)}${route('v2', 10)}`,
    );
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    await until(
      'the second version is ready',
      async () => (await mesh.pod('echo-v2')).isReady && 'ready',
      60_000,
    );
    // The first of its kind may come before its endpoints.
    await until('it is served', async () => at(await inside(fetching('http://echo/', 100)), 'echo-v2'));
    const counts = await inside(fetching('http://echo/', 2000));
    expect(Object.keys(Object(counts)).sort()).toEqual(['echo-v1', 'echo-v2']);
    const band = 3.29 * Math.sqrt(2000 * 0.9 * 0.1);
    expect(Math.abs(Number(at(counts, 'echo-v2')) - 200)).toBeLessThanOrEqual(band);
  });

  it('[DP-2] [AU-5] no program gets around its sidecar', async () => {
    const strict =
      'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n';
    expect((await mesh.apply(strict)).code).toBe(0);
    // By its name it is still mutual TLS; by the Pod's own address the sidecar knows no identity to expect.
    expect(await inside(dialling('echo', 9000))).toEqual({ text: 'ready\nhello' });
    expect(await inside(dialling(server, 9000))).toMatchObject({ text: '', error: expect.any(String) });
    await untilLogged('client', `${server}:9000" PassthroughCluster`);
    const { name } = await mesh.pod('echo-v1');
    const other = Number.parseInt(applicationsOf(await mesh.pods())[name] ?? '', 10);
    // Its own workload may talk to it plainly; only loopback is that near.
    expect(JSON.parse(await runInside(other, dialling('127.0.0.1', 9000)))).toEqual({ text: 'ready\nhello' });
  });
});
