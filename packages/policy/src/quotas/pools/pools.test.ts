// Pools and plans through the engine, as proxies and programs take from them.
import type { AnyObject } from '@xebec/config';
import { parseDocuments, parseObject } from '@xebec/config';
import { describe, expect, test } from 'vitest';
import { erased } from '../../adapters/catalog.ts';
import { sourceOf } from '../../attributes/bag.ts';
import { istioVocabulary } from '../../attributes/make-vocabulary.ts';
import type { AttributeValue } from '../../attributes/value.ts';
import { bag, engineOf } from '../../testing/test-engine.ts';
import { createMemoryLedger } from '../memory/memory-ledger.ts';
import { checkPoolRequests, compileRequestedQuotas } from '../requests/requested-quotas.ts';
import { testClock } from '../testing/clock.ts';
import { expandPools } from './expand-pools.ts';
import { createPoolAdapter } from './pool-adapter.ts';

const header = (kind: string, name: string) =>
  `apiVersion: policy.xebec.io/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: ml }\nspec: `;

function read(text: string) {
  const objects = parseDocuments(text, 'test.yaml').objects.map((raw): AnyObject => {
    const parsed = parseObject(raw, { defaultNamespace: 'default' });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
    return parsed.value;
  });
  const named = <Spec>({
    metadata,
    spec,
  }: {
    metadata: { namespace: string; name: string };
    spec: Spec;
  }) => ({
    namespace: metadata.namespace,
    name: metadata.name,
    spec,
  });
  return {
    pools: objects.flatMap((one) => (one.kind === 'QuotaPool' ? [named(one)] : [])),
    plans: objects.flatMap((one) => (one.kind === 'QuotaPlan' ? [named(one)] : [])),
  };
}

async function meshOf(...texts: string[]) {
  const clock = testClock();
  const ledger = createMemoryLedger({ now: clock.now });
  const written = read(texts.join('\n---\n'));
  const { objects, fields } = expandPools(written);
  const { engine, problems } = await engineOf([...objects], [erased(createPoolAdapter({ memory: ledger }))]);
  const take = async (pool: string, amount: number, said: Record<string, AttributeValue> = {}) => {
    const asked = { amount: BigInt(amount), isBestEffort: false, deduplicationId: '' };
    return (await engine.allocate(pool, asked, bag({ 'source.namespace': 'ml', ...said }))).granted;
  };
  const used = () =>
    ledger
      .inspect({ prefix: '', most: 99 })
      .map(({ counter, used }) => [counter.replaceAll('\u001f', ' '), used]);
  return { clock, ledger, engine, problems, fields, written, take, used };
}

const cpu = `${header('QuotaPool', 'cpu-seconds')}{ amount: 100, window: 1h }`;

test('[MX-10] a program takes from a pool of its namespace by its name, up to the limit, and again in the next window', async () => {
  const { take, clock, problems } = await meshOf(cpu);
  expect(problems).toEqual([]);
  expect([
    await take('cpu-seconds', 60),
    await take('cpu-seconds', 60),
    await take('cpu-seconds', 40),
  ]).toEqual([60n, 0n, 40n]);
  clock.nowMs += 3_600_000;
  expect(await take('cpu-seconds', 100)).toBe(100n);
});

test('each combination of dimensions is counted by itself, the most specific override wins', async () => {
  const { take } = await meshOf(`${header('QuotaPool', 'tokens')}
  amount: 10
  window: day
  dimensions: { user: request.auth.principal | "nobody", model: 'request.headers["x-model"] | "small"' }
  overrides:
    - { dimensions: { model: large }, amount: 2, window: day }
    - { dimensions: { model: large, user: vip }, amount: 5, window: day }`);
  const as = (user: string, model: string) => ({
    'request.auth.principal': user,
    'request.headers': new Map([['x-model', model]]),
  });
  expect(await take('tokens', 10, as('a', 'small'))).toBe(10n);
  expect(await take('tokens', 10, as('b', 'small'))).toBe(10n);
  expect([await take('tokens', 3, as('a', 'large')), await take('tokens', 2, as('a', 'large'))]).toEqual([
    0n,
    2n,
  ]);
  expect(await take('tokens', 5, as('vip', 'large'))).toBe(5n);
});

describe('plans', () => {
  const pool = `${header('QuotaPool', 'tokens')}{ amount: 1000, window: day }`;
  const gold = `${header('QuotaPlan', 'gold')}
  consumers: { apiKeys: ["key-*"], identities: [cluster.local/ns/ml/sa/trainer] }
  limits:
    - { pool: tokens, amount: 100, window: day }
    - { pool: tokens, amount: 30, window: 1m }
    - { pool: tokens, amount: 150, window: day, per: PLAN }`;
  const free = `${header('QuotaPlan', 'free')}
  consumers: { others: true }
  limits: [{ pool: tokens, amount: 5, window: day }]`;

  test('a consumer has all limits of the plan together', async () => {
    const { take, clock, used } = await meshOf(pool, gold, free);
    const key = { 'request.api_key': 'key-1' };
    expect([await take('tokens', 31, key), await take('tokens', 30, key)]).toEqual([0n, 30n]);
    for (let minute = 0; minute < 3; minute++) {
      clock.nowMs += 60_000;
      await take('tokens', minute < 2 ? 30 : 10, key);
    }
    clock.nowMs += 60_000;
    expect(await take('tokens', 1, key)).toBe(0n);
    expect(used()).toContainEqual(['ml/tokens', 100n]);
  });

  test('consumers are counted apart, and a whole plan together', async () => {
    const { take, clock } = await meshOf(pool, gold, free);
    for (const name of ['key-1', 'key-2', 'key-3', 'key-4', 'key-5']) {
      expect(await take('tokens', 30, { 'request.api_key': name })).toBe(30n);
    }
    clock.nowMs += 60_000;
    expect(await take('tokens', 1, { 'source.principal': 'cluster.local/ns/ml/sa/trainer' })).toBe(0n);
  });

  test('who is in no plan has the one for others', async () => {
    const { take } = await meshOf(pool, gold, free);
    expect([await take('tokens', 6), await take('tokens', 5), await take('tokens', 1)]).toEqual([0n, 5n, 0n]);
    expect(await take('tokens', 5, { 'request.auth.principal': 'bob' })).toBe(5n);
  });
});

