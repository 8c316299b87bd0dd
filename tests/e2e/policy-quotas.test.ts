// Quotas of the policy service as programs meet them: a job in Python that is no server, several policy services on one Redis, and what operators do.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Run, xebec } from './support/mesh.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const run = promisify(execFile);
const hasPython = spawnSync('python3', ['--version'], { timeout: 20_000 }).status === 0;
const job = join(import.meta.dirname, '../../samples/policy/train.py');

const state = mkdtempSync(join(tmpdir(), 'xb-quota-'));
let controlPlane: ControlPlaneProcess;
let service: PolicyServiceProcess;

const start = () => startPolicyService(['--state', state, '--control-plane', controlPlane.address('xds')]);

beforeAll(async () => {
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  service = await start();
}, 90_000);
afterAll(async () => {
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  rmSync(state, { recursive: true, force: true });
}, 30_000);

const apply = (...documents: readonly string[]): Promise<Run> =>
  xebec(['apply', '-f', '-', '--state', state], { input: documents.join('---\n'), timeoutMs: 60_000 });

const pool = (name: string, spec: string): string =>
  `apiVersion: policy.xebec.io/v1alpha1\nkind: QuotaPool\nmetadata: { name: ${name}, namespace: ml }\nspec: ${spec}\n`;

interface Grant {
  readonly allowed: boolean;
  readonly granted: string;
  readonly limit?: string;
}

async function take(
  quota: string,
  amount: number,
  said: Readonly<Record<string, unknown>> = {},
): Promise<Grant> {
  const attributes = { 'destination.namespace': 'ml' };
  const answer = Object(await service.ask('/v1/quotas/allocate', { quota, amount, attributes, ...said }));
  return { allowed: answer.allowed === true, granted: String(answer.granted), limit: String(answer.limit) };
}

/** A limit is in force once asking for nothing tells it. */
const inForce = (quota: string, limit: string): Promise<void> =>
  expect.poll(async () => (await take(quota, 0)).limit, { timeout: 20_000, interval: 50 }).toBe(limit);

const used = async (quota: string): Promise<unknown> => {
  const { stdout } = await xebec(['quota', 'usage', quota, '-o', 'json', '--state', state]);
  return JSON.parse(stdout).map((one: { used: string }) => one.used);
};

test('[MX-10] [BY-11] a Python job charges its CPU seconds, and is refused at the limit', async (context) => {
  if (!hasPython) context.skip('python3 is not installed');
  expect(await apply(pool('cpu-seconds', '{ amount: 100, window: month, unit: cpu_seconds }'))).toMatchObject(
    { code: 0 },
  );
  await inForce('cpu-seconds', '100');
  const url = `http://${service.address('http')}`;
  const train = async () => {
    const { stdout } = await run('python3', [job, url, 'cpu-seconds', 'ml', '8', '10'], { timeout: 60_000 });
    return JSON.parse(stdout);
  };
  expect(await train()).toEqual({ done: 8, stopped: false });
  expect(await train()).toEqual({ done: 2, stopped: true, remaining: '0' });
  expect(await used('ml/cpu-seconds')).toEqual(['100']);
});

test('[MX-7] many callers together are granted exactly the maximum, and a retry with the same id nothing more', async () => {
  await apply(pool('exact', '{ amount: 50, window: day }'));
  await inForce('exact', '50');
  const grants = await Promise.all(Array.from({ length: 150 }, () => take('exact', 1)));
  expect(grants.filter(({ allowed }) => allowed)).toHaveLength(50);
  await apply(pool('retries', '{ amount: 5, window: day, deduplication: 1m }'));
  await inForce('retries', '5');
  for (let i = 0; i < 4; i++) {
    expect(await take('retries', 3, { deduplicationId: 'same' })).toMatchObject({
      allowed: true,
      granted: '3',
    });
  }
  expect(await used('ml/retries')).toEqual(['3']);
});

test('what was counted survives a kill, and a new amount goes on counting', async () => {
  await apply(pool('kept', '{ amount: 10, window: year }'));
  await inForce('kept', '10');
  expect(await take('kept', 7)).toMatchObject({ allowed: true });
  const log = join(state, 'policy', 'quotas', 'counters');
  await expect
    .poll(() => /"ml\/kept"[^\n]{0,400}"used":\{"int64":"7"\}/.test(readFileSync(log, 'latin1')), {
      timeout: 10_000,
    })
    .toBe(true);
  await service.kill('SIGKILL');
  service = await start();
  await inForce('kept', '10');
  expect(await take('kept', 4)).toMatchObject({ allowed: false });
  await apply(pool('kept', '{ amount: 12, window: year }'));
  await inForce('kept', '12');
  expect(await take('kept', 5)).toMatchObject({ allowed: true });
  expect(await take('kept', 1)).toMatchObject({ allowed: false });
});

test('operators list, give back and reset', async () => {
  await apply(pool('gpu', '{ amount: 4, algorithm: TOTAL }'));
  await inForce('gpu', '4');
  await take('gpu', 4);
  const released = await xebec([
    'quota',
    'release',
    'gpu',
    '1',
    '--attribute',
    'destination.namespace=ml',
    '--state',
    state,
  ]);
  expect(released).toMatchObject({ code: 0, stdout: 'released 1\n' });
  expect(await used('ml/gpu')).toEqual(['3']);
  expect((await xebec(['quota', 'list', '--state', state])).stdout).toMatch(/^ml\/gpu\s+total\s+1\s+3$/m);
  expect((await xebec(['quota', 'reset', 'ml/gpu', '--state', state])).stdout).toBe('counters 1\n');
  expect(await take('gpu', 4)).toMatchObject({ allowed: true });
});

test('a plan holds beside the pool', async () => {
  const plan = `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPlan
metadata: { name: free, namespace: ml }
spec: { consumers: { others: true }, limits: [{ pool: planned, amount: 2, window: day }] }
`;
  await apply(pool('planned', '{ amount: 100, window: day }'), plan);
  await inForce('planned', '2');
  expect(await take('planned', 3)).toMatchObject({ allowed: false });
  expect(await take('planned', 2)).toMatchObject({ allowed: true });
});
