// Health and the order of things: who gets traffic, who starts before whom, and what ends when.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad } from './support/http.ts';
import { command, type Mesh, type Pod, repositoryFile, startMesh, until } from './support/mesh.ts';

const probes: Readonly<Record<string, string>> = {
  http: 'httpGet: {path: /ready, port: 8080}',
  tcp: 'tcpSocket: {port: 8081}',
  grpc: 'grpc: {port: 50051}',
  exec: 'exec: {command: [test, -f, $(HEALTH_FILE)]}',
};

const folder = mkdtempSync(join(tmpdir(), 'xb-life-'));
const results = join(folder, 'results.jsonl');

const deployment = (kind: string, extra = ''): string => `apiVersion: v1
kind: Service
metadata: {name: probe-${kind}}
spec:
  selector: {app: probe-${kind}}
  ports: [{name: http, port: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: probe-${kind}}
spec:
  replicas: ${kind === 'http' ? 2 : 1}
  selector: {matchLabels: {app: probe-${kind}}}
  template:
    metadata: {labels: {app: probe-${kind}}, annotations: {generation: "1"}}
    spec:
      containers:
        - name: server
          image: xebec.test/server:1
          env: [{name: HEALTH_FILE, value: ${folder}/health-${kind}}]
          ports: [{containerPort: 8080}, {containerPort: 8081}, {containerPort: 50051}]
          readinessProbe: {${probes[kind]?.replace('$(HEALTH_FILE)', `${folder}/health-${kind}`)}, periodSeconds: 1, failureThreshold: 1}
${extra}`;

const job = (name: string, more: string): string => `apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
${more}
`;

const step = (name: string, calls: number, more = ''): string =>
  `{name: ${name}, image: "xebec.test/job:1", env: [{name: STEP, value: ${name}}, {name: CALLS, value: "${calls}"}, {name: RESULTS, value: ${results}}${more}]}`;

interface Line {
  readonly step: string;
  readonly calls: number;
  readonly failures: number;
}

const lines = (): readonly Line[] => {
  try {
    return readFileSync(results, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Line => JSON.parse(line));
  } catch {
    return [];
  }
};

let mesh: Mesh;
let client: string;

beforeAll(async () => {
  for (const file of ['server.mjs', 'job.mjs'])
    copyFileSync(repositoryFile(`tests/e2e/apps/lifecycle/${file}`), join(folder, file));
  symlinkSync(repositoryFile('node_modules'), join(folder, 'node_modules'));
  writeFileSync(
    join(folder, 'probes.yaml'),
    Object.keys(probes)
      .map((kind) => deployment(kind))
      .join('---\n'),
  );
  writeFileSync(
    join(folder, 'xebec.local.yaml'),
    `apiVersion: local.xebec.io/v1alpha1
kind: LocalImages
images:
  - {image: "xebec.test/server:1", command: [node, server.mjs]}
  - {image: "xebec.test/job:1", command: [node, job.mjs]}
`,
  );
  mesh = await startMesh({ paths: [folder] });
  client = (await mesh.pod('probe-exec')).ip;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const call = (host: string) => ({ url: `http://${host}:8080/`, proxy: `${client}:15001` });
const podsOf = async (prefix: string): Promise<readonly Pod[]> =>
  (await mesh.pods()).filter(({ name }) => name.startsWith(prefix));

describe('[DP-12] an instance that fails its probe', () => {
  it.each(['http', 'tcp', 'grpc'])('%s: gets no traffic until it passes again', async (kind) => {
    const [pod] = await podsOf(`probe-${kind}`);
    const others = kind === 'http' ? 1 : 0;
    const tell = (what: string) => fetchText({ url: `http://${pod?.ip}:8080/${what}`, method: 'POST' });
    expect((await fetchText(call(`probe-${kind}`))).status).toBe(200);
    await tell('sick');
    await until('it has left', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => fetchText(call(`probe-${kind}`))));
      return others === 0
        ? answers.every(({ status }) => status === 503)
        : answers.every(({ status, body }) => status === 200 && body !== pod?.name);
    });
    await tell('healthy');
    await until('it is back', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => fetchText(call(`probe-${kind}`))));
      return answers.every(({ status }) => status === 200) && answers.some(({ body }) => body === pod?.name);
    });
  });

  it('exec: gets no traffic until it passes again', async () => {
    const file = join(folder, 'health-exec');
    rmSync(file);
    await until('it has left', async () => (await fetchText(call('probe-exec'))).status === 503);
    writeFileSync(file, '');
    await until('it is back', async () => (await fetchText(call('probe-exec'))).status === 200);
  });

  it('all endpoints vanish and return: 503 with a reason, and back within a second (F22)', async () => {
    const marker = `f22-${process.pid}`;
    const file = join(folder, 'health-exec');
    rmSync(file);
    await until('it has left', async () => {
      const answer = await fetchText({ ...call('probe-exec'), headers: { 'user-agent': marker } });
      return answer.status === 503 && answer.body.includes('no healthy upstream');
    });
    const log = join(mesh.state, 'logs', (await mesh.pod('probe-exec')).name, 'access.log');
    await until('the log tells why', async () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .some((line) => line.includes(marker) && / 503 UH /.test(line)),
    );
    writeFileSync(file, '');
    await until('it is ready', async () => (await podsOf('probe-exec')).every(({ isReady }) => isReady));
    const readyAt = performance.now();
    await until('it answers', async () => (await fetchText(call('probe-exec'))).status === 200);
    expect(performance.now() - readyAt).toBeLessThan(1_000);
  });
});

