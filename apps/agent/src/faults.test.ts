// What goes wrong while it runs, with real Envoys under continuing requests: what must not be noticed is not, and what must is told.

import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createKeyAndCsr, parseCsr } from '@xebec/ca';
import { describe, expect, test } from 'vitest';
import { isRecord } from './control/object-watch.ts';
import type { LocalImages } from './index.ts';
import { EchoMesh, get } from './testing/echo-mesh.ts';
import { envoyPath } from './testing/envoy-for-tests.ts';
import { unwrap } from './testing/fake-control-plane.ts';
import { until } from './testing/until.ts';

/** Requests one after the other through the proxy of `address`, until told to stop. */
class Load {
  readonly failures: string[] = [];
  readonly pods = new Set<string>();
  count = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(address: string, port = 15_001) {
    this.#running = this.#run(address, port);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(address: string, port: number): Promise<void> {
    while (!this.#isOver) {
      this.count += 1;
      try {
        const { status, body } = await get(address, port, '/');
        if (status !== 200) this.failures.push(`${status}: ${body}`);
        else this.pods.add(/"pod":"([^"]*)"/.exec(body)?.[1] ?? '');
      } catch (error) {
        this.failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A client outside of every Pod: a gateway that nobody replaces. */
const clientGateway: LocalImages = {
  directory: '/',
  images: [],
  gateways: [
    {
      name: 'client',
      namespace: 'default',
      labels: {},
      serviceAccountName: 'client',
      ports: [{ name: 'http', port: 80, hostPort: 18_580 }],
    },
  ],
};

async function meshWithClient(options: ConstructorParameters<typeof EchoMesh>[0] = {}) {
  const shape = new EchoMesh({});
  const { localImages } = shape.options;
  await shape[Symbol.asyncDispose]();
  const mesh = await EchoMesh.start({
    ...options,
    agent: { ...options.agent, localImages: [...localImages, clientGateway] },
  });
  const [client] = await mesh.ready('client');
  const port = client?.hostPorts[80] ?? 0;
  const serving = () =>
    until(
      'an answer',
      async () => (await get('127.0.0.1', port, '/').catch(() => ({ status: 0 }))).status === 200,
    );
  return { mesh, port, serving };
}

const stateOf = (mesh: EchoMesh, pod: string): unknown => {
  const status = mesh.control.pods.get(`Pod/default/${pod}`)?.['status'];
  const statuses = isRecord(status) ? status['containerStatuses'] : undefined;
  return Array.isArray(statuses) ? statuses.at(-1) : undefined;
};

describe.skipIf(envoyPath === undefined)('certificates', () => {
  test('are rotated three times under requests without one that fails, and new connections see the new one', async () => {
    const { mesh, port, serving } = await meshWithClient({ leafTtlMs: 4_000 });
    await using _mesh = mesh;
    mesh.deploy('echo');
    const [pod] = await mesh.ready('echo');
    await serving();
    const load = new Load('127.0.0.1', port);
    const client = await clientIdentity(mesh);
    const serials = new Set<string>();
    await until('four certificates', async () => {
      serials.add(await serialAt(pod?.address ?? '', client));
      return serials.size >= 4;
    });
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.count).toBeGreaterThan(100);
    const changes = mesh.events.flatMap((event) =>
      event.kind === 'certificate' && event.pod.includes('/echo-') ? [event.change] : [],
    );
    expect(changes.slice(0, 4)).toEqual(['issued', 'renewed', 'renewed', 'renewed']);
    // One token each, at the start: renewals show the certificate that is held.
    expect(mesh.control.tokensIssued).toBe(2);
  });

  test('expire while the control plane is away, and are asked for anew with a token when it is back', async () => {
    await using mesh = await EchoMesh.start({ leafTtlMs: 1_500 });
    mesh.deploy('echo');
    await mesh.ready('echo');
    await mesh.control.kill();
    await until('an alarm', () =>
      mesh.events.some((event) => event.kind === 'certificate' && event.change === 'expiring'),
    );
    await until('the end of every certificate', () =>
      mesh.events.every((event) => event.kind !== 'certificate' || (event.notAfter ?? 0) < Date.now()),
    );
    const before = mesh.control.tokensIssued;
    await mesh.control.start();
    const renewed = mesh.events.length;
    await until('a renewal', () =>
      mesh.events.slice(renewed).some((event) => event.kind === 'certificate' && event.change === 'renewed'),
    );
    expect(mesh.control.tokensIssued).toBe(before + 1);
  });
});

async function clientIdentity(mesh: EchoMesh) {
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/tester';
  const key = unwrap(await createKeyAndCsr(spiffeId));
  const publicKey = unwrap(parseCsr(key.csrPem));
  const issued = unwrap(mesh.control.authority.issue({ publicKey, spiffeId, ttlMs: 60_000 }));
  return {
    cert: issued.certificatesPem,
    key: key.privateKeyPem,
    ca: mesh.control.authority.rootsPem.join(''),
  };
}

/** The serial number of the certificate that a new handshake shows. */
async function serialAt(host: string, client: { cert: string; key: string; ca: string }): Promise<string> {
  const socket = connect({ host, port: 9080, ...client, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).serialNumber;
}

describe.skipIf(envoyPath === undefined)('replacing', () => {
  test('a new template replaces Pods under requests without one that fails', async () => {
    const { mesh, port, serving } = await meshWithClient();
    await using _mesh = mesh;
    mesh.deploy('echo', { replicas: 2 });
    const old = await mesh.ready('echo', 2);
    await serving();
    const load = new Load('127.0.0.1', port);
    await until('the old ones in use', () => load.pods.size === 2);
    mesh.deploy('echo', { replicas: 2, template: { labels: { version: 'v2' } } });
    await until('new ones only', () => {
      const pods = mesh.agent.pods().filter(({ workload }) => workload === 'echo');
      return (
        pods.length === 2 &&
        pods.every(({ name, isReady }) => isReady && old.every((gone) => gone.name !== name))
      );
    });
    await until('the new ones in use', () => load.pods.size === 4);
    await load.stop();
    expect(load.failures).toEqual([]);
  });

  test('fewer replicas, then none: what goes drains first', async () => {
    const { mesh, port, serving } = await meshWithClient();
    await using _mesh = mesh;
    mesh.deploy('echo', { replicas: 3 });
    await mesh.ready('echo', 3);
    await serving();
    const load = new Load('127.0.0.1', port);
    mesh.deploy('echo', { replicas: 1 });
    await until(
      'one left',
      () => mesh.agent.pods().filter(({ workload }) => workload === 'echo').length === 1,
    );
    await load.stop();
    expect(load.failures).toEqual([]);
    mesh.control.delete('Deployment/default/echo');
    await until('none left', () => mesh.agent.pods().every(({ workload }) => workload !== 'echo'));
    await until(
      'no Pod is reported',
      () => ![...mesh.control.pods.keys()].some((key) => key.includes('/echo')),
    );
  });
});

describe.skipIf(envoyPath === undefined)('applications that fail', () => {
  test('are started again, later and later, and the Pod says so', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('echo');
    const [pod] = await mesh.serving('echo');
    const { address = '', name = '' } = pod ?? {};
    await get(address, 15_001, '/die');
    await until('a restart', () =>
      mesh.events.some((event) => event.kind === 'restart' && event.process === 'echo'),
    );
    await until(
      'it to be ready again',
      () => mesh.pods('echo')[0]?.containers.at(-1)?.restarts === 1 && mesh.pods('echo')[0]?.isReady,
    );
    await until(
      'the control plane to know',
      () => isRecord(stateOf(mesh, name)) && Reflect.get(Object(stateOf(mesh, name)), 'ready') === true,
    );
    expect(stateOf(mesh, name)).toMatchObject({ restartCount: 1, state: { running: {} } });
  });

  test('that end at once are in a crash loop', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('echo', { container: { command: ['node', '-e', 'process.exit(7)'] } });
    const name = await until('a crash loop', () => {
      const [pod] = mesh.pods('echo');
      const isLooping = JSON.stringify(stateOf(mesh, pod?.name ?? ''))?.includes('CrashLoopBackOff');
      return isLooping && pod?.name;
    });
    expect(stateOf(mesh, name)).toMatchObject({
      ready: false,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off after: exit code 7' } },
    });
    expect(mesh.pods('echo')[0]?.message).toContain('exit code 7');
  });

  test('that fail their liveness probe are started again', async () => {
    await using mesh = await EchoMesh.start();
    const livenessProbe = { httpGet: { path: '/health', port: 9080 }, periodSeconds: 1, failureThreshold: 2 };
    mesh.deploy('echo', { container: { livenessProbe } });
    const [pod] = await mesh.serving('echo');
    await get(pod?.address ?? '', 15_001, '/sick');
    await until('a restart', () =>
      mesh.events.some((event) => event.kind === 'restart' && event.message.includes('probe: status 500')),
    );
    await mesh.ready('echo');
  });

  test('whose image has no command wait, with what to do', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('echo', { container: { image: 'unheard/of:1' } });
    await until(
      'a Pod that waits',
      () => mesh.pods('echo')[0]?.containers.length === 1 && stateOf(mesh, mesh.pods('echo')[0]?.name ?? ''),
    );
    const name = mesh.pods('echo')[0]?.name ?? '';
    expect(stateOf(mesh, name)).toMatchObject({
      ready: false,
      state: {
        waiting: {
          reason: 'ErrImageNeverPull',
          message: expect.stringContaining('image unheard/of:1 has no command in xebec.local.yaml; add'),
        },
      },
    });
    mesh.deploy('echo');
    await mesh.ready('echo');
  });

  test('without a proxy run without one', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('bare', { template: { labels: { 'sidecar.istio.io/inject': 'false' } } });
    const [pod] = await mesh.ready('bare');
    const { status, body } = await get(pod?.address ?? '', 9080, '/');
    expect(status).toBe(200);
    expect(body).not.toContain('http_proxy');
    expect(pod?.containers.map(({ name }) => name)).toEqual(['echo']);
  });
});

