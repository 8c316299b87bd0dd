// Budgets in tokens: what a language model's answer cost is read by the real Envoy beside it, whatever shape it has, and settles what was guessed before. Nobody pays less by a trick with the request.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { listAt, type Mesh, repositoryFile, startMesh, textAt, until, xebec } from './support/mesh.ts';

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(pool);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  // Until the proxy reads what answers cost.
  await until(
    'an answer is charged as it says',
    async () => (await costOf('/model', 'first')) === 42,
    60_000,
  );
}, 300_000);
afterAll(async () => {
  await mesh?.stop();
});

const pool = `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: tokens }
spec:
  amount: 200
  window: year
  unit: tokens
  dimensions: { user: 'request.headers["x-user"] | "nobody"' }
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/model")
      charge: "100"
      settle: response.tokens | 100
`;

const ask = (path: string, user: string, headers: Readonly<Record<string, string>> = {}) =>
  fetchText({ url: `http://echo${path}`, proxy, headers: { ...headers, 'x-user': user } });

async function usedBy(user: string): Promise<number | undefined> {
  const { stdout } = await xebec(['quota', 'usage', 'default/tokens', '-o', 'json', '--state', mesh.state]);
  const counters = listAt(JSON.parse(stdout === '' ? '[]' : stdout));
  const found = counters.find((one) => textAt(one, 'dimensions', 'user') === user);
  return found === undefined ? undefined : Number(textAt(found, 'used'));
}

const settled = (user: string, tokens: number) =>
  until(`${user} has used ${tokens}`, async () => (await usedBy(user)) === tokens, 30_000);

/** What one answer costs a user whose budget is whole. */
async function costOf(path: string, user: string): Promise<number | undefined> {
  await xebec(['quota', 'reset', 'default/tokens', '--state', mesh.state]);
  await ask(path, user);
  await until('it is not the guess any more', async () => (await usedBy(user)) !== 100, 2_000).catch(() => 0);
  return usedBy(user);
}

const read = [
  '/model',
  '/model/stream',
  '/model/messages',
  '/model/messages/stream',
  '/model/huge',
  '/model/compressed-if-asked',
];
const unread = [
  '/model/none',
  '/model/stream/none',
  '/model/stream/abort',
  '/model/messages/abort',
  '/model/gzip',
];

it('[BY-11] tokens of a language model are charged as its answers say, whole or streamed, for each user; without a count the guess stays', async () => {
  const headers = { 'accept-encoding': 'gzip' };
  for (const path of read) {
    const { status, headers: answered } = await ask(path, path, headers);
    expect([path, status, answered['content-encoding']]).toEqual([path, 200, undefined]);
  }
  for (const path of unread) await ask(path, path, headers).catch(() => undefined);
  for (const path of read) await settled(path, 42);
  // What is told after it comes after it, so that what it says has been taken by then.
  for (const path of unread) expect((await ask('/model', path)).status).toBe(200);
  for (const path of unread) await settled(path, 142);
  for (const path of [...read, ...unread])
    expect([path, await usedBy(path)]).toEqual([path, read.includes(path) ? 42 : 142]);
});

it('[BY-11] a user who has not enough left is refused, and gets nothing back for it; an id that is sent again is another request', async () => {
  const again = { 'x-request-id': '6e1f7a30-0000-4000-8000-000000000000' };
  for (const expected of [42, 84, 126]) {
    expect((await ask('/model', 'ann', again)).status).toBe(200);
    await settled('ann', expected);
  }
  // A hundred must be left to begin with: 74 are.
  const refused = await Promise.all(Array.from({ length: 20 }, () => ask('/model', 'ann', again)));
  expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 429));
  // Another request's report comes after theirs.
  expect((await ask('/model', 'bob')).status).toBe(200);
  await settled('bob', 42);
  expect(await usedBy('ann')).toBe(126);
});
