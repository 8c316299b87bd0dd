// The operator's socket: what it lists, gives back and forgets.
import {
  createMemoryLedger,
  createPolicyEngine,
  expandPools,
  inProcessAdapters,
  istioVocabulary,
  type PolicyObject,
} from '@xebec/policy';
import { expect, test } from 'vitest';
import { systemClock } from '../configuration/engine-holder.ts';
import { newQuotaAdmin } from './quota-admin.ts';

async function setUp() {
  const ledger = createMemoryLedger({ now: () => 0 });
  const spec = {
    allowance: { kind: 'total', amount: '10' },
    unit: 'units',
    dimensions: { user: 'request.auth.principal | "nobody"' },
    overrides: [],
    mode: 'EXACT',
    store: { kind: 'memory' },
    requests: [],
    deduplicationMs: 1_000,
    failurePolicy: 'close',
  } as const;
  const { objects } = expandPools({ pools: [{ namespace: 'ml', name: 'gpu', spec }], plans: [] });
  const { engine } = await createPolicyEngine({
    revision: 1,
    objects: objects as readonly PolicyObject[],
    adapters: inProcessAdapters({ quotas: { memory: ledger } }),
    clock: systemClock,
    rootNamespace: 'istio-system',
  });
  const server = newQuotaAdmin({
    ledgers: () => [ledger],
    engine: () => engine,
    vocabulary: () => istioVocabulary,
  });
  const take = async (user: string, amount: bigint) =>
    engine.allocate(
      'gpu',
      { amount, isBestEffort: false, deduplicationId: '' },
      new Map([
        ['source.namespace', 'ml'],
        ['request.auth.principal', user],
      ]),
    );
  await take('ann', 6n);
  await take('bob', 2n);
  const get = async (quota: string) => (await server.inject({ url: '/quotas', query: { quota } })).json();
  const post = async (url: string, body: object) =>
    (await server.inject({ method: 'POST', url, payload: body })).json();
  return { get, post, take };
}

test('counters are listed by quota', async () => {
  const { get } = await setUp();
  expect(await get('ml/gpu')).toMatchObject({
    quotas: [
      { quota: 'ml/gpu', dimensions: { user: 'ann' }, used: '6', limit: '10', remaining: '4' },
      { dimensions: { user: 'bob' }, used: '2' },
    ],
  });
  expect(await get('gpu')).toMatchObject({ quotas: [{}, {}] });
  expect(await get('ml/gp')).toEqual({ quotas: [] });
});

test('what was taken is given back to whose it was', async () => {
  const { get, post } = await setUp();
  const attributes = { 'source.namespace': 'ml', 'request.auth.principal': 'ann' };
  expect(await post('/quotas/release', { quota: 'gpu', amount: '4', attributes })).toEqual({ released: '4' });
  expect(await get('gpu')).toMatchObject({ quotas: [{ used: '2' }, { used: '2' }] });
  expect(await post('/quotas/release', { quota: 'gpu', amount: 1.5 })).toHaveProperty('message');
});

test('a quota begins anew by its whole name only', async () => {
  const { get, post } = await setUp();
  expect(await post('/quotas/reset', { quota: 'ml/g' })).toEqual({ counters: 0 });
  expect(await post('/quotas/reset', { quota: '' })).toHaveProperty('message');
  expect(await post('/quotas/reset', { quota: 'ml/gpu' })).toEqual({ counters: 2 });
  expect(await get('')).toEqual({ quotas: [] });
});

test('a quota with more counters than are listed at once begins anew whole', async () => {
  const { get, post, take } = await setUp();
  for (let user = 0; user < 1_200; user++) await take(`user-${user}`, 1n);
  expect((await get('ml/gpu')).quotas).toHaveLength(1_000);
  expect(await post('/quotas/reset', { quota: 'ml/gpu' })).toEqual({ counters: 1_202 });
});
