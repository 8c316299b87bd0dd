// UDP with transparent capture: an unmodified program sends datagrams to a service's name.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { runInside } from './support/inside.ts';
import { listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();
const title = `UDP with transparent capture${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let pids: Readonly<Record<'client' | 'echo' | 'outside', number>>;
  let server: string;
  beforeAll(async () => {
    mesh = await startMesh({ capture: 'transparent', paths: [repositoryFile('tests/e2e/apps/udp')] });
    const processes = applicationsOf(await mesh.pods());
    const pidOf = async (prefix: string): Promise<number> =>
      Number.parseInt(processes[(await mesh.pod(prefix)).name] ?? '', 10);
    pids = { client: await pidOf('client'), echo: await pidOf('echo'), outside: await pidOf('outside') };
    server = (await mesh.pod('echo')).ip;
    const short =
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec: {host: echo, trafficPolicy: {connectionPool: {tcp: {idleTimeout: 1s}}}}\n';
    expect((await mesh.apply(short)).code).toBe(0);
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  /** Sends messages one after another from a socket of its own; the answers, null for those that did not come. */
  const asking = (
    host: string,
    port: number,
    messages: readonly string[],
    { timeoutMs = 1_000, family = 4 } = {},
  ): string => `
    import { createSocket } from 'node:dgram';
    import { lookup } from 'node:dns/promises';
    const { address } = await lookup(${JSON.stringify(host)}, ${family});
    const socket = createSocket('udp${family}');
    let refuse = () => {};
    socket.on('error', () => refuse());
    await new Promise((resolve) => socket.connect(${port}, address, resolve));
    const answers = [];
    for (const message of ${JSON.stringify(messages)}) {
      answers.push(await new Promise((resolve) => {
        refuse = () => resolve(null);
        const timer = setTimeout(refuse, ${timeoutMs});
        socket.once('message', (part) => { clearTimeout(timer); resolve(part.toString()); });
        socket.send(message);
      }));
      socket.removeAllListeners('message');
    }
    console.log(JSON.stringify(answers));
    process.exit();
  `;
  const ask = async (
    from: keyof typeof pids,
    to: { host: string; port?: number; family?: 4 | 6 },
    messages: readonly string[] = ['who'],
    timeoutMs?: number,
  ): Promise<readonly unknown[]> =>
    listAt(
      JSON.parse(
        await runInside(
          pids[from],
          asking(to.host, to.port ?? 9000, messages, {
            family: to.family ?? 4,
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          }),
        ),
      ),
    );
  /** The other address of a Pod. */
  const ipv6Of = async (prefix: string): Promise<string> => {
    const { name } = await mesh.pod(prefix);
    const objects = listAt(await mesh.admin('/v1/objects?kind=Pod'), 'items');
    const object = objects.find((each) => textAt(each, 'metadata', 'name') === name);
    return textAt(listAt(object, 'status', 'podIPs')[1], 'ip') ?? '';
  };

  const logged = async (prefix: string, text: string): Promise<string> => {
    const file = join(mesh.state, 'logs', (await mesh.pod(prefix)).name, 'access.log');
    return until(`${prefix} logs ${text}`, async () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .find((line) => line.includes(text)),
    );
  };

  it('[DP-7] [BY-1] datagrams to a name come back, 1,000 in a row and in every size', async () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => `message ${i}`);
    expect(await ask('client', { host: 'echo' }, messages)).toEqual(messages);
    const sizes = [1, 512, 1_400, 1_500, 9_000].map((size) => 'x'.repeat(size));
    expect(await ask('client', { host: 'echo.default.svc.cluster.local' }, sizes)).toEqual(sizes);
    expect(await ask('client', { host: 'echo' }, ['x'.repeat(9_001), 'after'], 300)).toEqual([null, 'after']);
  });

  it('[DP-7] [BY-1] they pass both sidecars in mutual TLS, counted and logged with both identities', async () => {
    const ids = '"spiffe://cluster.local/ns/default/sa/client" "spiffe://cluster.local/ns/default/sa/echo"';
    expect(await logged('client', 'outbound-udp|9000||echo')).toContain(ids);
    expect(await logged('echo', 'inbound-udp|9001||')).toContain(ids);
    await until('the server counts them', async () => {
      const labels = { connection_security_policy: 'mutual_tls', source_workload: 'client' };
      return sum(await scrape(server), 'istio_udp_sessions_closed_total', labels) >= 3;
    });
  });

  it('[DP-7] a port of the service that carries no datagrams refuses them at once', async () => {
    expect(await ask('client', { host: 'echo', port: 9002 }, ['who'], 10_000)).toEqual([null]);
  });

  it('[DP-7] [DP-2] connections to the same name and number still pass as connections', async () => {
    const status = await runInside(
      pids.client,
      `console.log((await fetch('http://echo:9000/')).status); process.exit();`,
    );
    expect(status.trim()).toBe('200');
  });

  it('[DP-7] [DP-2] datagrams to other destinations pass untouched, and so do queries of names', async () => {
    // By the Pod's address it is no service: from Pod to Pod in the clear, which PERMISSIVE takes.
    expect(await ask('client', { host: (await mesh.pod('outside')).ip, port: 9001 })).toEqual([
      expect.stringMatching(/^outside-/),
    ]);
    expect(await ask('client', { host: server, port: 9001 })).toEqual([expect.stringMatching(/^echo-v1-/)]);
    await until('the server counts it', async () => {
      const taken = (await scrape(server)).find(
        ({ name, labels }) =>
          name === 'envoy_udp_downstream_sess_total' && labels['envoy_udp_prefix'] === 'inbound-udp|9001||',
      );
      return taken?.value === 1;
    });
    expect(await ask('client', { host: 'outside' })).toEqual([expect.stringMatching(/^outside-/)]);
  });

  it('[DP-7] [DP-2] over IPv6 they go the same ways, by name in mutual TLS and to a Pod in the clear', async () => {
    expect(await ask('client', { host: 'echo', family: 6 })).toEqual([expect.stringMatching(/^echo-v1-/)]);
    const address = await ipv6Of('echo');
    expect(await ask('outside', { host: address, port: 9001, family: 6 })).toEqual([
      expect.stringMatching(/^echo-v1-/),
    ]);
    await until('the server counts it', async () => {
      const taken = (await scrape(server)).find(
        ({ name, labels }) =>
          name === 'envoy_udp_downstream_sess_total' && labels['envoy_udp_prefix'] === 'inbound-udp|9001||',
      );
      return (taken?.value ?? 0) >= 2;
    });
  });

  it('[DP-7] [AU-10] a STRICT workload takes no datagram in the clear, from nobody', async () => {
    const strict =
      'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {mtls: {mode: STRICT}}\n';
    expect((await mesh.apply(strict)).code).toBe(0);
    for (const from of ['client', 'outside'] as const)
      await until(
        `${from} is refused`,
        async () => (await ask(from, { host: server, port: 9001 }, ['who'], 300))[0] === null,
      );
    const otherWay = { host: await ipv6Of('echo'), port: 9001, family: 6 } as const;
    expect(await ask('outside', otherWay, ['who'], 500)).toEqual([null]);
    expect(await ask('client', { host: 'echo', family: 6 })).toEqual([expect.stringMatching(/^echo-v1-/)]);
    expect(await ask('client', { host: 'echo' })).toEqual([expect.stringMatching(/^echo-v1-/)]);
    // Its own workload may talk to it plainly.
    expect(await ask('echo', { host: '127.0.0.1', port: 9001 })).toEqual([
      expect.stringMatching(/^echo-v1-/),
    ]);
  });

  it('[DP-7] [AU-10] nobody speaks with the identity of another workload by its way out', async () => {
    // A neighbour that knows the service's address sends to the client's link what only the client may send.
    const address = (await mesh.pod('client')).ip;
    const route = ['ip', 'route', 'replace', '240.0.0.0/4', 'via', address];
    execFileSync('nsenter', ['--target', String(pids.outside), '--net', '--', ...route], {
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    const virtual = JSON.parse(
      await runInside(
        pids.client,
        `import { lookup } from 'node:dns/promises'; console.log(JSON.stringify(await lookup('echo', 4))); process.exit();`,
      ),
    );
    expect(
      await ask('outside', { host: String(Reflect.get(Object(virtual), 'address')) }, ['who'], 500),
    ).toEqual([null]);
  });
});
