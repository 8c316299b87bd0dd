// Quotas that requests of proxies take from: QuotaSpecs and QuotaPools, together with the rules that know their limits.
import type { QuotaPoolSpec } from '@xebec/config';
import { describe, expect, it } from 'vitest';
import { inProcessAdapters } from '../adapters/catalog.ts';
import { OK } from '../adapters/sdk.ts';
import type { PolicyObject } from '../configuration/policy-object.ts';
import { createMemoryLedger } from '../quotas/memory/memory-ledger.ts';
import { bag, engineOf, handler, instance, rule, testClock } from '../testing/test-engine.ts';

const adapters = () => inProcessAdapters({ quotas: { memory: createMemoryLedger(testClock()) } });

const quotaSpec: readonly PolicyObject[] = [
  {
    kind: 'QuotaSpec',
    namespace: 'shop',
    name: 'spec',
    spec: {
      rules: [{ match: [], quotas: [{ quota: 'requestcount.istio-system', charge: 2 }] }],
    },
  },
  {
    kind: 'QuotaSpecBinding',
    namespace: 'shop',
    name: 'binding',
    spec: {
      services: [{ name: 'ratings', namespace: 'shop', labels: {} }],
      quotaSpecs: [{ name: 'spec', namespace: 'shop' }],
    },
  },
  instance({ name: 'requestcount' }, 'quota', { dimensions: { source: 'source.user | "unknown"' } }),
  handler({ name: 'quotas' }, 'memquota', {
    quotas: [{ name: 'requestcount.instance.istio-system', maxAmount: 5, validDuration: '60s' }],
  }),
  rule({ name: 'quota' }, { send: { quotas: ['requestcount'] } }),
];

const pool: QuotaPoolSpec = {
  allowance: { kind: 'fixed', amount: '3', windowMs: 60_000 },
  unit: 'requests',
  dimensions: {},
  overrides: [],
  mode: 'EXACT',
  store: { kind: 'memory' },
  requests: [{ match: 'request.method == "POST"', charge: '1', settle: '' }],
  deduplicationMs: 60_000,
  failurePolicy: 'close',
};

const inbound = {
  'context.reporter.kind': 'inbound',
  'destination.namespace': 'shop',
  'destination.service.name': 'ratings',
  'destination.service.namespace': 'shop',
};