describe.skipIf(envoyPath === undefined)('processes that are killed', () => {
  test('an Envoy is back within two seconds, while the control plane is away, with the certificate it had', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('echo');
    const [pod] = await mesh.ready('echo');
    const { address = '', name = '' } = pod ?? {};
    await mesh.control.kill();
    const killedAt = performance.now();
    process.kill(await envoyPid(mesh, name), 'SIGKILL');
    await until('it to be missed', () => mesh.pods('echo')[0]?.isReady === false);
    await until(
      'its status page',
      async () =>
        (await get(address, 15_021, '/healthz/ready').catch(() => undefined)) !== undefined ||
        mesh.pods('echo')[0]?.containers[0]?.restarts === 1,
    );
    expect(performance.now() - killedAt).toBeLessThan(2_000);
    const tokens = mesh.control.tokensIssued;
    await mesh.control.start();
    await mesh.ready('echo');
    expect(mesh.control.tokensIssued).toBe(tokens);
  });

  test('a control plane that is killed is not missed by requests, and knows all Pods when it is back', async () => {
    const { mesh, port, serving } = await meshWithClient();
    await using _mesh = mesh;
    mesh.deploy('echo', { replicas: 2 });
    const pods = await mesh.ready('echo', 2);
    await serving();
    const load = new Load('127.0.0.1', port);
    const streams = mesh.control.discovery.streams;
    await mesh.control.kill();
    await until('requests without it', () => load.count > 100);
    await mesh.control.start();
    await until('its Pods', () => pods.every(({ name }) => mesh.control.pods.has(`Pod/default/${name}`)));
    await until('its proxies', () => mesh.control.discovery.streams >= streams + 3);
    await load.stop();
    expect(load.failures).toEqual([]);
  });

  test('an agent that is killed leaves no process', async () => {
    await using mesh = new EchoMesh({});
    await mesh.control.start();
    const program = fileURLToPath(new URL('testing/agent-process.ts', import.meta.url));
    const { onEvent: _onEvent, ...options } = mesh.options;
    const agent = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(options)], {
      stdio: 'ignore',
    });
    mesh.deploy('echo');
    const pid = await until('the application', () => {
      const [found] = [...mesh.control.pods.values()].filter((pod) =>
        JSON.stringify(pod).includes('"ContainersReady","status":"True"'),
      );
      return found !== undefined && applicationPid(found);
    });
    agent.kill('SIGKILL');
    await until('the application to end', () => !isAlive(pid));
    const [envoy] = processesBelow(mesh.stateDirectory);
    await until('Envoy to end', () => envoy === undefined || !isAlive(envoy));
    // The next agent starts afresh at the same place.
    await mesh.startAgent();
    await mesh.ready('echo');
  });
});

async function envoyPid(mesh: EchoMesh, pod: string): Promise<number> {
  const [found] = processesBelow(path.join(mesh.stateDirectory, 'run', pod));
  if (found === undefined) throw new Error('no Envoy found');
  return found;
}

/** Processes whose command line names something below a directory. */
function processesBelow(directory: string): number[] {
  return readProcesses()
    .filter(({ command }) => command.includes(`${directory}/`) && command.includes('--config-path'))
    .map(({ pid }) => pid);
}

function readProcesses(): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [
          { pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') },
        ];
      } catch {
        return [];
      }
    });
}

async function applicationPid(pod: Readonly<Record<string, unknown>>): Promise<number | undefined> {
  const status = isRecord(pod['status']) ? pod['status'] : {};
  const answer = await get(String(status['podIP']), 15_001, '/').catch(() => undefined);
  return answer?.status === 200 ? Number(/"pid":(\d+)/.exec(answer.body)?.[1]) : undefined;
}

/** What nobody has reaped yet does not live, and where the first process reaps nothing it stays. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