describe('a Job', () => {
  it('calls from its first moment on, its init containers too: none of 1,000 calls fails (F24)', async () => {
    const spec = `  completions: 4
  parallelism: 2
  template:
    spec:
      restartPolicy: Never
      initContainers: [${step('first', 50)}]
      containers: [${step('main', 200)}]`;
    const applied = await mesh.apply(job('calls', spec));
    expect(applied.code, applied.stderr).toBe(0);
    await until(
      'all have ended',
      async () => lines().filter((line) => line.step === 'main').length === 4,
      60_000,
    );
    expect(lines().reduce((sum, { calls }) => sum + calls, 0)).toBe(1_000);
    expect(lines().reduce((sum, { failures }) => sum + failures, 0)).toBe(0);
    expect(
      lines()
        .map((line) => line.step)
        .indexOf('first'),
    ).toBe(0);
  });

  it('takes its proxy with it, and tells how it ended', async () => {
    const ended = await until('the Pods have succeeded', async () => {
      const { stdout } = await mesh.xebec(['get', 'pods', '-A', '-o', 'json']);
      const items: readonly {
        metadata: { name: string };
        status: { phase: string; containerStatuses?: readonly { name: string }[] };
      }[] = JSON.parse(stdout).items;
      const own = items.filter(({ metadata }) => metadata.name.startsWith('calls-'));
      return own.length === 4 && own.every(({ status }) => status.phase === 'Succeeded') ? own : undefined;
    });
    for (const { status } of ended)
      expect(status.containerStatuses?.map(({ name }) => name)).toEqual(['main']);
    const { stdout } = await mesh.xebec(['proxy-status', '-o', 'json']);
    expect(stdout).not.toContain('calls-');
    expect((await mesh.xebec(['delete', 'Job', 'calls'])).code).toBe(0);
    await until('its Pods are gone', async () => (await podsOf('calls-')).length === 0);
  });

  it('fails when its program does, after as many tries as it may have', async () => {
    const spec = `  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      containers: [${step('failing', 1, ', {name: EXIT_CODE, value: "7"}')}]`;
    expect((await mesh.apply(job('fails', spec))).code).toBe(0);
    await until(
      'two Pods have failed',
      async () => lines().filter((line) => line.step === 'failing').length === 2,
    );
    const { stdout } = await until('both are told', async () => {
      const got = await mesh.xebec(['get', 'pods', '-A', '-o', 'json']);
      return got.stdout.split('"phase": "Failed"').length === 3 ? got : undefined;
    });
    expect(stdout).toContain('"exitCode": 7');
    expect((await mesh.xebec(['delete', 'Job', 'fails'])).code).toBe(0);
  });
});

describe('a rolling restart', () => {
  it('under load fails no request (F23)', async () => {
    const wanted = Number(process.env['XEBEC_RESTART_REQUESTS'] ?? 1_500);
    const load = startLoad(call('probe-http'), 200);
    do {
      const before = new Set((await podsOf('probe-http')).map(({ name }) => name));
      const restarted = await mesh.xebec(['rollout', 'restart', 'deployment', 'probe-http', '--wait=60s']);
      expect(restarted.code, restarted.stderr).toBe(0);
      const after = await podsOf('probe-http');
      expect(after.filter(({ name }) => before.has(name))).toEqual([]);
      expect(after.filter(({ isReady }) => isReady)).toHaveLength(2);
    } while (load.sent < wanted);
    const { failures } = await load.stop();
    expect(failures).toEqual({});
  }, 1_200_000);
});

interface Program {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `xebec agent run … -- COMMAND`. */
function agentRun(flags: readonly string[], program: readonly string[]) {
  const parameters = ['agent', 'run', '--state', mesh.state, ...flags, '--', ...program];
  let child: ReturnType<typeof execFile> | undefined;
  const ended = new Promise<Program>((resolve) => {
    child = execFile(
      process.execPath,
      [command, ...parameters],
      { cwd: folder, timeout: 60_000, env: { ...process.env, CALLS: '20', STEP: 'program', EXIT_CODE: '7' } },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(Reflect.get(error, 'code')), stdout, stderr }),
    );
  });
  return { ended, stop: () => child?.kill('SIGTERM') };
}

describe('[DP-2] a program run by hand', () => {
  it('is a workload while it runs, and its exit code is the command’s', async () => {
    const { code, stdout, stderr } = await agentRun(['--name', 'tool'], [process.execPath, 'job.mjs']).ended;
    expect([code, stderr]).toEqual([7, '']);
    expect(JSON.parse(stdout)).toMatchObject({ calls: 20, failures: 0, step: 'program' });
    expect((await podsOf('tool-')).length).toBe(0);
  });

  it('serves others', async () => {
    const service =
      'apiVersion: v1\nkind: Service\nmetadata: {name: extra}\nspec: {selector: {app: extra}, ports: [{name: http, port: 8080}]}\n';
    expect((await mesh.apply(service)).code).toBe(0);
    const program = agentRun(['--name', 'extra', '--port', '8080'], [process.execPath, 'server.mjs']);
    const answer = await until('it serves', async () => {
      const got = await fetchText(call('extra'));
      return got.status === 200 ? got : undefined;
    });
    expect(answer.body).toMatch(/^extra-/);
    program.stop();
    expect((await program.ended).code).toBe(0);
    await until('it is gone', async () => (await podsOf('extra-')).length === 0);
    expect((await fetchText(call('extra'))).status).toBe(503);
  });
});
