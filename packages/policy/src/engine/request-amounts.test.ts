// What a request takes, said by an attribute that may be anything: what is no amount refuses the request, and never gives anything away.
import type { QuotaPoolSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { inProcessAdapters } from '../adapters/catalog.ts';
import type { AttributeValue } from '../attributes/value.ts';
import type { PolicyObject } from '../configuration/policy-object.ts';
import { largestAmount } from '../quotas/amount.ts';
import { createMemoryLedger } from '../quotas/memory/memory-ledger.ts';
import { bag, engineOf, manifest, testClock } from '../testing/test-engine.ts';

const inbound = { 'context.reporter.kind': 'inbound', 'destination.namespace': 'shop' };
const amount = 1_000n;

const poolOf = (more: Partial<QuotaPoolSpec>): PolicyObject => ({
  kind: 'QuotaPool',
  namespace: 'shop',
  name: 'work',
  spec: {
    allowance: { kind: 'total', amount: String(amount) },
    unit: 'units',
    dimensions: {},
    overrides: [],
    mode: 'EXACT',
    store: { kind: 'memory' },
    requests: [{ match: '', charge: 'work.cost', settle: 'work.real | work.cost' }],
    deduplicationMs: 1_000,
    failurePolicy: 'close',
    ...more,
  },
});

async function setUp(more: Partial<QuotaPoolSpec> = {}, type: 'INT64' | 'DOUBLE' = 'INT64') {
  const ledger = createMemoryLedger(testClock());
  const { engine, problems } = await engineOf(
    [
      manifest(
        { name: 'work' },
        {
          'work.cost': { valueType: type, description: '' },
          'work.real': { valueType: type, description: '' },
        },
      ),
      poolOf(more),
    ],
    inProcessAdapters({ quotas: { memory: ledger } }),
  );
  expect(problems).toEqual([]);
  const used = () => ledger.inspect({ prefix: '', most: 9 })[0]?.used ?? 0n;
  return {
    used,
    /** The code of the refusal; 0: it goes on. */
    async ask(cost: AttributeValue | undefined): Promise<number | undefined> {
      const said = cost === undefined ? inbound : { ...inbound, 'work.cost': cost };
      const { status, quotas } = await engine.check({ attributes: bag(said) });
      return (
        [status, ...[...quotas.values()].map((each) => each.status)].find(({ code }) => code !== 0)?.code ?? 0
      );
    },
    /** After a charge of 100. */
    async report(real: AttributeValue): Promise<void> {
      const charged = { 'quota.charged': new Map([['work.shop', '100']]) };
      await engine.report([bag({ ...inbound, ...charged, 'work.cost': 100n, 'work.real': real })]);
    },
  };
}

const [refused, untold] = [8, 7];

test.each<[AttributeValue | undefined, number, bigint]>([
  [0n, 0, 0n],
  [7n, 0, 7n],
  [amount, 0, amount],
  [amount + 1n, refused, 0n],
  [largestAmount, refused, 0n],
  [-1n, untold, 0n],
  [-largestAmount, untold, 0n],
  [undefined, untold, 0n],
])('a request that costs %s is answered %s and uses %s', async (cost, code, left) => {
  const { ask, used } = await setUp();
  expect([await ask(cost), used()]).toEqual([code, left]);
});

test.each([
  [2, 0, 2n],
  [1.5, untold, 0n],
  [0.1, untold, 0n],
  [Number.NaN, untold, 0n],
  [Number.POSITIVE_INFINITY, untold, 0n],
  [1e300, untold, 0n],
  [-0.5, untold, 0n],
] as const)('of numbers with fractions %s is answered %s and uses %s', async (cost, code, left) => {
  const { ask, used } = await setUp({ requests: [{ match: '', charge: 'work.cost', settle: '' }] }, 'DOUBLE');
  expect([await ask(cost), used()]).toEqual([code, left]);
});

test('with failOpen what cannot be told is let through, and costs nothing', async () => {
  const { ask, used } = await setUp({ failurePolicy: 'open' });
  expect([await ask(-1n), await ask(undefined), used()]).toEqual([0, 0, 0n]);
});

test('entries of one pool that add up beyond all numbers refuse', async () => {
  const entry = { match: '', charge: 'work.cost', settle: '' };
  const { ask, used } = await setUp({ requests: [entry, entry] });
  expect([await ask(largestAmount), used()]).toEqual([3, 0n]);
  expect([await ask(4n), used()]).toEqual([0, 8n]);
});

test('what a response says it cost is settled when it is an amount, above the limit too; else the guess stays', async () => {
  const { ask, report, used } = await setUp();
  expect(await ask(100n)).toBe(0);
  for (const nonsense of [-1n, -largestAmount]) await report(nonsense);
  expect(used()).toBe(100n);
  await report(2_500n);
  await expect.poll(used).toBe(2_500n);
  expect(await ask(1n)).toBe(refused);
  await report(largestAmount);
  await expect.poll(used).toBe(largestAmount);
  await report(0n);
  await expect.poll(used).toBe(largestAmount - 100n);
});
