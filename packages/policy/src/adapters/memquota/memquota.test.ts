// memquota as handlers and rules use it: names, overrides, dimensions; and what is refused of its parameters.
import { describe, expect, test } from 'vitest';
import { createMemoryLedger } from '../../quotas/memory/memory-ledger.ts';
import { testClock } from '../../quotas/testing/clock.ts';
import type { InstanceValue } from '../../templates/template.ts';
import { parseRedisquota } from '../redisquota/parameters.ts';
import type { HandlerContext, QuotaArguments } from '../sdk.ts';
import { createMemquotaAdapter } from './memquota.ts';

const context = (now: () => number, namespace = 'istio-system'): HandlerContext => ({
  name: `quota.handler.${namespace}`,
  namespace,
  instances: new Map(),
  now,
  reportProblem: () => undefined,
  countLoss: () => undefined,
  countTaken: () => undefined,
});

const ask = (amount: number): QuotaArguments => ({
  amount: BigInt(amount),
  isBestEffort: false,
  deduplicationId: '',
});

async function handlerOf(params: unknown) {
  const clock = testClock();
  const adapter = createMemquotaAdapter(createMemoryLedger({ now: clock.now }));
  const parsed = adapter.parse(params);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const handler = await adapter.build(parsed.value, context(clock.now));
  const take = async (name: string, dimensions: Record<string, InstanceValue>, amount = 1) => {
    const instance = { template: 'quota', name, fields: { dimensions } };
    return handler.allocate?.(instance, ask(amount), AbortSignal.timeout(1_000));
  };
  return { clock, take };
}

const requestcount = 'requestcount.instance.istio-system';

test('[MX-7] the first override that fits counts, each combination of dimensions by itself', async () => {
  const { clock, take } = await handlerOf({
    quotas: [
      {
        name: requestcount,
        maxAmount: 500,
        validDuration: '1s',
        overrides: [
          { dimensions: { destination: 'reviews' }, maxAmount: 1, validDuration: '5s' },
          { dimensions: { destination: 'reviews', source: 'vip' }, maxAmount: 9, validDuration: '1s' },
        ],
      },
    ],
  });
  const reviews = (source: string) => take(requestcount, { destination: 'reviews', source });
  expect(await reviews('a')).toMatchObject({ granted: 1n, limit: 1n, remaining: 0n });
  expect(await reviews('a')).toMatchObject({ granted: 0n, status: { code: 8 } });
  expect(await reviews('vip')).toMatchObject({ granted: 1n, limit: 1n });
  expect(await take(requestcount, { destination: 'ratings', source: 'a' }, 500)).toMatchObject({
    granted: 500n,
  });
  clock.nowMs += 5_100;
  expect(await reviews('a')).toMatchObject({ granted: 1n });
});

test.each(['requestcount', 'requestcount.istio-system', 'requestcount.quota.istio-system', requestcount])(
  'a quota may be called %s',
  async (name) => {
    const { take } = await handlerOf({ quotas: [{ name, maxAmount: 1 }] });
    expect(await take(requestcount, {})).toMatchObject({ granted: 1n });
  },
);

test('without validDuration a quota only comes back when it is given back', async () => {
  const { clock, take } = await handlerOf({ quotas: [{ name: 'requestcount', maxAmount: 2 }] });
  expect(await take(requestcount, {}, 2)).toMatchObject({ granted: 2n });
  clock.nowMs += 1e9;
  expect(await take(requestcount, {})).toMatchObject({ granted: 0n });
  expect(await take(requestcount, {}, -1)).toMatchObject({ granted: 1n });
  expect(await take(requestcount, {})).toMatchObject({ granted: 1n });
});

test('a quota that the handler does not have grants nothing', async () => {
  const { take } = await handlerOf({ quotas: [{ name: 'other', maxAmount: 2 }] });
  expect(await take(requestcount, {})).toMatchObject({ granted: 0n, status: { code: 5 } });
});

