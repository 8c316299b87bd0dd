// Every call of an audited workload leaves one record, allowed or denied, on every protocol; and nobody changes the log unseen.
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { envoyAdmin } from './support/envoy-admin.ts';
import { rpcClient } from './support/grpc.ts';
import { accounts, type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText, tally } from './support/http.ts';
import { startJudge } from './support/judge.ts';
import { at, listAt, type Mesh, pidOf, textAt, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { keySetOf, newSigningKey, tokenOf } from './support/tokens.ts';
import { dial } from './support/tunnel.ts';
import { askOnce } from './support/udp.ts';

let guarded: GuardedMesh;
let mesh: Mesh;
let client: string;
let stranger: string;
let datagramPort: string;
beforeAll(async () => {
  guarded = await startGuarded();
  ({ mesh, client, stranger } = guarded);
  const services = listAt(await mesh.admin('/v1/udp?namespace=default'), 'items');
  const found = services.find((item) => textAt(item, 'name') === 'datagrams');
  datagramPort = String(Reflect.get(Object(found), 'explicitPort'));
}, 240_000);
afterAll(() => guarded?.stop());
afterEach(() => guarded.clear());

const http = async (from: string, path: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetchText({ url: `http://echo${path}`, proxy: `${from}:15001`, headers })).status;

async function grpc(from: string): Promise<number> {
  using rpc = rpcClient(`${from}:15001`, 'echo.default.svc.cluster.local:50051');
  return (await rpc.unary('Unary', 'hello')).code;
}

const tcp = (from: string): Promise<string> => dial({ proxy: `${from}:15001`, target: 'echo:9000' });
const udp = (from: string): Promise<string | undefined> => askOnce(`${from}:${datagramPort}`, 'hello', 2_000);

type Counts = Readonly<Record<'http' | 'grpc' | 'tcp', number>>;
async function countsOfApplication(): Promise<Counts> {
  const { body } = await fetchText({ url: 'http://echo/counts', proxy: `${client}:15001` });
  return JSON.parse(body);
}

async function query(...parameters: readonly string[]): Promise<readonly unknown[]> {
  const run = await mesh.xebec(['audit', 'query', '-o', 'json', ...parameters]);
  expect(run.code, run.stderr).toBe(0);
  return listAt(JSON.parse(run.stdout), 'items');
}

/** What came after this moment; records are written when a call is over. */
async function recordsSince(start: string, count: number): Promise<readonly unknown[]> {
  let found: readonly unknown[] = [];
  await until(`${count} records`, async () => {
    found = await query('--kind', 'call', '--from', start);
    return found.length >= count;
  });
  return found;
}

const now = (): string => new Date().toISOString();
const numberOf = (records: readonly unknown[], protocol: string, decision: string): number =>
  records.filter(
    (record) =>
      textAt(record, 'operation', 'protocol') === protocol && textAt(record, 'decision') === decision,
  ).length;

async function verify(...paths: readonly string[]): Promise<{ code: number; problems: readonly unknown[] }> {
  const run = await mesh.xebec(['audit', 'verify', '-o', 'json', ...paths]);
  const problems = listAt(JSON.parse(run.stdout), 'logs').flatMap((log) => listAt(log, 'problems'));
  return { code: run.code, problems };
}

const log = (): string => join(mesh.state, 'audit/agent');
const strangersDenied = {
  action: 'DENY',
  rules: [{ from: [{ source: accounts('stranger') }], to: [{ operation: { notPaths: ['/counts'] } }] }],
};
const rounds = 5;

describe('[MX-13] records of calls', () => {
  it('one for each call that was allowed or denied, on HTTP, gRPC, TCP and UDP', async () => {
    await guarded.policy('watch', {
      action: 'AUDIT',
      rules: [{ to: [{ operation: { notPaths: ['/counts'] } }] }],
    });
    await guarded.policy('no-strangers', strangersDenied);
    const before = await countsOfApplication();
    const start = now();
    for (let round = 0; round < rounds; round++) {
      expect([await http(client, '/a'), await http(stranger, '/a')]).toEqual([200, 403]);
      expect([await grpc(client), await grpc(stranger)]).toEqual([0, 7]);
      expect([await tcp(client), await tcp(stranger)]).toEqual(['ready\n', '']);
      expect(await udp(client)).toBe('hello');
    }
    expect(await udp(stranger)).toBeUndefined();
    const after = await countsOfApplication();
    const records = await recordsSince(start, 7 * rounds + 1);
    for (const protocol of ['http', 'grpc', 'tcp'] as const) {
      expect(numberOf(records, protocol, 'allowed'), protocol).toBe(after[protocol] - before[protocol]);
      expect(numberOf(records, protocol, 'denied'), protocol).toBe(rounds);
    }
    expect(numberOf(records, 'udp', 'allowed')).toBe(rounds);
    // The client's proxy tries to open a tunnel twice.
    expect(numberOf(records, 'udp', 'denied')).toBe(2);
    expect((await verify()).problems).toEqual([]);
  });

  it('says who, what, when, which rule and where it was written, and the id of the request', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    await guarded.policy('only-client', { rules: [{ from: [{ source: accounts('client') }] }] });
    const start = now();
    await http(client, '/cars/1?token=secret', { 'x-request-id': 'request-of-the-client' });
    await http(stranger, '/cars/2');
    const [allowed, denied] = await recordsSince(start, 2);
    expect(allowed).toMatchObject({
      kind: 'call',
      workload: 'default/echo-v1',
      principal: 'spiffe://cluster.local/ns/default/sa/client',
      operation: { protocol: 'http', method: 'GET', host: 'echo', path: '/cars/1', port: 8080 },
      decision: 'allowed',
      by: {
        policy: 'AuthorizationPolicy/default/only-client',
        rule: 0,
        origin: expect.stringMatching(/:\d+:\d+$/),
      },
      audit: { policy: 'AuthorizationPolicy/default/watch', rule: 0 },
      status: 200,
    });
    expect(textAt(allowed, 'requestId')).toBeTruthy();
    expect(JSON.stringify(allowed)).not.toContain('secret');
    expect(denied).toMatchObject({
      principal: 'spiffe://cluster.local/ns/default/sa/stranger',
      decision: 'denied',
      reason: 'no ALLOW policy matches',
      status: 403,
    });
    const id = textAt(allowed, 'requestId') ?? '';
    expect(await query('--request', id)).toHaveLength(1);
    const by = ['--from', start, '--policy', 'only-client.default', '--decision', 'allowed'];
    expect(await query(...by, '--principal', 'ns/default/sa/client', '--workload', 'echo-v1')).toHaveLength(
      1,
    );
    const table = await mesh.xebec(['audit', 'query', '--from', start]);
    expect(table.stdout).toMatch(/denied +spiffe:\S+\/stranger +GET echo\/cars\/2 /);
  });

  it('none where no AUDIT policy holds, but those that were denied where one does, whatever it marks', async () => {
    await guarded.policy('no-strangers', strangersDenied);
    const start = now();
    expect([await http(client, '/a'), await http(stranger, '/a')]).toEqual([200, 403]);
    await guarded.policy('watch', {
      action: 'AUDIT',
      rules: [{ to: [{ operation: { paths: ['/marked'] } }] }],
    });
    expect(await http(client, '/b')).toBe(200);
    expect(await http(stranger, '/c')).toBe(403);
    expect(await http(client, '/marked')).toBe(200);
    const records = await recordsSince(start, 2);
    expect(records.map((record) => textAt(record, 'operation', 'path'))).toEqual(['/c', '/marked']);
  });

  it('one for who proves nothing where the port takes only the mesh', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    const strict = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'strict' },
    };
    await mesh.apply(JSON.stringify({ ...strict, spec: { mtls: { mode: 'STRICT' } } }));
    const { ip } = await mesh.pod('echo');
    const start = now();
    await expect(fetchText({ url: `http://${ip}:8080/plain` })).rejects.toThrow();
    const [record] = await recordsSince(start, 1);
    expect(record).toMatchObject({ decision: 'denied', operation: { protocol: 'tcp', port: 8080 } });
    expect(at(record, 'principal')).toBeUndefined();
    await mesh.xebec(['delete', 'PeerAuthentication', 'strict', '--wait']);
  });

  it('one for each end user, by the token that proved it, and for each token that was not believed', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    const key = newSigningKey('one');
    const users = {
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata: { name: 'users' },
    };
    const jwtRules = [{ issuer: 'https://accounts.example', jwks: keySetOf(key) }];
    await mesh.apply(JSON.stringify({ ...users, spec: { jwtRules } }));
    const token = (by: typeof key) => ({
      authorization: `Bearer ${tokenOf(by, { iss: 'https://accounts.example', sub: 'alice' })}`,
    });
    await until(
      'tokens are verified',
      async () => (await http(client, '/', token(newSigningKey('one')))) === 401,
    );
    const start = now();
    expect(await http(client, '/hers', token(key))).toBe(200);
    expect(await http(client, '/forged', token(newSigningKey('one')))).toBe(401);
    const records = await recordsSince(start, 2);
    const at = (path: string) => records.find((record) => textAt(record, 'operation', 'path') === path);
    expect(at('/hers')).toMatchObject({
      decision: 'allowed',
      user: { issuer: 'https://accounts.example', subject: 'alice' },
    });
    expect(at('/forged')).toMatchObject({ decision: 'denied', status: 401 });
    expect(at('/forged')).not.toHaveProperty('user');
    expect(await query('--from', start, '--user', 'alice')).toHaveLength(1);
    await mesh.xebec(['delete', 'RequestAuthentication', 'users', '--wait']);
  });

  it('one for each call that a provider has denied, by the policy that had it asked', async () => {
    const judge = await startJudge();
    judge.allowsConnections = false;
    const entry = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'judge' },
      spec: {
        ...{ hosts: ['judge.example'], location: 'MESH_EXTERNAL', resolution: 'STATIC' },
        ports: [{ number: 9000, name: 'grpc', protocol: 'GRPC' }],
        endpoints: [{ address: '127.0.0.1', ports: { grpc: judge.grpcPort } }],
      },
    };
    const extensionProviders = [
      { name: 'judge', envoyExtAuthzGrpc: { service: 'judge.example', port: 9000, timeout: '2s' } },
    ];
    const settings = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: JSON.stringify({ extensionProviders }) },
    };
    await mesh.apply([entry, settings].map((each) => JSON.stringify(each)).join('\n---\n'));
    const selector = { matchLabels: { app: 'echo' } };
    await guarded.policy('watch', {
      selector,
      action: 'AUDIT',
      rules: [{ to: [{ operation: { ports: ['1'] } }] }],
    });
    const asked = { action: 'CUSTOM', provider: { name: 'judge' }, selector };
    await guarded.policy('judged', {
      ...asked,
      rules: [{ to: [{ operation: { ports: ['8080', '9000'] } }] }],
    });
    const start = now();
    expect(await http(client, '/judged', { 'x-judge': 'deny' })).toBe(403);
    const said = { say: 'hello', until: 'hello' };
    expect(await dial({ proxy: `${client}:15001`, target: 'echo:9000', ...said })).toBe('');
    const records = await recordsSince(start, 2);
    for (const protocol of ['http', 'tcp'])
      expect(records.find((record) => textAt(record, 'operation', 'protocol') === protocol)).toMatchObject({
        decision: 'denied',
        by: { policy: 'AuthorizationPolicy/default/judged', rule: 0 },
      });
    await mesh.xebec(['delete', 'ConfigMap', 'istio', '-n', 'istio-system', '--wait']);
    judge.close();
  });

  it('also at a gateway', async () => {
    const { namespace } = await mesh.pod('istio-ingressgateway');
    const selector = { matchLabels: { istio: 'ingressgateway' } };
    await guarded.policy('watch', { selector, action: 'AUDIT', rules: [{}] }, namespace);
    const start = now();
    await fetchText({ url: `${mesh.ingress}/from-outside` });
    const [record] = await recordsSince(start, 1);
    expect(record).toMatchObject({
      workload: `${namespace}/istio-ingressgateway`,
      operation: { protocol: 'http', method: 'GET', path: '/from-outside' },
      decision: 'allowed',
    });
  });

  it('all of a rush of calls', async () => {
    await guarded.policy('watch', {
      action: 'AUDIT',
      rules: [{ to: [{ operation: { paths: ['/rush'] } }] }],
    });
    const start = now();
    const call = { url: 'http://echo/rush', proxy: `${client}:15001` };
    expect(await tally(call, 2_000, ({ status }) => String(status))).toEqual({ 200: 2_000 });
    expect(await recordsSince(start, 2_000)).toHaveLength(2_000);
  });

  it('all of them while the control plane is away', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    const start = now();
    const pid = pidOf(mesh, 'control-plane');
    process.kill(pid, 'SIGSTOP');
    try {
      for (let round = 0; round < 10; round++) expect(await http(client, '/away')).toBe(200);
      expect(await recordsSince(start, 10)).toHaveLength(10);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});

