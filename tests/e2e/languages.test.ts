// One suite for servers in five languages: none of them has a client library, so none of them behaves differently.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';

const sources = repositoryFile('tests/e2e/apps/languages');

interface Language {
  readonly name: string;
  /** What must be on this machine. */
  readonly tool: string;
  readonly file: string;
  build(folder: string): void;
  readonly command: readonly string[];
}

const run = (folder: string, tool: string, ...parameters: readonly string[]): void => {
  execFileSync(tool, parameters, { cwd: folder, stdio: 'pipe', timeout: 120_000, killSignal: 'SIGKILL' });
};
const nothing = (): void => undefined;

const languages: readonly Language[] = [
  { name: 'javascript', tool: 'node', file: 'server.mjs', build: nothing, command: ['node', 'server.mjs'] },
  { name: 'python', tool: 'python3', file: 'server.py', build: nothing, command: ['python3', 'server.py'] },
  {
    name: 'go',
    tool: 'go',
    file: 'server.go',
    build: (folder) => run(folder, 'go', 'build', '-o', 'server-go', 'server.go'),
    command: ['./server-go'],
  },
  {
    name: 'java',
    tool: 'javac',
    file: 'Server.java',
    build: (folder) => run(folder, 'javac', '-d', '.', 'Server.java'),
    command: ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', '.', 'Server'],
  },
  {
    name: 'rust',
    tool: 'rustc',
    file: 'server.rs',
    build: (folder) => run(folder, 'rustc', '-O', '-o', 'server-rs', 'server.rs'),
    command: ['./server-rs'],
  },
];

function isInstalled({ tool }: Language): boolean {
  try {
    execFileSync(tool, [tool === 'go' ? 'version' : '--version'], {
      stdio: 'pipe',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    return true;
  } catch {
    return false;
  }
}

const present = languages.filter(isInstalled);
const absent = languages.filter((language) => !present.includes(language));

/** The manifests of one server: the same for every language but for the name and the image. */
const manifests = (name: string): string => `apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: 8080}, {name: tcp-echo, port: 9000}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: v1}}
    spec:
      serviceAccountName: ${name}
      containers:
        - name: server
          image: xebec.test/${name}:1
          env: [{name: TCP_PORT, value: "9000"}]
          ports: [{containerPort: 8080}, {containerPort: 9000}]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: [${name}]
  http:
    - match: [{port: 8080, uri: {exact: /flaky}}]
      retries: {attempts: 3, retryOn: 5xx, backoff: 10ms}
      route: [{destination: {host: ${name}, port: {number: 8080}}}]
    - match: [{port: 8080, uri: {exact: /slow}}]
      timeout: 500ms
      route: [{destination: {host: ${name}, port: {number: 8080}}}]
    - match: [{port: 8080, uri: {prefix: /rewritten/}}]
      rewrite: {uri: /}
      headers: {request: {add: {x-added: by-the-mesh}}}
      route: [{destination: {host: ${name}, port: {number: 8080}}}]
    - match: [{port: 8080}]
      route: [{destination: {host: ${name}, port: {number: 8080}}}]
`;

const localImages = (): string =>
  JSON.stringify({
    apiVersion: 'local.xebec.io/v1alpha1',
    kind: 'LocalImages',
    images: present.map(({ name, command }) => ({ image: `xebec.test/${name}:1`, command })),
  });

const folder = mkdtempSync(join(tmpdir(), 'xb-languages-'));
let mesh: Mesh;
let client: string;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (const language of present) {
    copyFileSync(join(sources, language.file), join(folder, language.file));
    language.build(folder);
    writeFileSync(join(folder, `${language.name}.yaml`), manifests(language.name));
  }
  writeFileSync(join(folder, 'xebec.local.yaml'), localImages());
  mesh = await startMesh({ paths: [folder] });
  client = (await mesh.pod('javascript')).ip;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const call = (name: string, path: string, more: object = {}): Promise<Answer> =>
  fetchText({ url: `http://${name}:8080${path}`, proxy: `${client}:15001`, ...more });

describe.each(present)('[DP-25] a server in $name', ({ name }) => {
  it('[DG-6] is called by who the client is proven to be', async () => {
    const { status, body } = await call(name, '/rewritten/who?x=1', { headers: { 'x-own': 'kept' } });
    expect(status).toBe(200);
    expect(body).toContain(`${name} GET /who?x=1\n`);
    expect(body).toContain('x-own: kept\n');
    expect(body).toContain('x-added: by-the-mesh\n');
    expect(body).toContain('URI=spiffe://cluster.local/ns/default/sa/javascript');
    expect(body).not.toContain('x-xebec');
  });

  it('gets bodies, and streams answers', async () => {
    const body = 'x'.repeat(100_000);
    expect((await call(name, '/length', { method: 'POST', body })).body).toBe('100000');
    expect((await call(name, '/stream')).body).toBe('part 0\npart 1\npart 2\npart 3\npart 4\n');
    expect((await call(name, '/status/418')).status).toBe(418);
  });

  it('[DP-15] [DP-16] is tried again, and not waited for too long', async () => {
    const id = `${name}-${process.pid}`;
    const flaky = await call(name, '/flaky', { headers: { 'x-id': id } });
    expect([flaky.status, flaky.body]).toEqual([200, 'attempt 3']);
    expect((await call(name, '/slow')).status).toBe(504);
  });

  it('[DP-21] is measured by its own proxy', async () => {
    const { ip } = await mesh.pod(name);
    await until('its requests are counted', async () => {
      const samples = await scrape(ip);
      const labels = {
        reporter: 'destination',
        destination_workload: name,
        connection_security_policy: 'mutual_tls',
      };
      return sum(samples, 'istio_requests_total', { ...labels, response_code: '418' }) > 0;
    });
  });
});

describe.each(absent)('[DP-25] a server in $name', ({ tool }) => {
  it('is held to the same', ({ skip }) => skip(`there is no ${tool} on this machine`));
});

it('there are at least four of them', ({ skip }) => {
  if (present.length < 4) skip(`only ${present.map(({ name }) => name).join(', ')} can be built here`);
  expect(present.length).toBeGreaterThanOrEqual(4);
});
