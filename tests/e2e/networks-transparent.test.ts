// Two sets of network namespaces without a route between them but the gateways, and namespaces that let nothing in or out but what the mesh needs.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { runInside } from './support/inside.ts';
import { type Pod, textAt, until } from './support/mesh.ts';
import {
  deployment,
  gatewayObjects,
  type NetworkMesh,
  onlyClient,
  startNetworkMesh,
} from './support/networks.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();
const title = (text: string): string => `${text}${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title('networks without a route between them'), () => {
  let made: NetworkMesh;
  const pids = new Map<string, number>();
  const pods = new Map<string, Pod>();
  /** An address of this machine that workloads reach. */
  let machine = '';

  const pidOf = (pod: string): number => pids.get(pod) ?? 0;
  const addressOf = (pod: string): string => pods.get(pod)?.ip ?? '';
  const command = (pod: string, parameters: readonly string[], input = ''): string =>
    execFileSync('nsenter', ['--target', String(pidOf(pod)), '--net', '--', ...parameters], {
      input,
      timeout: 30_000,
      killSignal: 'SIGKILL',
    }).toString();

  beforeAll(async () => {
    made = await startNetworkMesh({ capture: 'transparent' });
    await made.apply(deployment('stranger', 'west'));
    const found = await until('all are there', async () => {
      const all = (await made.mesh.pods()).filter(({ labels }) => labels['place'] !== undefined);
      return all.length === 4 && all.every(({ isReady }) => isReady) && all;
    });
    const applications = applicationsOf(found);
    for (const pod of found) {
      const name = `${pod.labels['app']}-${pod.labels['place']}`;
      pods.set(name, pod);
      pids.set(name, Number.parseInt(applications[pod.name] ?? '', 10));
    }
    machine = /default via (\S+)/.exec(command('client-east', ['ip', 'route']))?.[1] ?? '';
    await made.apply(gatewayObjects({ address: machine, ports: made.gatewayPorts }));
    separate();
  }, 240_000);
  afterAll(() => made?.stop());

  /** Nobody of one network reaches an address of the other. */
  function separate(): void {
    for (const one of pods.keys())
      for (const [other, { ip }] of pods)
        if (placeOf(one) !== placeOf(other)) command(one, ['ip', 'route', 'add', 'unreachable', ip]);
  }
  const placeOf = (name: string): string => name.slice(name.lastIndexOf('-') + 1);

  const inside = async (pod: string, script: string): Promise<unknown> =>
    JSON.parse(await runInside(pidOf(pod), script));
  const get = (pod: string, url = 'http://echo/'): Promise<unknown> =>
    inside(
      pod,
      `const answer = await fetch(${JSON.stringify(url)}).catch(({ cause }) => ({ status: cause?.code, text: () => '' }));
       console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));`,
    );
  const statusOf = async (pod: string, url?: string): Promise<unknown> => Object(await get(pod, url)).status;
  /** What a connection leads to: the first bytes, or why there is none. As the proxy's own user nothing is captured. */
  const dial = (pod: string, address: string, port: number, asProxy = false): Promise<unknown> => {
    return inside(
      pod,
      `import { connect } from 'node:net';
       ${asProxy ? `process.setgid(1337); process.setuid(1337);` : ''}
       const socket = connect({ host: ${JSON.stringify(address)}, port: ${port} });
       const end = (text) => { console.log(JSON.stringify(text)); process.exit(); };
       socket.setTimeout(1500, () => end('timeout'));
       socket.on('connect', () => socket.write('GET /direct HTTP/1.1\\r\\nhost: echo\\r\\n\\r\\n'));
       socket.on('data', (part) => end(part.toString().split('\\r\\n')[0]));
       socket.on('error', ({ code }) => end(code));
       socket.on('close', () => end('closed'));`,
    );
  };

  it('[AU-12] calls reach the other network by its gateway alone, and the server sees who calls', async () => {
    expect(await dial('client-east', addressOf('echo-west'), 8080, true)).toBe('EHOSTUNREACH');
    expect(await statusOf('client-east', 'http://echo/crossing')).toBe(200);
    const line = await made.untilLogged('echo-west', { path: '/crossing' });
    expect(textAt(line, 'downstream_peer')).toBe('spiffe://cluster.local/ns/default/sa/client');
    await made.untilLogged('client-east', {
      path: '/crossing',
      upstream_host: `${machine}:${made.gatewayPorts.west}`,
    });
  });

  it('[AU-12] TCP and gRPC cross, too; who is in the network is called directly', async () => {
    expect(await dial('client-east', 'echo', 9000)).toMatch(/^ready/);
    expect(await statusOf('stranger-west', 'http://echo/near')).toBe(200);
    await made.untilLogged('stranger-west', {
      path: '/near',
      upstream_host: `${addressOf('echo-west')}:8080`,
    });
  });

  it('[AU-12] policies hold by who calls, and fail closed across networks', async () => {
    await made.apply(onlyClient);
    // A connection that was open before takes one more request under the old policy.
    await until('who is who decides', async () => {
      const found = [
        await statusOf('client-east'),
        await statusOf('stranger-east'),
        await statusOf('stranger-west'),
      ];
      return found.join() === '200,403,403';
    });
    expect((await made.mesh.xebec(['delete', 'authorizationpolicy', 'only-client', '--wait'])).code).toBe(0);
  });

  it('[AU-11] a server that is reached at ports of the mesh alone serves the mesh, and nobody beside it', async () => {
    // Who asks whether it is ready comes in, as the node's own agent does everywhere.
    const prober = machine.replace(/\d+$/, '2');
    const bare = `http://${addressOf('echo-west')}:8080/`;
    command(
      'echo-west',
      ['nft', '-f', '-'],
      `table inet restricted {
        chain in {
          type filter hook input priority 10; policy drop;
          iif lo accept
          ct state established,related accept
          ip saddr ${prober} accept
          tcp dport { 15006, 15020, 15021 } accept
        }
      }`,
    );
    await until('both are served', async () => {
      const found = [await statusOf('client-east'), await statusOf('stranger-west')];
      return found.join() === '200,200';
    });
    expect(await dial('client-east', 'echo', 9000)).toMatch(/^ready/);
    // Its application's port leads to its proxy, which wants an identity; every other port leads nowhere.
    expect(await dial('stranger-west', addressOf('echo-west'), 8080, true)).not.toMatch(/200/);
    for (const port of [15000, 15001, 15053, 22])
      expect([port, await dial('stranger-west', addressOf('echo-west'), port, true)]).not.toEqual([
        port,
        expect.stringContaining('HTTP/1.1'),
      ]);
    expect(await statusOf('stranger-west', bare)).not.toBe(200);
  });

  it('[AU-11] a client that may leave its network by the gateway alone still calls, and cannot go around it', async () => {
    expect(await dial('client-east', addressOf('stranger-east'), 15021, true)).toMatch(/^HTTP/);
    const ports = Object.values(made.gatewayPorts).join(', ');
    command(
      'client-east',
      ['nft', '-f', '-'],
      `table inet restricted {
        chain out {
          type filter hook output priority 10; policy drop;
          oif lo accept
          ct state established,related accept
          ip daddr ${machine} tcp dport { ${ports} } accept
          ip daddr ${machine} udp dport { 53, 15053 } accept
        }
      }`,
    );
    expect(await statusOf('client-east', 'http://echo/restricted')).toBe(200);
    expect(await dial('client-east', 'echo', 9000)).toMatch(/^ready/);
    const around = [
      ['stranger-east', 15021],
      ['stranger-east', 8080],
      ['echo-west', 15006],
    ] as const;
    for (const [pod, port] of around)
      expect([pod, port, await dial('client-east', addressOf(pod), port, true)]).toEqual([
        pod,
        port,
        expect.stringMatching(/^(timeout|E[A-Z]+)$/),
      ]);
    // The gateway passes on nothing but mutual TLS of the mesh with the name of a service.
    expect(await dial('client-east', machine, made.gatewayPorts.west, true)).toMatch(/^(closed|E[A-Z]+)$/);
  });
});