test('values of dimensions count by what they are, not how long they are', async () => {
  const { take } = await handlerOf({ quotas: [{ name: 'requestcount', maxAmount: 1 }] });
  const address = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]);
  expect(await take(requestcount, { ip: address })).toMatchObject({ granted: 1n });
  expect(await take(requestcount, { ip: new Uint8Array([10, 0, 0, 1]) })).toMatchObject({ granted: 0n });
  expect(await take(requestcount, { ip: 'x'.repeat(100_000) })).toMatchObject({ granted: 1n });
  expect(await take(requestcount, { ip: JSON.parse('{"__proto__": "x"}') })).toMatchObject({ granted: 1n });
});

describe('what is refused', () => {
  const adapter = createMemquotaAdapter(createMemoryLedger({ now: () => 0 }));
  const quota = { name: 'q', maxAmount: 1, validDuration: '1s' };

  test.each<[unknown, string, string]>([
    [{}, 'quotas', 'missing-field'],
    [{ quotas: [{ ...quota, maxAmount: -1 }] }, 'quotas[0].maxAmount', 'out-of-range'],
    [{ quotas: [{ ...quota, maxAmount: 1.5 }] }, 'quotas[0].maxAmount', 'fractional-amount'],
    [{ quotas: [{ ...quota, maxAmount: 1e300 }] }, 'quotas[0].maxAmount', 'amount-out-of-range'],
    [
      { quotas: [{ ...quota, maxAmount: '9223372036854775808' }] },
      'quotas[0].maxAmount',
      'amount-out-of-range',
    ],
    [{ quotas: [{ ...quota, validDuration: 5 }] }, 'quotas[0].validDuration', 'wrong-type'],
    [
      { quotas: [{ ...quota, overrides: [{ dimensions: {} }] }] },
      'quotas[0].overrides[0].dimensions',
      'missing-field',
    ],
    [{ quotas: [{ ...quota, maxAmmount: 1 }] }, 'quotas[0].maxAmmount', 'unknown-field'],
  ])('%o', (params, field, code) => {
    const parsed = adapter.parse(params);
    expect(parsed.ok ? [] : parsed.diagnostics).toMatchObject([{ code, remedy: expect.any(String) }]);
    expect(parsed.ok ? [] : parsed.diagnostics.map((one) => one.field ?? '').join()).toContain(
      code === 'missing-field' && field === 'quotas' ? '' : field,
    );
  });

  test.each<[unknown, string]>([
    [{ redisServerUrl: 'http://x', quotas: [quota] }, 'invalid-url'],
    [
      { redisServerUrl: 'h:6379', quotas: [{ ...quota, rateLimitAlgorithm: 'ROLLING_WINDOW' }] },
      'missing-field',
    ],
    [
      {
        redisServerUrl: 'h:6379',
        quotas: [{ ...quota, rateLimitAlgorithm: 'ROLLING_WINDOW', bucketDuration: '2s' }],
      },
      'out-of-range',
    ],
    [{ redisServerUrl: 'h:6379', quotas: [{ ...quota, maxAmount: '9007199254740993' }] }, 'out-of-range'],
    [{ redisServerUrl: 'h:6379', quotas: [{ ...quota, rateLimitAlgorithm: 'LEAKY' }] }, 'unknown-value'],
  ])('of redisquota: %o', (params, code) => {
    const parsed = parseRedisquota(params);
    expect(parsed.ok ? [] : parsed.diagnostics).toMatchObject([{ code }]);
  });

  test('the password of a Redis address is in no message', () => {
    const parsed = parseRedisquota({ redisServerUrl: 'redis://u:secret@h:6379/x/y', quotas: [quota] });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});

test('redisquota as Istio wrote it is understood', () => {
  const parsed = parseRedisquota({
    redisServerUrl: 'redis-release-master:6379',
    connectionPoolSize: 10,
    quotas: [
      {
        name: requestcount,
        maxAmount: 500,
        validDuration: '1s',
        bucketDuration: '500ms',
        rateLimitAlgorithm: 'ROLLING_WINDOW',
        overrides: [{ dimensions: { destination: 'reviews' }, maxAmount: 1 }],
      },
    ],
  });
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      redis: { url: 'redis://redis-release-master:6379', connections: 10 },
      quotas: [{ limit: { kind: 'rolling', amount: 500n, windowMs: 1_000, slots: 2 } }],
    },
  });
});
