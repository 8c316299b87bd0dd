// Quotas that proxies count by themselves: three real Envoys get parts of them beforehand, and ask nobody about a request.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyAdmin } from './support/envoy-admin.ts';
import { fetchText, type Load, startLoad } from './support/http.ts';
import { type Mesh, type Pod, podsOf, repositoryFile, startMesh, until } from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-three-'));
let mesh: Mesh;
let client: string;
let servers: readonly Pod[];
beforeAll(async () => {
  cpSync(repositoryFile('tests/e2e/apps/echo'), directory, { recursive: true });
  symlinkSync(repositoryFile('node_modules'), join(directory, 'node_modules'));
  const manifest = join(directory, 'echo.yaml');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('replicas: 1', 'replicas: 3'));
  mesh = await startMesh({ paths: [directory] });
  client = `${(await mesh.pod('client')).ip}:15001`;
  servers = podsOf(await mesh.admin('/v1/objects?kind=Pod')).filter(({ labels }) => labels['app'] === 'echo');
  expect(servers).toHaveLength(3);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Written {
  readonly name: string;
  readonly amount: number;
  readonly more?: string;
}

const pool = ({ name, amount, more = '' }: Written): string => `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: ${name} }
spec:
  amount: ${amount}
  window: year
  mode: BEST_EFFORT
  requests: [{ match: 'destination.labels["app"] == "echo" && request.path.startsWith("/${name}")' }]
${more}`;

async function apply(...documents: readonly string[]): Promise<void> {
  const { code, stderr } = await mesh.apply(documents.join('\n---\n'));
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

const call = (path: string, proxy = client) => fetchText({ url: `http://echo${path}`, proxy });
const statusOf = async (path: string, proxy = client): Promise<number> => (await call(path, proxy)).status;

/** Of all three proxies together. */
async function statOf(pattern: RegExp): Promise<number> {
  const texts = await Promise.all(servers.map(({ name }) => envoyAdmin(mesh, name, '/stats')));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => pattern.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(': ')[1] ?? 0), 0);
}

const requestsToApplication = () => statOf(/^cluster\.inbound\|8080\|.*upstream_rq_total: /);
const callsOfPolicyService = () => statOf(/^cluster\.[^:]*15004[^:]*\.upstream_rq_total: /);

/** Every proxy has reported: it does so every five seconds. Listeners that others took the place of are gone, too. */
async function reported(): Promise<void> {
  const settled = performance.now() + 6_500;
  await until('each proxy has reported', async () => performance.now() > settled, 30_000);
}

/** How many got through since the load began, once no more do. */
async function admitted(before: number, expected: number): Promise<number> {
  await until('it is used up', async () => (await requestsToApplication()) - before >= expected, 90_000);
  await reported();
  return (await requestsToApplication()) - before;
}

describe('[MX-7] three proxies together admit what a quota has', () => {
  let load: Load;
  let before: number;

  it('and answer the rest by themselves: no request at the application, no call of the policy service', async () => {
    await apply(pool({ name: 'counted', amount: 0 }));
    await until(
      'the proxies count',
      async () => {
        const answers = await Promise.all(Array.from({ length: 12 }, () => call('/counted')));
        return answers.every(({ status, headers }) => status === 429 && headers['x-ratelimit-limit'] === '0');
      },
      60_000,
    );
    expect(await call('/counted')).toMatchObject({
      status: 429,
      body: 'RESOURCE_EXHAUSTED:counted.default:the quota does not have 1 left',
      headers: { 'x-ratelimit-remaining': '0', 'retry-after': '5' },
    });
    expect(await statusOf('/free')).toBe(200);
    const explained = await mesh.xebec(['explain', 'policy', 'counted']);
    expect(explained.stdout).toContain('in the proxy (assignment)');
    await reported();
    before = await requestsToApplication();
    const calls = await callsOfPolicyService();
    load = startLoad({ url: 'http://echo/counted', proxy: client }, 60);
    await apply(pool({ name: 'counted', amount: 300 }));
    expect(await admitted(before, 300)).toBe(300);
    expect(load.sent).toBeGreaterThan(400);
    // A stream of each proxy, and what a new connection may have cost.
    expect((await callsOfPolicyService()) - calls).toBeLessThanOrEqual(6);
  }, 180_000);

  it('[MX-9] a maximum that changes holds at the next report, with no restart of anything', async () => {
    await apply(pool({ name: 'counted', amount: 420 }));
    expect(await admitted(before, 420)).toBe(420);
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({ 'status 429': sent - 420 });
  }, 180_000);
});

it('[MX-7] an exact quota gives three proxies together just its maximum, however many ask at once', async () => {
  const exact = (amount: number): string => pool({ name: 'exact', amount }).replace('BEST_EFFORT', 'EXACT');
  const burst = () => Promise.all(Array.from({ length: 40 }, () => statusOf('/exact')));
  await apply(exact(0));
  await until('all ask', async () => (await burst()).every((status) => status === 429), 60_000);
  expect((await mesh.xebec(['explain', 'policy', 'exact'])).stdout).toContain('by a call');
  const before = await requestsToApplication();
  await apply(exact(90));
  const statuses: number[] = [];
  await until('it is used up', async () => {
    const answers = await burst();
    statuses.push(...answers);
    return statuses.includes(200) && answers.every((status) => status === 429);
  });
  expect(statuses.filter((status) => status === 200)).toHaveLength(90);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect((await requestsToApplication()) - before).toBe(90);
}, 120_000);

it('[MX-7] each caller is counted by itself where the pool says so, also in units', async () => {
  const more = '  dimensions: { caller: \'source.principal | "nobody"\' }\n  failOpen: true\n';
  const counted = (amount: number): string =>
    pool({ name: 'callers', amount, more }).replace('}]', ", charge: '2' }]");
  const proxies = { client, other: `${servers[0]?.ip}:15001` };
  await apply(counted(0));
  await until(
    'both are counted at every proxy',
    async () => {
      const calls = Object.values(proxies).flatMap((proxy) => Array.from({ length: 9 }, () => proxy));
      return (await Promise.all(calls.map((proxy) => statusOf('/callers', proxy)))).every(
        (one) => one === 429,
      );
    },
    60_000,
  );
  // What was let through before the first parts came is charged with the next report.
  await reported();
  const loads = Object.values(proxies).map((proxy) => startLoad({ url: 'http://echo/callers', proxy }, 10));
  const before = await requestsToApplication();
  await apply(counted(40));
  expect(await admitted(before, 40)).toBe(40);
  for (const load of loads) {
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({ 'status 429': sent - 20 });
  }
}, 150_000);

it('[F19] a policy service that hangs: parts hold to their end, then each quota fails as it says', async () => {
  await apply(
    pool({ name: 'closing', amount: 1_000_000 }),
    pool({ name: 'opening', amount: 0, more: '  failOpen: true\n' }),
  );
  const all = async (path: string, status: number): Promise<boolean> =>
    (await Promise.all(Array.from({ length: 12 }, () => statusOf(path)))).every((each) => each === status);
  const normal = async (): Promise<boolean> => (await all('/closing', 200)) && (await all('/opening', 429));
  await until('both are counted', normal, 60_000);
  const { pid } = JSON.parse(readFileSync(join(mesh.state, 'run/policy.pid'), 'utf8'));
  process.kill(pid, 'SIGSTOP');
  try {
    expect(await all('/closing', 200)).toBe(true);
    await until(
      'both fail',
      async () => (await all('/closing', 429)) && (await all('/opening', 200)),
      60_000,
    );
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until('both are counted again', normal, 60_000);
}, 180_000);
