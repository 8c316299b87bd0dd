// Which quotas proxies may count by themselves, and what is said of the others.
import { expect, test } from 'vitest';
import { expandPools } from '../quotas/pools/expand-pools.ts';
import type { Destination } from './destination.ts';
import { planRule, type ResolvedRule, type RulePlan } from './plan-rule.ts';
import type { AskedQuota } from './quota-forms.ts';

const service = { host: 'web.shop.svc', name: 'web', namespace: 'shop' };
const destination: Destination = {
  namespace: 'shop',
  name: 'web-1',
  workloadName: 'web',
  labels: { app: 'web' },
  services: [service],
};
const named = <Spec>(spec: Spec) => ({ namespace: 'shop', name: 'calls', spec });

interface Written {
  readonly quota?: object;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly match?: string;
  readonly failurePolicy?: 'open' | 'close';
  readonly asked?: Partial<AskedQuota>;
  readonly services?: Destination['services'];
  readonly rule?: object;
}

function planOf(written: Written): RulePlan | undefined {
  const { quota, dimensions = {}, match = '', failurePolicy = 'open', asked, services = [service] } = written;
  const params = {
    quotas: [{ name: 'calls', maxAmount: 10, validDuration: '60s', mode: 'BEST_EFFORT', ...quota }],
  };
  const headers = { requestHeaderOperations: [], responseHeaderOperations: [] };
  const rule: ResolvedRule = {
    ...named({ match, actions: [], ...headers, failurePolicy, ...written.rule }),
    actions: [
      {
        reference: 'calls',
        handler: named({ compiledAdapter: 'memquota', params }),
        instances: [{ ...named({ params: { dimensions }, attributeBindings: {} }), phase: 'QUOTA' }],
      },
    ],
  };
  const quotas = new Map([['calls.shop', { charge: 1, clauses: [], ...asked }]]);
  return planRule(rule, { ...destination, services }, { quotas, produced: new Set() })[0];
}

test('a best-effort quota is counted in the proxy', () => {
  expect(planOf({})).toMatchObject({
    where: 'assignment',
    alternatives: [[]],
    quota: 'calls.instance.shop',
    charge: 1,
    countsCallers: false,
    limit: 10n,
    handler: 'calls.shop',
  });
});

test('also by callers, by what is known of the workload, and where it asks for what proxies see', () => {
  const dimensions = {
    who: 'source.principal | source.user | "nobody"',
    to: 'destination.labels["app"] | destination.service.name',
  };
  const clauses = [{ 'request.method': { kind: 'exact' as const, value: 'PUT' } }];
  expect(planOf({ dimensions, match: 'request.path == "/a"', asked: { clauses, charge: 3 } })).toMatchObject({
    where: 'assignment',
    charge: 3,
    countsCallers: true,
    alternatives: [[{ attribute: { header: ':method' } }, { attribute: { header: ':path' } }]],
    isAboutRequests: true,
  });
});

test('of several clauses one is enough, also where what another asks for is absent', () => {
  const clause = (name: string) => ({
    [`request.headers[${name}]`]: { kind: 'prefix' as const, value: 'x' },
  });
  expect(planOf({ asked: { clauses: [clause('a'), clause('b')] } })).toMatchObject({
    where: 'assignment',
    alternatives: [
      [{ attribute: { header: 'a' }, isNegated: false }],
      [
        { attribute: { header: 'a' }, isNegated: true },
        { attribute: { header: 'b' }, isNegated: false },
      ],
    ],
  });
});

test.each<[string, Written]>([
  ['exact', { quota: { mode: 'EXACT' } }],
  ['shorter than ten seconds', { quota: { validDuration: '5s' } }],
  [
    'shorter than ten seconds',
    { quota: { overrides: [{ dimensions: { a: 'b' }, maxAmount: 1, validDuration: '1s' }] } },
  ],
  ['no such quota', { quota: { name: 'others' } }],
  ['any request.headers', { dimensions: { user: 'request.headers["user"] | ""' } }],
  ['any request.auth.principal', { dimensions: { user: 'request.auth.principal | ""' } }],
  ['does not know source.labels', { dimensions: { user: 'source.labels["app"] | ""' } }],
  [
    'does not know destination.service.name',
    { dimensions: { to: 'destination.service.name' }, services: [service, { ...service, host: 'b' }] },
  ],
  ['what the proxy does not know', { match: 'source.labels["app"] == "a"' }],
  [
    'what the proxy does not know',
    { asked: { clauses: [{ 'request.path': { kind: 'regex', value: 'a.*' } }] } },
  ],
  ['depends on the request', { asked: { charge: undefined } as object }],
  ['in several ways', { asked: { problem: 'requests take from it in several ways' } }],
  [
    'header operations',
    { rule: { requestHeaderOperations: [{ name: 'x', values: ['"1"'], operation: 'REPLACE' }] } },
  ],
  ['the first request of each', { dimensions: { user: 'source.user | ""' }, failurePolicy: 'close' }],
])('is asked for, and why: %s', (reason, written) => {
  expect(planOf(written)).toMatchObject({ where: 'call', reason: expect.stringContaining(reason) });
});

test('a pool without requests of the workload costs nothing', () => {
  const clauses = [{ 'destination.namespace': { kind: 'exact' as const, value: 'other' } }];
  expect(planOf({ asked: { clauses } })).toMatchObject({ where: 'nowhere' });
});

test.each<[string, object]>([
  ['its response', { requests: [{ match: '', charge: '1', settle: 'response.total_size' }] }],
  [
    'several ways',
    {
      requests: [
        { match: '', charge: '1', settle: '' },
        { match: '', charge: '2', settle: '' },
      ],
    },
  ],
  ['fairly', { sharing: { consumer: 'source.user', weights: {} } }],
  ['held at once', { allowance: { kind: 'concurrency', amount: '5', leaseMs: 60_000 } }],
  ['burst', { allowance: { kind: 'bucket', amount: '5', refill: '100', refillMs: 60_000 } }],
  ['exact', { mode: 'EXACT' }],
])('a pool that is asked for, and why: %s', (reason, more) => {
  const spec = {
    allowance: { kind: 'total' as const, amount: '5' },
    unit: 'requests',
    dimensions: {},
    overrides: [],
    mode: 'BEST_EFFORT' as const,
    store: { kind: 'memory' as const },
    requests: [{ match: '', charge: '1', settle: '' }],
    deduplicationMs: 60_000,
    failurePolicy: 'open' as const,
    ...more,
  };
  const { objects } = expandPools({ pools: [named(spec)], plans: [] });
  const handler = objects.find((one) => one.kind === 'handler');
  const rule = objects.find((one) => one.kind === 'rule');
  if (handler === undefined || rule === undefined) throw new Error('a pool is all of them');
  const instance = {
    ...named({ params: { dimensions: {} }, attributeBindings: {} }),
    phase: 'QUOTA' as const,
  };
  const plan = planRule(
    { ...rule, actions: [{ reference: 'calls', handler, instances: [instance] }] },
    destination,
    { quotas: new Map([['calls.shop', { charge: 1, clauses: [] }]]), produced: new Set() },
  );
  expect(plan[0]).toMatchObject({ where: 'call', reason: expect.stringContaining(reason) });
});
