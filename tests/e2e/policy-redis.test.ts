// Quotas in Redis as real proxies meet them: two policy services count as one, and a Redis that is gone fails rules as they say.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type RedisServer,
  redisIsInstalled,
  startRedis,
} from '../../apps/policy/src/backends/redisquota/testing/redis-server.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until, xebec } from './support/mesh.ts';
import { policyAddress } from './support/policy-page.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const pool = (name: string, amount: number, more = ''): string => `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: ${name} }
spec:
  amount: ${amount}
  window: year
  deduplication: 1m
  store: { redis: { url: ${redis.url} } }
  requests: [{ match: 'destination.labels["app"] == "echo" && request.path.startsWith("/${name}")' }]
${more}`;

let redis: RedisServer;
let mesh: Mesh;
let second: PolicyServiceProcess;
const ownState = mkdtempSync(join(tmpdir(), 'xb-second-'));
let proxy: string;

describe.skipIf(!redisIsInstalled)('quotas in Redis (skipped where redis-server is not installed)', () => {
  beforeAll(async () => {
    [redis, mesh] = await Promise.all([
      startRedis({ isLasting: true }),
      startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] }),
    ]);
    proxy = `${(await mesh.pod('client')).ip}:15001`;
    const applied = await mesh.apply(
      [pool('shared', 40), pool('closed', 6), pool('open', 6, '  failOpen: true\n')].join('---\n'),
    );
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    await policyAddress(mesh, 'http');
    second = await startSecond();
    for (const name of ['shared', 'closed', 'open'])
      await until(
        `${name} is counted`,
        async () => (await call(`/${name}`)) === 200 && (await used(name)) > 0,
        60_000,
      );
    await xebec(['quota', 'reset', 'shared', '--state', mesh.state]);
  }, 300_000);
  afterAll(async () => {
    await second?.kill('SIGTERM');
    await mesh?.stop();
    await redis?.close();
    rmSync(ownState, { recursive: true, force: true });
  }, 60_000);

  it('[MX-7] two policy services are asked by proxies, and together grant exactly the maximum', async () => {
    await until('both are known to the mesh', async () => (await services()).length === 2);
    const before = await Promise.all([granted(own), granted(theirs)]);
    const answers: number[] = [];
    for (let round = 0; round < 12; round++)
      answers.push(...(await Promise.all(Array.from({ length: 10 }, () => call('/shared')))));
    expect(answers.filter((status) => status === 200)).toHaveLength(40);
    expect(answers.filter((status) => status === 429)).toHaveLength(80);
    expect(await used('shared')).toBe(40);
    const after = await Promise.all([granted(own), granted(theirs)]);
    const shares = after.map((count, index) => count - (before[index] ?? 0));
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(40);
  });

  it('[MX-7] an id is charged once, whichever of them is asked, and given back where it was taken', async () => {
    const asked = {
      quota: 'closed',
      amount: 3,
      deduplicationId: 'job-7',
      attributes: { 'destination.namespace': 'default' },
    };
    await xebec(['quota', 'reset', 'closed', '--state', mesh.state]);
    for (const address of [await own(), await theirs(), await own(), await theirs()])
      expect(await post(address, '/v1/quotas/allocate', asked)).toMatchObject({
        allowed: true,
        granted: 3,
      });
    expect(await used('closed')).toBe(3);
    const released = { quota: 'closed', deduplicationId: 'job-7' };
    expect(await post(await theirs(), '/v1/quotas/release', released)).toMatchObject({ granted: 3 });
    expect(await used('closed')).toBe(0);
    expect(await post(await own(), '/v1/quotas/allocate', asked)).toMatchObject({ granted: 3 });
    expect(await used('closed')).toBe(3);
  });

  it('[F19] without Redis requests are refused or let through as their pool says, soon; with it counts go on', async () => {
    await xebec(['quota', 'reset', 'open', '--state', mesh.state]);
    expect([await call('/open'), await call('/open'), await used('open')]).toEqual([200, 200, 2]);
    const counted = await used('closed');
    await redis.kill();
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => [await call('/closed'), await call('/open')]),
    );
    expect(answers).toEqual(answers.map(() => [503, 200]));
    // Redis has a second, a handler two, and they ask at the same time.
    expect(performance.now() - began).toBeLessThan(8_000);
    await redis.start();
    // The two find it again one after the other: until then requests fail as before, and are not counted.
    let taken = 0;
    await until(
      'what was left of the closed one is taken',
      async () => {
        const status = await call('/closed');
        if (status === 200) taken++;
        return status === 429;
      },
      60_000,
    );
    expect([taken, await used('closed')]).toEqual([6 - counted, 6]);
    await until('the open one counts to its end', async () => (await call('/open')) === 429, 60_000);
    expect(await used('open')).toBe(6);
  });
});

/** Beside the mesh's own: with its credentials, and a state of its own. */
async function startSecond(): Promise<PolicyServiceProcess> {
  mkdirSync(join(ownState, 'policy'));
  for (const name of ['run', 'ca']) symlinkSync(join(mesh.state, name), join(ownState, name));
  const log = readFileSync(join(mesh.state, 'logs', 'control-plane.log'), 'utf8');
  const xds = /listening xds (\S+)/.exec(log)?.[1] ?? '';
  return await startPolicyService(['--state', ownState, '--control-plane', xds, '--open-metrics']);
}

const call = async (path: string): Promise<number> =>
  (await fetchText({ url: `http://echo${path}`, proxy })).status;

async function used(name: string): Promise<number> {
  const { stdout } = await xebec(['quota', 'usage', `default/${name}`, '-o', 'json', '--state', mesh.state]);
  const counters: readonly { readonly used: string }[] = JSON.parse(stdout === '' ? '[]' : stdout);
  return counters.reduce((sum, one) => sum + Number(one.used), 0);
}

const services = async (): Promise<readonly unknown[]> =>
  Object(await mesh.admin('/v1/status')).policyServices ?? [];

const own = (): Promise<string> => policyAddress(mesh, 'http');
const theirs = async (): Promise<string> => second.address('http');

/** What proxies were granted by one policy service. */
async function granted(address: () => Promise<string>): Promise<number> {
  const token = readFileSync(join(mesh.state, 'run/metrics.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const { body } = await fetchText({ url: `http://${await address()}/metrics`, headers });
  const counts = [...body.matchAll(/^xebec_policy_quota_decisions_total\{[^}]*\} (\d+)$/gm)];
  return counts
    .filter(([line]) => line.includes('ext-authz') && line.includes('granted'))
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

async function post(address: string, path: string, body: object): Promise<unknown> {
  const answer = await fetchText({
    url: `http://${address}${path}`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return JSON.parse(answer.body);
}