describe('requests of proxies', () => {
  it('take what QuotaSpecs bound to their service say, and are decided one by one', async () => {
    const { engine, problems } = await engineOf(quotaSpec, adapters());
    expect(problems).toEqual([]);
    const codes: unknown[] = [];
    for (let time = 0; time < 3; time++) {
      const outcome = await engine.check({ attributes: bag(inbound) });
      expect(outcome).toMatchObject({ status: OK, validDurationMs: 0, validUseCount: 1 });
      codes.push(outcome.quotas.get('requestcount.instance.istio-system')?.status.code);
    }
    expect(codes).toEqual([0, 0, 8]);
    const other = await engine.check({
      attributes: bag({ ...inbound, 'destination.service.name': 'reviews' }),
    });
    expect(other.quotas.size).toBe(0);
  });

  it('take nothing twice: a call that names its quotas, a program, the other failure policy', async () => {
    const { engine } = await engineOf(quotaSpec, adapters());
    const quotas = new Map();
    expect((await engine.check({ attributes: bag(inbound), quotas })).quotas.size).toBe(0);
    const { 'context.reporter.kind': _kind, ...program } = inbound;
    expect((await engine.check({ attributes: bag(program) })).quotas.size).toBe(0);
    for (let time = 0; time < 9; time++) {
      const outcome = await engine.check({ attributes: bag(inbound), failurePolicy: 'open' });
      expect([...outcome.quotas.values()].map(({ status }) => status.code)).toEqual([0]);
    }
    expect(engine.inspect().rules[0]).toMatchObject({ matched: 0 });
  });

  it('take from QuotaPools of their namespace, and from no other when one refuses', async () => {
    const objects: readonly PolicyObject[] = [
      ...quotaSpec,
      { kind: 'QuotaPool', namespace: 'shop', name: 'posts', spec: pool },
    ];
    const { engine, problems } = await engineOf(objects, adapters());
    expect(problems).toEqual([]);
    const post = { ...inbound, 'request.method': 'POST' };
    const codes: unknown[] = [];
    for (let time = 0; time < 3; time++) {
      const { quotas } = await engine.check({ attributes: bag(post) });
      codes.push([...quotas].map(([name, { status }]) => `${name.split('.')[0]} ${status.code}`).sort());
    }
    expect(codes).toEqual([
      ['posts 0', 'requestcount 0'],
      ['posts 0', 'requestcount 0'],
      ['posts 0', 'requestcount 8'],
    ]);
    const asked = { amount: 1n, isBestEffort: false, deduplicationId: '' };
    expect((await engine.allocate('posts.shop', asked, bag({}))).status).toEqual(OK);
    expect((await engine.allocate('posts.shop', asked, bag({}))).status.code).toBe(8);
  });

  it('take nothing from what the proxy counts by itself', async () => {
    const { engine } = await engineOf(quotaSpec, adapters());
    const assignedQuotas = new Set(['requestcount.instance.istio-system']);
    for (let time = 0; time < 5; time++)
      expect((await engine.check({ attributes: bag(inbound), assignedQuotas })).quotas.size).toBe(0);
  });

  it('are counted by proxies only from quotas that requests to their own workload take from', async () => {
    const matched = rule(
      { name: 'quota' },
      { match: 'request.method == "POST"', send: { quotas: ['requestcount'] } },
    );
    const objects: readonly PolicyObject[] = [
      ...quotaSpec.filter(({ kind }) => kind !== 'rule'),
      matched,
      { kind: 'QuotaPool', namespace: 'shop', name: 'posts', spec: pool },
    ];
    const { engine } = await engineOf(objects, adapters());
    const take = (quota: string, attributes: object, amount = 4n) =>
      engine.assign({ quota, amount, attributes: bag({ ...inbound, ...attributes }), isBound: true });
    expect(await take('requestcount.instance.istio-system', {})).toMatchObject({
      granted: 4n,
      remaining: 1n,
    });
    expect(await take('requestcount.instance.istio-system', {})).toMatchObject({
      granted: 1n,
      remaining: 0n,
    });
    expect(await take('requestcount.instance.istio-system', {}, -2n)).toMatchObject({ remaining: 2n });
    expect(await take('posts.instance.shop', {})).toMatchObject({ granted: 3n });
    const foreign = { 'destination.namespace': 'other', 'destination.service.name': 'reviews' };
    expect(await take('requestcount.instance.istio-system', foreign)).toBeUndefined();
    expect(await take('posts.instance.shop', foreign)).toBeUndefined();
    expect(await take('posts.shop', { ...foreign, 'destination.namespace': 'shop' })).toBeDefined();
  });

  it('tell what is wrong with a pool by the pool’s own fields', async () => {
    const wrong = {
      ...pool,
      dimensions: { user: 'source.usr' },
      requests: [{ match: '', charge: '"x"', settle: '' }],
    };
    const { problems } = await engineOf(
      [
        { kind: 'QuotaPool', namespace: 'shop', name: 'posts', spec: wrong },
        rule({ name: 'posts', namespace: 'shop' }, {}),
      ],
      adapters(),
    );
    expect(
      problems.map(({ object, diagnostic }) => `${object} ${diagnostic.field} ${diagnostic.code}`).sort(),
    ).toEqual([
      'QuotaPool/shop/posts metadata.name name-taken',
      'QuotaPool/shop/posts spec.dimensions.user unknown-attribute',
      'QuotaPool/shop/posts spec.requests[0].charge wrong-type',
    ]);
  });
});