describe('[MX-13] records of changes', () => {
  it('one for each object: who, what and which fields, with no value', async () => {
    const start = now();
    const secret = (value: string) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'audited' },
        stringData: { key: value },
      });
    await mesh.apply(secret('first-value'));
    await mesh.apply(secret('second-value'));
    await mesh.xebec(['delete', 'Secret', 'audited']);
    const changes = await query('--kind', 'change', '--from', start);
    expect(changes).toMatchObject([
      { object: 'Secret/default/audited', change: 'created', owner: 'api', author: expect.any(String) },
      { object: 'Secret/default/audited', change: 'configured', fields: ['~stringData.key'] },
      { object: 'Secret/default/audited', change: 'deleted' },
    ]);
    const directory = join(mesh.state, 'audit/control-plane');
    for (const name of readdirSync(directory)) {
      expect(readFileSync(join(directory, name), 'utf8')).not.toMatch(/(first|second)-value/);
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    expect(await query('--kind', 'certificate', '--decision', 'allowed')).not.toHaveLength(0);
  });
});

describe('[MX-13] tampering', () => {
  const copies: string[] = [];
  afterAll(() => {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true });
  });

  /** A copy of the agent's log in which somebody changed the lines. */
  async function tampered(change: (lines: readonly string[]) => readonly string[]) {
    const copy = `${mesh.state}-copy-${copies.length}`;
    copies.push(copy);
    cpSync(log(), copy, { recursive: true });
    const file = join(copy, 'audit-000000000001.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(
      file,
      change(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
    return verify(copy);
  }

  it('a record that was removed, changed, moved or cut off is found and named', async () => {
    expect(await tampered((lines) => lines)).toEqual({ code: 0, problems: [] });
    const found = (code: string, seq: number) => ({
      code: 1,
      problems: [expect.objectContaining({ code, seq })],
    });
    expect(await tampered((lines) => lines.toSpliced(4, 1))).toEqual(found('removed', 5));
    expect(
      await tampered((lines) => lines.with(4, (lines[4] ?? '').replace('"decision"', '"decisiom"'))),
    ).toEqual(found('changed', 5));
    expect(await tampered((lines) => lines.with(4, lines[5] ?? '').with(5, lines[4] ?? ''))).toEqual(
      found('moved', 5),
    );
    const cut = await tampered((lines) => lines.slice(0, -3));
    expect(cut).toMatchObject({ code: 1, problems: [{ code: 'truncated' }] });
  });
});

