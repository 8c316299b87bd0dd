// Who may call what, on every protocol, decided by who the caller is proven to be.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

const folder = mkdtempSync(join(tmpdir(), 'xb-authz-'));
const stranger = `apiVersion: v1
kind: ServiceAccount
metadata: {name: stranger}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stranger}
spec:
  selector: {matchLabels: {app: stranger}}
  template:
    metadata: {labels: {app: stranger}}
    spec: {serviceAccountName: stranger, containers: [{name: client, image: "xebec.test/echo:1"}]}
`;

let mesh: Mesh;
let client: string;
let other: string;
beforeAll(async () => {
  writeFileSync(join(folder, 'stranger.yaml'), stranger);
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo'), folder] });
  client = (await mesh.pod('client')).ip;
  other = (await mesh.pod('stranger')).ip;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const applied = new Set<string>();
async function policy(name: string, spec: object, namespace = 'default'): Promise<void> {
  const object = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace },
    spec,
  };
  const run = await mesh.apply(JSON.stringify(object));
  expect(run.code, run.stderr).toBe(0);
  applied.add(`${namespace}/${name}`);
}
afterEach(async () => {
  for (const key of applied) {
    const [namespace = '', name = ''] = key.split('/');
    await mesh.xebec(['delete', 'AuthorizationPolicy', name, '-n', namespace, '--wait']);
  }
  applied.clear();
});

/** Connections that were open before a change of policy take the request that is under way, then they are closed. */
const settle = (from: string, status: number, path = '/'): Promise<boolean> =>
  until('old connections are gone', async () => (await http(from, path)) === status);

const http = async (from: string, path = '/', more: object = {}): Promise<number> =>
  (await fetchText({ url: `http://echo${path}`, proxy: `${from}:15001`, ...more })).status;

async function grpc(from: string): Promise<number> {
  using rpc = rpcClient(`${from}:15001`, 'echo.default.svc.cluster.local:50051');
  return (await rpc.unary('Unary', 'hello')).code;
}

/** What arrives over a tunnel to the server that speaks first; empty when it is closed before. */
function tcp(from: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(15001, from);
    let text = '';
    let hasSpoken = false;
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('connect', () => socket.write('CONNECT echo:9000 HTTP/1.1\r\nhost: echo:9000\r\n\r\n'));
    socket.on('data', (part: Buffer) => {
      text += part.toString();
      if (!hasSpoken && text.includes('\r\n\r\n')) hasSpoken = socket.write('hello') || true;
      if (text.endsWith('hello')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text.split('\r\n\r\n')[1] ?? ''));
  });
}

const accounts = (...names: readonly string[]) => ({
  principals: names.map((name) => `cluster.local/ns/default/sa/${name}`),
});
const toEcho = { selector: { matchLabels: { app: 'echo' } } };

describe('[AU-10] one policy for every protocol', () => {
  it('denies HTTP, gRPC and TCP alike, by who calls', async () => {
    expect([await http(other), await grpc(other), await tcp(other)]).toEqual([200, 0, 'ready\nhello']);
    await policy('no-strangers', {
      ...toEcho,
      action: 'DENY',
      rules: [{ from: [{ source: accounts('stranger') }] }],
    });
    await settle(other, 403);
    await until('gRPC too', async () => (await grpc(other)) === 7);
    expect([await http(client), await grpc(client), await tcp(client)]).toEqual([200, 0, 'ready\nhello']);
    expect([await http(other), await grpc(other), await tcp(other)]).toEqual([403, 7, '']);
  });

  it('allows only who is named', async () => {
    await policy('only-client', {
      ...toEcho,
      rules: [{ from: [{ source: { serviceAccounts: ['client'] } }] }],
    });
    await settle(other, 403);
    await until('gRPC too', async () => (await grpc(other)) === 7);
    expect([await http(client), await grpc(client), await tcp(client)]).toEqual([200, 0, 'ready\nhello']);
    expect([await http(other), await grpc(other), await tcp(other)]).toEqual([403, 7, '']);
    const { ip } = await mesh.pod('echo');
    expect((await fetchText({ url: `http://${ip}:8080/` })).status).toBe(403);
  });

  it('a rule about HTTP allows nothing on TCP, and denies there what the rest of it says', async () => {
    await policy('get-only', { ...toEcho, rules: [{ to: [{ operation: { methods: ['GET'] } }] }] });
    await until('POST is refused', async () => (await http(client, '/', { method: 'POST' })) === 403);
    expect([await http(client), await tcp(client)]).toEqual([200, '']);
    expect(await http(client, '/', { method: 'POST' })).toBe(403);
    await policy('get-only', {
      ...toEcho,
      action: 'DENY',
      rules: [{ from: [{ source: accounts('stranger') }], to: [{ operation: { methods: ['POST'] } }] }],
    });
    await settle(other, 200);
    expect([await http(other), await tcp(other), await tcp(client)]).toEqual([200, '', 'ready\nhello']);
  });
});

describe('[AU-6] [AU-7] rules', () => {
  it('name methods, paths, hosts, headers and ports; a refusal says which policy it was', async () => {
    await policy('rules', {
      ...toEcho,
      action: 'DENY',
      rules: [
        { to: [{ operation: { paths: ['/admin*', '/cars/{*}/tires'] } }] },
        { to: [{ operation: { methods: ['DELETE'] } }] },
        { when: [{ key: 'request.headers[x-bad]', values: ['yes*'] }] },
        { to: [{ operation: { hosts: ['other.example'] } }] },
      ],
    });
    await settle(client, 403, '/admin/x');
    expect(await http(client, '/')).toBe(200);
    expect(await http(client, '/cars/1/tires')).toBe(403);
    expect(await http(client, '/cars/1/2/tires')).toBe(200);
    expect(await http(client, '/', { method: 'DELETE' })).toBe(403);
    expect(await http(client, '/', { headers: { 'x-bad': 'yes!' } })).toBe(403);
    expect(await http(client, '/', { headers: { 'x-bad': 'no' } })).toBe(200);
    const { name } = await mesh.pod('echo');
    await until('the log names the rule', async () =>
      readFileSync(join(mesh.state, 'logs', name, 'access.log'), 'utf8').includes(
        'rbac_access_denied_matched_policy[ns[default]-policy[rules]-rule[0]]',
      ),
    );
  });

  it('deny before they allow, for the mesh and for one namespace', async () => {
    await policy('everybody', { rules: [{}] });
    await policy(
      'not-this',
      { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/secret'] } }] }] },
      'istio-system',
    );
    await settle(client, 403, '/secret');
    expect(await http(client, '/')).toBe(200);
    await policy('nobody', {}, 'istio-system');
    expect(await http(client, '/')).toBe(200);
  });

  it('a policy without rules allows nobody', async () => {
    await policy('nobody', {});
    await settle(client, 403);
    await until('gRPC too', async () => (await grpc(client)) === 7);
    expect([await http(client), await grpc(client), await tcp(client)]).toEqual([403, 7, '']);
  });
});
