// Workloads that join a group by themselves: a program started by hand becomes an endpoint, is probed, and leaves.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { at, command, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

const folder = mkdtempSync(join(tmpdir(), 'xb-group-'));
let mesh: Mesh;
let proxy: string;

const group = `apiVersion: v1
kind: ServiceAccount
metadata: {name: vm}
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: vm}
spec:
  metadata: {labels: {app: vm}}
  template: {serviceAccount: vm, ports: {http: 8080}}
  probe: {periodSeconds: 1, failureThreshold: 1, httpGet: {port: 8080, path: /ready}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm}
spec:
  hosts: [vm.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: vm}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict}
spec: {mtls: {mode: STRICT}}
`;
const program = `
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
createServer((request, response) => {
  const isIll = request.url === '/ready' && existsSync('ill');
  response.writeHead(isIll ? 500 : 200).end(JSON.stringify({ client: request.headers['x-forwarded-client-cert'] }));
}).listen(8080, process.env.BIND_ADDRESS);
`;

beforeAll(async () => {
  writeFileSync(join(folder, 'server.mjs'), program);
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(group);
  expect(applied.code, applied.stderr).toBe(0);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function joinGroup(flags: readonly string[]) {
  const parameters = ['agent', 'run', '--state', mesh.state, ...flags, '--', process.execPath, 'server.mjs'];
  let child: ReturnType<typeof execFile> | undefined;
  const ended = new Promise<string>((resolve) => {
    child = execFile(
      process.execPath,
      [command, ...parameters],
      { cwd: folder, timeout: 90_000 },
      (_, __, stderr) => resolve(stderr),
    );
  });
  return { ended, stop: () => child?.kill('SIGTERM') };
}

const ask = () => fetchText({ url: 'http://vm.example/', proxy });
const entries = async (): Promise<readonly unknown[]> =>
  listAt(await mesh.admin('/v1/objects?kind=WorkloadEntry'), 'items');

describe('[DP-8] [MG-8] a workload of a group', () => {
  it('is an endpoint once its probe passes, with its own identity, out while it fails, and gone with its process', async () => {
    expect((await ask()).status).toBe(503);
    const member = joinGroup(['--workload-group', 'default/vm']);
    const answer = await until('it serves', async () => {
      const found = await ask();
      return found.status === 200 ? found : undefined;
    });
    expect(answer.body).toContain('URI=spiffe://cluster.local/ns/default/sa/client');
    const [entry] = await entries();
    expect(textAt(entry, 'metadata', 'name')).toMatch(/^vm-127-/);
    expect(at(entry, 'metadata', 'ownerReferences')).toMatchObject([{ kind: 'WorkloadGroup', name: 'vm' }]);
    expect((await mesh.xebec(['get', 'workloadentries'])).stdout).toMatch(/vm-127-\S+ .*True +vm /);
    writeFileSync(join(folder, 'ill'), '');
    await until('it is out', async () => (await ask()).status === 503);
    rmSync(join(folder, 'ill'));
    await until('it is back', async () => (await ask()).status === 200);
    member.stop();
    await member.ended;
    await until('its entry is gone', async () => (await entries()).length === 0, 2_000);
    expect((await ask()).status).toBe(503);
  }, 90_000);

  it('a group that does not exist is named', async () => {
    const stderr = await joinGroup(['--workload-group', 'default/nobody']).ended;
    expect(stderr).toContain('there is no WorkloadGroup default/nobody');
  });
});
