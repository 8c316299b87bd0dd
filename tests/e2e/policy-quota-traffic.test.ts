// A pool that requests of proxies take from: real Envoys ask for each, the limit holds for them and for programs together.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until, xebec } from './support/mesh.ts';
import { policyAddress, policyMetrics } from './support/policy-page.ts';

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const pool = (amount: number): string => `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: calls }
spec:
  amount: ${amount}
  window: year
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/counted")
      charge: "2"
`;

const call = (path: string) => fetchText({ url: `http://echo${path}`, proxy });

const quota = async (...args: readonly string[]) => {
  const { stdout } = await xebec(['quota', ...args, '-o', 'json', '--state', mesh.state]);
  return JSON.parse(stdout === '' ? '[]' : stdout);
};

it('[MX-7] [MX-10] [DP-20] requests take from the pool until it is empty, and are answered 429', async () => {
  expect(await mesh.apply(pool(0))).toMatchObject({ code: 0 });
  await until('requests are counted', async () => (await call('/counted')).status === 429, 60_000);
  expect((await call('/free')).status).toBe(200);
  await mesh.apply(pool(10));
  await until('there is something', async () => (await call('/counted')).status === 200);
  const answers = await Promise.all(Array.from({ length: 12 }, () => call('/counted')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(8);
  expect(refused[0]?.headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' });
  expect(await quota('usage', 'default/calls')).toMatchObject([{ used: '10', limit: '10' }]);
  // What an operator gives back, requests get.
  await quota('release', 'calls', '2', '--attribute', 'destination.namespace=default');
  expect([(await call('/counted')).status, (await call('/counted')).status]).toEqual([200, 429]);
});

const budget = `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: budget }
spec:
  amount: 1000
  window: month
  unit: bytes
  dimensions: { user: 'request.headers["x-user"] | "nobody"' }
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/budget")
      charge: request.size | 1
`;

it('[BY-11] a budget a month for each user is charged what requests and programs cost, and can be read', async () => {
  expect(await mesh.apply(budget)).toMatchObject({ code: 0 });
  const send = async (user: string, bytes: number) => {
    const answer = await fetchText({
      url: 'http://echo/budget',
      proxy,
      method: 'PUT',
      headers: { 'x-user': user, 'content-length': String(bytes) },
      body: 'x'.repeat(bytes),
    });
    return answer.status;
  };
  await until('it is in force', async () => (await send('warm', 2_000)) === 429, 60_000);
  expect([await send('ann', 400), await send('bob', 1_000)]).toEqual([200, 200]);
  const program = await fetchText({
    url: `http://${await policyAddress(mesh, 'http')}/v1/quotas/allocate`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      quota: 'budget',
      amount: 500,
      attributes: { 'destination.namespace': 'default', 'request.headers': { 'x-user': 'ann' } },
    }),
  });
  expect(JSON.parse(program.body)).toMatchObject({ allowed: true, remaining: 100 });
  expect([await send('ann', 101), await send('ann', 100), await send('bob', 1)]).toEqual([429, 200, 429]);
  const usages = await quota('usage', 'budget');
  expect(usages).toMatchObject([
    { dimensions: { user: 'ann' }, used: '1000', limit: '1000' },
    { dimensions: { user: 'bob' }, used: '1000', limit: '1000' },
  ]);
  const used = (await policyMetrics(mesh)).filter(
    ({ name, labels }) => name === 'xebec_quota_used' && labels['quota'] === 'default/budget',
  );
  expect(used.map(({ labels, value }) => [labels['dimensions'], value])).toEqual([
    ['user=ann', 1_000],
    ['user=bob', 1_000],
  ]);
});