describe('[MX-13] signatures', () => {
  it('a workload signs the log, and each log knows how far the other is', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    await http(client, '/signed');
    await until(
      'the log is signed',
      async () => (await query('--kind', 'call')).length > 0 && (await signer()) !== '',
      45_000,
    );
    expect(await signer()).toMatch(/^spiffe:\/\/cluster\.local\/ns\//);
    const roots = join(mesh.state, 'ca/root-cert.pem');
    expect((await mesh.xebec(['audit', 'verify', '--roots', roots])).code).toBe(0);
    const { ip, name } = await mesh.pod('echo');
    expect(sum(await scrape(ip), 'xebec_audit_records_total', {})).toBeGreaterThan(0);
    const stats = await envoyAdmin(mesh, name, '/stats?filter=grpc_access_log');
    expect(stats).toMatch(/^access_logs\.grpc_access_log\.logs_written: [1-9]/m);
    expect(stats).toMatch(/^access_logs\.grpc_access_log\.logs_dropped: 0$/m);
    // Both ends cut off, with the file that says where the end was: the other log knows.
    const copy = `${mesh.state}-cut`;
    cpSync(join(mesh.state, 'audit'), copy, { recursive: true });
    const file = join(copy, 'agent/audit-000000000001.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(0, 1);
    const hash = /"hash":"(\w+)"/.exec(lines[0] ?? '')?.[1] ?? '';
    writeFileSync(file, `${lines[0]}\n`);
    writeFileSync(join(copy, 'agent/head'), `0000000000000001 ${hash}\n`);
    expect(await verify(join(copy, 'agent'))).toEqual({ code: 0, problems: [] });
    expect(await verify(copy)).toMatchObject({ code: 1, problems: [{ code: 'truncated', seq: 2 }] });
    rmSync(copy, { recursive: true });
  }, 90_000);

  async function signer(): Promise<string> {
    const run = await mesh.xebec(['audit', 'verify', '-o', 'json']);
    const logs = listAt(JSON.parse(run.stdout), 'logs');
    return logs.map((each) => textAt(each, 'signed', 'signer') ?? '').join('');
  }
});

describe('[MX-13] an agent that is killed', () => {
  it('goes on with the chain, and nothing that was over is missing', async () => {
    await guarded.policy('watch', { action: 'AUDIT', rules: [{}] });
    const start = now();
    for (let round = 0; round < 10; round++) await http(client, '/before');
    await recordsSince(start, 10);
    process.kill(pidOf(mesh, 'agent'), 'SIGKILL');
    await until('another proxy serves', async () => {
      const pods = await mesh.pods();
      const ready = pods.filter(({ name, isReady }) => isReady && /^(client|echo)-/.test(name));
      client = pods.find(({ name, isReady }) => isReady && name.startsWith('client-'))?.ip ?? client;
      return ready.length >= 2 && (await http(client, '/after').catch(() => 0)) === 200;
    });
    const records = await recordsSince(start, 11);
    const paths = records.map((record) => textAt(record, 'operation', 'path'));
    expect(paths.filter((path) => path === '/before')).toHaveLength(10);
    expect(paths).toContain('/after');
    expect((await verify()).problems.filter((problem) => textAt(problem, 'severity') === 'error')).toEqual(
      [],
    );
  }, 90_000);
});