test('[MX-8] consumers of a shared pool are kept apart by the expression that names them', async () => {
  const { take, ledger } = await meshOf(
    `${header('QuotaPool', 'shared')}{ amount: 100, window: 1h, sharing: { consumer: source.uid | "none", weights: { a: 3 } } }`,
  );
  await take('shared', 10, { 'source.uid': 'b' });
  await take('shared', 10, { 'source.uid': 'a' });
  expect(ledger.inspect({ prefix: '', most: 1 })[0]?.consumers).toMatchObject([
    { consumer: 'b', used: 10n },
    { consumer: 'a', used: 10n },
  ]);
});

describe('requests of proxies', () => {
  const pool = `${header('QuotaPool', 'tokens')}
  amount: 1000
  window: day
  requests:
    - match: request.method == "POST"
      charge: "100"
      settle: response.size | 100`;

  test('take an estimate first, and what it was after all when the response has been reported, once', async () => {
    const { engine, used, take } = await meshOf(pool);
    const request = {
      'destination.namespace': 'ml',
      'request.method': 'POST',
      'request.id': 'r1',
    };
    await take('tokens', 100, request);
    for (const size of [250n, 250n]) await engine.report([bag({ ...request, 'response.size': size })]);
    await expect.poll(used).toEqual([['ml/tokens', 250n]]);
    await take('tokens', 100, { ...request, 'request.id': 'r2' });
    await engine.report([bag({ ...request, 'request.id': 'r2', 'response.size': 30n })]);
    await expect.poll(used).toEqual([['ml/tokens', 280n]]);
  });

  test('are settled as their proxies say they were charged, and not at all when they were not', async () => {
    const { engine, used } = await meshOf(pool);
    const told = (more: Record<string, AttributeValue>) =>
      engine.report([
        bag({
          'destination.namespace': 'ml',
          'request.method': 'POST',
          'request.id': 'always-the-same',
          'context.reporter.kind': 'inbound',
          ...more,
        }),
      ]);
    const charged = (amount: string) => ({ 'quota.charged': new Map([['tokens.ml', amount]]) });
    // The guess was another when the request was charged.
    await told({ ...charged('40'), 'response.size': 250n });
    await told({ ...charged('40'), 'response.size': 250n });
    // Refused, or let through without anybody being asked; another pool's; nonsense.
    await told({ 'response.size': 3n });
    await told({ 'quota.charged': new Map([['others.ml', '40']]), 'response.size': 9n });
    await told({ ...charged('x'), 'response.size': 9n });
    await told({ ...charged('100'), 'response.size': 30n });
    await expect.poll(used).toEqual([['ml/tokens', 350n]]);
  });

  test('are known by pools as by QuotaSpecs', async () => {
    const { written } = await meshOf(pool);
    const quotas = compileRequestedQuotas({
      specs: [],
      bindings: [],
      pools: written.pools,
      vocabulary: istioVocabulary,
      rootNamespace: 'istio-system',
    });
    const ask = (said: Record<string, AttributeValue>) => quotas.requestedBy(sourceOf(bag(said)));
    const post = ask({ 'destination.namespace': 'ml', 'request.method': 'POST' });
    expect(post).toEqual({ amounts: new Map([['tokens.instance.ml', 100n]]), problems: [] });
    expect(ask({ 'destination.namespace': 'ml', 'request.method': 'GET' }).amounts.size).toBe(0);
    expect(ask({ 'destination.namespace': 'other', 'request.method': 'POST' }).amounts.size).toBe(0);
  });
});

test('[MX-3] a wrong expression of a pool is named by the field of the pool', async () => {
  const { problems, fields } = await meshOf(`${header('QuotaPool', 'wrong')}
  amount: 1
  dimensions: { user: reqest.path }
  requests: [{ match: request.path, settle: response.size + 1 }]`);
  const named = problems.flatMap(({ object, diagnostic }) => {
    const made = fields.get(object);
    return made === undefined ? [] : [`${made.pool} ${made.field(diagnostic.field ?? '')}`];
  });
  expect(new Set(named)).toContain('QuotaPool/ml/wrong spec.dimensions.user');
  expect(new Set(named)).toContain('QuotaPool/ml/wrong spec.requests[0].match');
});

test('what requests take is checked by its own expressions', async () => {
  const { written } = await meshOf(`${header('QuotaPool', 'wrong')}
  amount: 1
  requests: [{ match: request.path, charge: request.method }]`);
  const [pool] = written.pools;
  const found = pool === undefined ? [] : checkPoolRequests(pool.spec, istioVocabulary);
  expect(found.map(({ field }) => field)).toEqual(['spec.requests[0].match', 'spec.requests[0].charge']);
});
