// One pool and one rule for everybody: requests that proxies let through and a job that serves nothing, each known by what it can show.
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials } from '@grpc/grpc-js';
import { createPolicyClient } from '@xebec/policy-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

const run = promisify(execFile);
const hasPython = spawnSync('python3', ['--version'], { timeout: 20_000 }).status === 0;
const job = repositoryFile('samples/policy/train.py');

const object = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });
const pool = (name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'policy.xebec.io/v1alpha1', kind: 'QuotaPool', metadata: { name }, spec });

const isEcho = 'destination.labels["app"] == "echo"';
const objects = [
  pool('work', {
    ...{ amount: 100, window: 'year', unit: 'cpu_seconds' },
    requests: [
      { match: `${isEcho} && request.path.startsWith("/work")`, charge: '5' },
      { match: `${isEcho} && request.path.startsWith("/heavy")`, charge: '15' },
    ],
  }),
  object('handler', 'deny', {
    compiledAdapter: 'denier',
    params: { status: { code: 7, message: 'closed' } },
  }),
  object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
  // The proxy decides this by itself.
  object('rule', 'closed', {
    match: 'request.path.startsWith("/closed") && (request.headers["x-team"] | "none") == "red"',
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
  object('handler', 'teams', {
    compiledAdapter: 'listchecker',
    params: { overrides: ['RED', 'blue'], entryType: 'CASE_INSENSITIVE_STRINGS' },
  }),
  object('instance', 'team', {
    compiledTemplate: 'listentry',
    params: { value: 'request.headers["x-team"] | "nobody"' },
  }),
  // Whatever its case: this it may have to ask about.
  object('rule', 'members', {
    match: 'request.path.startsWith("/members")',
    actions: [{ handler: 'teams', instances: ['team'] }],
  }),
].join('\n---\n');

let mesh: Mesh;
let proxy: string;
let http: string;
let grpc: string;
let tokenFile: string;

const listening = (what: string): string | undefined =>
  new RegExp(`listening ${what} (\\S+)`).exec(readFileSync(join(mesh.state, 'logs/policy.log'), 'utf8'))?.[1];

beforeAll(async () => {
  mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo')],
    flags: ['--policy', '--anonymous', 'none'],
  });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(objects);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  [http, grpc] = await until('the policy service listens', async () => {
    const found = [listening('http'), listening('grpc')] as const;
    return found[0] !== undefined && found[1] !== undefined && [found[0], found[1]];
  });
  const token = await until('it gives a token', async () => {
    const { code, stdout } = await mesh.xebec(['policy', 'token', 'trainer', '--ttl', '10m']);
    return code === 0 && stdout;
  });
  tokenFile = join(mesh.state, 'trainer.token');
  writeFileSync(tokenFile, token, { mode: 0o600 });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const call = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetchText({ url: `http://echo${path}`, proxy, headers });

async function ask(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetchText({
    ...{ url: `http://${http}${path}`, method: 'POST', body: JSON.stringify(body) },
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { http: answer.status, body: JSON.parse(answer.body) };
}

const bearer = () => ({ authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` });
const here = { 'destination.namespace': 'default' };

describe('[MX-10] [DG-5] one pool for a job and for requests', () => {
  const train = async (steps: number, seconds: number) => {
    const parameters = [job, `http://${http}`, 'work', 'default', String(steps), String(seconds)];
    const env = { ...process.env, TOKEN_FILE: tokenFile };
    const { stdout } = await run('python3', parameters, { timeout: 60_000, env });
    return JSON.parse(stdout);
  };
  const release = async (amount: string) => {
    const { code } = await mesh.xebec([
      ...['quota', 'release', 'work', amount, '--attribute', 'destination.namespace=default'],
    ]);
    expect(code).toBe(0);
  };

  it('is charged by both, by what each costs, and refuses both when it is empty', async (context) => {
    if (!hasPython) context.skip('python3 is not installed');
    await until('the pool is there', async () => {
      const { body } = await ask('/v1/quotas/inspect', { quota: 'work', attributes: here }, bearer());
      return body.limit === 100;
    });
    // Proxies have the pool, too, once a request is counted.
    await until('requests are counted', async () => {
      await call('/work');
      const { body } = await ask('/v1/quotas/inspect', { quota: 'work', attributes: here }, bearer());
      return body.remaining !== 100;
    });
    expect((await mesh.xebec(['quota', 'reset', 'default/work'])).code).toBe(0);
    expect(await train(6, 10)).toEqual({ done: 6, stopped: false });
    expect((await call('/heavy')).status).toBe(200);
    for (let i = 0; i < 4; i++) expect((await call('/work')).status).toBe(200);
    // 95 of 100 are used.
    expect((await call('/heavy')).status).toBe(429);
    expect(await train(1, 10)).toMatchObject({ done: 0, stopped: true, remaining: '5' });
    expect((await call('/work')).status).toBe(200);
    expect((await call('/work')).status).toBe(429);
    expect(await train(1, 1)).toMatchObject({ done: 0, stopped: true, remaining: '0' });
    await release('10');
    expect(await train(3, 5)).toMatchObject({ done: 2, stopped: true });
    expect((await call('/work')).status).toBe(429);
    const usage = await mesh.xebec(['quota', 'usage', 'default/work', '-o', 'json']);
    expect(JSON.parse(usage.stdout)).toMatchObject([{ used: '100', limit: '100' }]);
  });

  it('is nobody’s who does not say who he is', async () => {
    const refused = await ask('/v1/quotas/allocate', { quota: 'work', amount: 1, attributes: here });
    expect([refused.http, refused.body.error.message]).toEqual([
      401,
      expect.stringContaining('without proof of identity may not take quota'),
    ]);
    const forged = await ask('/v1/check', {}, { authorization: 'Bearer x.y.z' });
    expect(forged.http).toBe(401);
  });
});

describe('[DG-5] one rule for requests and for programs', () => {
  const cases = ['/closed', '/closed/x', '/members', '/open'].flatMap((path) =>
    [undefined, 'red', 'Blue', 'green'].map((team) => ({ path, team })),
  );
  const headersOf = (team: string | undefined): Record<string, string> =>
    team === undefined ? {} : { 'x-team': team };

  it('decides the same, in the same words', async () => {
    await until('the rules hold', async () => (await call('/closed', { 'x-team': 'red' })).status === 403);
    await until('the list holds', async () => (await call('/members', { 'x-team': 'green' })).status === 403);
    for (const { path, team } of cases) {
      const seen = await call(path, headersOf(team));
      const said = await ask(
        '/v1/check',
        {
          attributes: {
            ...here,
            ...{ 'request.path': path, 'request.method': 'GET', 'request.headers': headersOf(team) },
          },
        },
        bearer(),
      );
      const { allowed, status } = said.body;
      expect([path, team, allowed]).toEqual([path, team, seen.status === 200]);
      if (allowed === false) expect(seen.body).toBe(`${status.name}:${status.message}`);
    }
  });
});

it('[AU-9] a certificate that is taken back is good for nothing here within five seconds, open connections included', async () => {
  const { rootsPem, certificatesPem, privateKeyPem } = await credentialsOf(mesh, 'trainer');
  const [roots, key, chain] = [rootsPem, privateKeyPem, certificatesPem].map((pem) => Buffer.from(pem));
  const open = () =>
    createPolicyClient({
      address: grpc,
      credentials: credentials.createSsl(roots, key, chain, { checkServerIdentity: () => undefined }),
      ...{ timeoutMs: 3_000, whenUnavailable: 'refuse' },
    });
  const client = open();
  let count = 0;
  /** Each another call, so that no decision is kept. */
  const from = async (one = client) => (await one.check({ 'request.path': `/${count++}` })).from;
  expect(await from()).toBe('service');
  const revoked = await mesh.xebec(['ca', 'revoke', 'spiffe://cluster.local/ns/default/sa/trainer']);
  expect([revoked.code, revoked.stderr]).toEqual([0, expect.anything()]);
  await until('it is cut off', async () => (await from()) === 'fallback', 5_000);
  const again = open();
  expect(await from(again)).toBe('fallback');
  await Promise.all([client.close(), again.close()]);
});
