// xebec up and down as people meet them: one command to a mesh, nothing left behind, and every failure says what to do.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, isRunning, openWorkspace, root, type Workspace } from './support/run-cli.ts';

const explicit = ['--capture', 'explicit', '--ingress-port', '0'];

interface UpAnswer {
  readonly ingress: string;
  readonly xds: string;
  readonly capture: string;
  readonly workloads: readonly {
    readonly name: string;
    readonly isReady: boolean;
    readonly identity: string;
  }[];
}

const rootCertificate = (work: Workspace): string =>
  readFileSync(join(work.state, 'ca/root-cert.pem'), 'utf8');

/** Pids of all Node and Envoy processes that know of this workspace. */
function processesOf(work: Workspace): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(work.directory) && isRunning(Number(pid));
    } catch {
      return false;
    }
  });
}

describe('[DG-1] [BY-15] one command', () => {
  let work: Workspace;
  let answer: UpAnswer;
  let run: { code: number | null; stdout: string; stderr: string };
  beforeAll(async () => {
    work = openWorkspace();
    run = await work.run(['up', '--detach', ...explicit, '-o', 'json']);
    answer = JSON.parse(run.stdout || '{}') as UpAnswer;
  });
  afterAll(() => work.dispose());

  it('returns once everything serves', async () => {
    expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('7 of 7 ready')]);
    expect(answer.workloads.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'details-v1',
        'productpage-v1',
        'ratings-v1',
        'reviews-v3',
        'istio-ingressgateway',
      ]),
    );
    expect(answer.workloads.every(({ isReady }) => isReady)).toBe(true);
    const response = await fetch(answer.ingress);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('The Comedy of Errors');
  });

  it('tells who has what: proxy-status and proxy-config', async () => {
    const table = await work.run(['proxy-status']);
    expect(table.stdout).toMatch(/^NAME +CLUSTERS +LISTENERS +ROUTES +ENDPOINTS +HOLDS +VERSION\n/);
    expect(table.stdout).toMatch(
      /^productpage-v1-\S+\.default +SYNCED +SYNCED +SYNCED +SYNCED +holds \d+ of \d+ +\d+$/m,
    );
    const json = await work.run(['proxy-status', 'productpage-v1', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      items: [{ workload: 'productpage-v1', state: 'SYNCED' }],
    });
    const clusters = await work.run(['proxy-config', 'cluster', 'productpage-v1']);
    expect(clusters.stdout).toMatch(
      /^reviews\.default\.svc\.cluster\.local +9080 +- +outbound +EDS +Service\/default\/reviews$/m,
    );
    const routes = await work.run(['pc', 'routes', 'istio-ingressgateway']);
    expect(routes.stdout).toMatch(
      /\/productpage +outbound\|9080\|\|productpage\S+ +VirtualService\/default\/bookinfo#spec\.http\[0\]/,
    );
    const endpoints = await work.run(['pc', 'endpoint', 'productpage-v1']);
    expect(endpoints.stdout).toMatch(/^127\.\d+\.\d+\.\d+:9080 +HEALTHY +OK +outbound\|9080\|\|reviews/m);
    const listeners = await work.run(['pc', 'listener', 'reviews-v1']);
    expect(listeners.stdout).toContain('istio-peer-exchange');
  });

  it('shows certificates and never a private key', async () => {
    const secrets = await work.run(['proxy-config', 'secret', 'reviews-v1']);
    expect(secrets.stdout).toMatch(
      /^default +Cert Chain +ACTIVE +true .*spiffe:\/\/cluster\.local\/ns\/default\/sa\/bookinfo-reviews$/m,
    );
    const all = await work.run(['proxy-config', 'all', 'reviews-v1', '-o', 'json']);
    expect(all.stdout).not.toContain('PRIVATE KEY');
    expect(JSON.parse(all.stdout)).toHaveProperty('configs');
  });

  it('names the workloads when it is asked for one that is not there', async () => {
    const { code, stderr } = await work.run(['proxy-config', 'cluster', 'reviews']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      '"reviews" may be any of reviews-v1.default, reviews-v2.default, reviews-v3.default',
    );
    expect((await work.run(['logs', 'nobody'])).stderr).toContain('there are: details-v1.default');
  });

  it('prints logs of the application, its Envoy and the access log', async () => {
    await fetch(answer.ingress);
    await eventually(
      async () => (await work.run(['logs', 'productpage-v1', '--access'])).stdout.includes('inbound|9080||'),
      'an access log line',
    );
    expect((await work.run(['logs', 'productpage-v1', '--tail', '1'])).stdout).toContain('GET /productpage');
    expect((await work.run(['logs', 'productpage-v1', '--envoy'])).code).toBe(0);
    expect((await work.run(['logs', 'control-plane'])).stdout).toContain('listening xds');
  });

  it('follows a log', async () => {
    const following = work.start(['logs', 'reviews-v1', '-f', '--tail', '0']);
    const call = setInterval(() => void fetch(answer.ingress).catch(() => undefined), 200);
    await following.until('GET /reviews/0').finally(() => clearInterval(call));
    following.child.kill('SIGINT');
    expect((await following.ended).code).toBe(0);
  });

  it('[BY-6] waits until the proxies concerned have a change, and only those', async () => {
    const routing = join(root, 'samples/bookinfo/routing');
    const files = ['destination-rule-all', 'virtual-service-all-v1'].flatMap((name) => [
      '-f',
      join(routing, `${name}.yaml`),
    ]);
    const { code, stdout } = await work.run(['apply', '--wait', ...files]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^VirtualService\/default\/reviews +1 +1 +1 +serving$/m);
    const json = await work.run(['rollback', '1', '--wait', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ convergence: { isDone: true } });
  });

  it('[BY-6] names the stragglers and exits with 3 when they do not answer in time', async () => {
    const [pod] = await pods(work, 'productpage-v1');
    const envoy = envoyPid(work, pod ?? '');
    process.kill(envoy, 'SIGSTOP');
    try {
      const file = join(root, 'samples/bookinfo/routing/destination-rule-all.yaml');
      const { code, stdout, stderr } = await work.run(['apply', '-f', file, '--wait=1s']);
      expect(code).toBe(3);
      expect(stdout).toMatch(
        new RegExp(`^DestinationRule/default/reviews +1 +1 +0 +waiting for ${pod}\\.default$`, 'm'),
      );
      expect(stderr).toContain(`timed out after 1 s; without it: ${pod}.default`);
    } finally {
      process.kill(envoy, 'SIGCONT');
    }
    const { code } = await work.run([
      'apply',
      '-f',
      join(root, 'samples/bookinfo/routing/destination-rule-all.yaml'),
      '--wait',
    ]);
    expect(code).toBe(0);
  });

  it('refuses a second mesh on the same state, naming the holder', async () => {
    const { code, stderr } = await work.run(['up', ...explicit]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${work.state} is in use by xebec up (process ${work.pid('up')}, since `);
    expect(stderr).toContain('"xebec down"');
  });

  it('starts the control plane again when it is killed; traffic goes on', async () => {
    const before = work.pid('control-plane');
    process.kill(before ?? Number.NaN, 'SIGKILL');
    expect((await fetch(answer.ingress)).status).toBe(200);
    // On a busy machine a start takes seconds, and each further one is put off longer.
    await eventually(
      async () => (await work.run(['get', 'vs'])).code === 0,
      'the control plane is back',
      60_000,
    );
    expect(work.pid('control-plane')).not.toBe(before);
  });

  it('goes down cleanly, and comes back with the same root and history', async () => {
    const pids = ['up', 'control-plane', 'agent'].map((name) => work.pid(name));
    const certificate = rootCertificate(work);
    expect((await work.run(['down'])).code).toBe(0);
    expect(pids.map(isRunning)).toEqual([false, false, false]);
    await eventually(() => processesOf(work).length === 0, `no process is left: ${processesOf(work)}`);
    await expect(fetch(answer.ingress)).rejects.toThrow();
    expect((await work.run(['down'])).stdout).toBe(`no mesh is running in ${work.state}\n`);

    const again = await work.run(['up', '--detach', ...explicit]);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('Three things to try:')]);
    expect(rootCertificate(work)).toBe(certificate);
    const { stdout } = await work.run(['history', '-o', 'json']);
    expect((JSON.parse(stdout) as { items: unknown[] }).items.length).toBeGreaterThan(3);
  });

  it('leaves nothing when the holder is killed', async () => {
    process.kill(work.pid('up') ?? Number.NaN, 'SIGKILL');
    await eventually(() => processesOf(work).length === 0, 'the guard ended everything', 30_000);
    expect((await work.run(['down'])).code).toBe(0);
  });
});

async function pods(work: Workspace, deployment: string): Promise<readonly string[]> {
  const { stdout } = await work.run(['get', 'pods', '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { metadata: { name: string } }[] };
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(deployment));
}

function envoyPid(work: Workspace, pod: string): number {
  const found = processesOf(work).find((pid) => {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return line.includes('bootstrap') && line.includes(pod);
  });
  if (found === undefined) throw new Error(`no Envoy of ${pod}`);
  return Number(found);
}

describe('in the foreground', () => {
  let work: Workspace;
  beforeEach(() => {
    work = openWorkspace();
  });
  afterEach(() => work.dispose());

  it('prints the table, stays, and ends everything on Ctrl-C', async () => {
    const mesh = work.start(['up', ...explicit]);
    await mesh.until(/● 7\/7 workloads ready · 7 proxies synced/);
    mesh.child.kill('SIGINT');
    const { code, stdout } = await mesh.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^WORKLOAD +NAMESPACE +VERSION +READY +ADDRESS +IDENTITY$/m);
    expect(stdout).toMatch(/^Ingress: http:\/\/127\.0\.0\.1:\d+\/productpage$/m);
    expect(processesOf(work)).toEqual([]);
  });

  it('Ctrl-C while it starts leaves nothing either', async () => {
    const mesh = work.start(['up', ...explicit]);
    await mesh.until('workloads …');
    mesh.child.kill('SIGINT');
    expect((await mesh.ended).code).toBe(1);
    expect(processesOf(work)).toEqual([]);
  });
});

describe('what cannot work is said, with a remedy, and leaves nothing running', () => {
  let work: Workspace;
  let server: Server | undefined;
  beforeEach(() => {
    work = openWorkspace();
  });
  afterEach(async () => {
    server?.close();
    await work.dispose();
  });

  const up = async (args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) => {
    const outcome = await work.run(['up', ...args], { env });
    expect(processesOf(work)).toEqual([]);
    return outcome;
  };

  it('a port in use', async () => {
    server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server?.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await up(['--ingress-port', String(port)]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `port ${port} of 127.0.0.1 is in use; choose another --ingress-port, or 0 for a free one`,
    );
  });

  it('bad manifests, each with its place', async () => {
    work.write('bad/a.yaml', 'apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports: 5\n');
    const { code, stderr } = await up(['bad', ...explicit]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bad\/a\.yaml:6:\d+: error: spec\.ports: /m);
  });

  it('an image that no command stands for', async () => {
    work.write(
      'app/a.yaml',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\nspec:\n  selector: { matchLabels: { app: a } }\n  template:\n    metadata: { labels: { app: a } }\n    spec:\n      containers:\n        - name: a\n          image: a:1\n',
    );
    const { code, stderr } = await up(['app', ...explicit]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^app\/a\.yaml:11:\d+: error: .*which command stands for "a:1"; add it to xebec\.local\.yaml/m,
    );
  });

  it('a directory that is not there', async () => {
    const { code, stderr } = await up(['nowhere']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not exist; check the path')]);
  });

  it('an Envoy that is none', async () => {
    const { code, stderr } = await up(['--envoy', '/bin/true']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('ENVOY_PATH is /bin/true')]);
  });

  it('no Envoy and no python3 to install one', async () => {
    // A PATH with nothing on it, and an empty cache.
    const env = { ENVOY_PATH: undefined, PATH: work.directory, XEBEC_CACHE: join(work.directory, 'cache') };
    const { code, stderr } = await up([], env);
    expect(code).toBe(1);
    expect(stderr).toContain('without python3 none can be installed; install python3 with pip');
  });

  it('a state directory of a newer version', async () => {
    mkdirSync(work.state, { recursive: true });
    writeFileSync(join(work.state, 'format'), '99\n');
    const { code, stderr } = await up(explicit);
    expect(code).toBe(1);
    expect(stderr).toContain('was written by a newer Xebec (format 99');
    expect(stderr).toContain('choose another directory with --state');
    expect(readFileSync(join(work.state, 'format'), 'utf8')).toBe('99\n');
  });

  it('a journal of a newer version, refused by the control plane itself', async () => {
    await work.run(['up', '--detach', ...explicit]);
    await work.run(['down']);
    const journal = join(work.state, 'journal/segment-000000000001.journal');
    const bytes = readFileSync(journal);
    // The version follows the magic number; both are read before anything else.
    const damaged = Buffer.concat([
      bytes.subarray(0, 4),
      Buffer.from([0xff, 0xff, 0xff, 0x7f]),
      bytes.subarray(8),
    ]);
    writeFileSync(journal, damaged);
    const { code, stderr } = await up(explicit);
    expect(code).toBe(1);
    expect(stderr).toContain('the control plane did not start: ');
    expect(stderr).toContain('segment-000000000001.journal');
    expect(readFileSync(journal).equals(damaged)).toBe(true);
  });

  it('a state directory that cannot be one', async () => {
    writeFileSync(work.state, 'a file');
    const { code, stderr } = await up(explicit);
    expect([code, stderr]).toEqual([1, expect.stringContaining(work.state)]);
  });

  it.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
    mkdirSync(join(work.state, 'logs'), { recursive: true });
    mkdirSync(join(work.state, 'run'), { recursive: true });
    // Every write to this file says that no space is left.
    symlinkSync('/dev/full', join(work.state, 'run', 'mesh.json.new'));
    const { code, stderr } = await up(explicit);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no space left.*free some space/i)]);
  });

  it('transparent capture without the rights for it', async () => {
    const { code, stderr } = await work.run(['up', '--capture', 'transparent', '--ingress-port', '0'], {
      isUnprivileged: true,
    });
    expect(processesOf(work)).toEqual([]);
    expect(code).toBe(1);
    expect(stderr).toContain('transparent capture does not work here');
    expect(stderr).toContain('--capture explicit');
  });
});
