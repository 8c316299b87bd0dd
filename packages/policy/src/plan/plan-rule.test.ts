import { describe, expect, test } from 'vitest';
import type { Destination } from './destination.ts';
import { planRule, type ResolvedInstance, type ResolvedRule } from './plan-rule.ts';
import { producedBy } from './produced.ts';

const destination: Destination = {
  namespace: 'shop',
  name: 'web-1',
  workloadName: 'web',
  labels: { app: 'web' },
  services: [],
};

const named = <Spec>(spec: Spec) => ({ namespace: 'shop', name: 'one', spec });
const instance = (
  phase: 'CHECK' | 'QUOTA' | 'REPORT' | 'ATTRIBUTE_GENERATOR',
  params: unknown = {},
): ResolvedInstance => ({
  ...named({ params, attributeBindings: {} }),
  phase,
});
const denier = named({ compiledAdapter: 'denier', params: { status: { code: 7, message: 'no' } } });
const redirector = named({ compiledAdapter: 'denier', params: { status: { details: [{ code: 302 }] } } });
const opa = named({ compiledAdapter: 'opa', params: {} });
const bypass = named({ compiledAdapter: 'bypass', params: {} });
const header = { name: 'x', values: ['"1"'], operation: 'REPLACE' as const };

interface Written {
  readonly match?: string;
  readonly handler?: typeof denier | typeof redirector | typeof opa | typeof bypass;
  readonly instances?: readonly ResolvedInstance[];
  readonly headers?: boolean;
  readonly actions?: ResolvedRule['actions'];
}

function rule({
  match = '',
  handler,
  instances = [instance('CHECK')],
  headers = false,
  actions,
}: Written): ResolvedRule {
  const action = { reference: 'h', instances, ...(handler === undefined ? {} : { handler }) };
  const requestHeaderOperations = headers ? [header] : [];
  const spec = { match, actions: [], requestHeaderOperations, responseHeaderOperations: [] };
  return { ...named(spec), actions: actions ?? [action] };
}

const where = (written: Written, quotas: readonly string[] = []) =>
  planRule(rule(written), destination, {
    quotas: new Map(quotas.map((name) => [name, { charge: 1, clauses: [] }])),
    produced: new Set(),
  }).map((plan) => plan.where);

test('what an action reports takes nothing from what it checks, and neither does what it counts', () => {
  const [check, report, quota] = [instance('CHECK'), instance('REPORT'), instance('QUOTA')];
  expect(where({ handler: denier, instances: [check, report] })).toEqual(['call', 'report']);
  expect(where({ handler: denier, instances: [report, report] })).toEqual(['report']);
  expect(where({ handler: denier, instances: [check, quota] }, ['one.shop'])).toEqual(['call']);
  expect(where({ instances: [report] })).toEqual(['call']);
  expect(where({ handler: denier, instances: [report], headers: true })).toEqual(['call', 'report']);
});

const nothingAround = { quotas: new Map(), produced: new Set<string>() };

test('what an adapter may add to a call, a proxy does not know; what every call has, it does', () => {
  const fill: ResolvedRule = rule({
    actions: [
      {
        reference: 'h',
        instances: [
          {
            ...named({
              params: {},
              attributeBindings: { 'request.auth.principal': '$out.user', 'request.path': '""' },
            }),
            phase: 'ATTRIBUTE_GENERATOR',
          },
        ],
      },
    ],
  });
  const produced = producedBy([fill]);
  const whereOf = (match: string) =>
    planRule(rule({ handler: denier, match }), destination, { quotas: new Map(), produced })[0]?.where;
  expect(whereOf('request.auth.principal == "a/b"')).toBe('call');
  expect(whereOf('(request.auth.principal | "") == "a/b"')).toBe('call');
  expect(whereOf('request.path == "/a"')).toBe('proxy');
  expect(whereOf('request.headers["x"] == "1"')).toBe('proxy');
  expect(where({ handler: denier, match: 'request.auth.principal == "a/b"' })).toEqual(['proxy']);
});

describe('where a rule is enforced', () => {
  test.each<[string, Written, string]>([
    ['a denier', { handler: denier }, 'proxy'],
    ['a match for others', { handler: denier, match: 'destination.namespace == "x"' }, 'nowhere'],
    ['a match that the proxy cannot tell', { handler: denier, match: 'source.labels["a"] == "b"' }, 'call'],
    ['a denier that answers in the place of the service', { handler: redirector }, 'call'],
    ['an adapter outside without a resource', { handler: bypass }, 'call'],
    ['another adapter', { handler: opa }, 'call'],
    ['a denier whose rule changes headers', { handler: denier, headers: true }, 'call'],
    ['a rule that only changes headers', { actions: [], headers: true }, 'call'],
    ['a handler that is not there', {}, 'call'],
    ['an instance that is not there', { handler: denier, instances: [{ phase: 'UNKNOWN' }] }, 'call'],
    ['a report', { handler: opa, instances: [instance('REPORT')] }, 'report'],
    ['attributes for other rules', { handler: opa, instances: [instance('ATTRIBUTE_GENERATOR')] }, 'nowhere'],
    ['a quota that nobody asks for', { handler: opa, instances: [instance('QUOTA')] }, 'nowhere'],
  ])('%s', (_, written, expected) => {
    expect(where(written)).toEqual([expected]);
  });

  test('a quota that a QuotaSpec asks for', () => {
    expect(where({ handler: opa, instances: [instance('QUOTA')] }, ['one.shop'])).toEqual(['call']);
  });
});

describe('a list in the proxy', () => {
  const list = (params: object) => named({ compiledAdapter: 'listchecker', params });
  const user = instance('CHECK', { value: 'request.headers["user"] | "none"' });
  const planOf = (params: object, entry = user) =>
    planRule(rule({ handler: list(params), instances: [entry] }), destination, nothingAround)[0];

  test('lets in who is on it, and nobody who says nothing', () => {
    expect(planOf({ overrides: ['a'] })).toMatchObject({
      where: 'proxy',
      alternatives: [[{ attribute: { header: 'user' }, values: [{ value: 'a' }], isNegated: true }]],
      status: { code: 7, message: '%REQ(USER)% is not whitelisted' },
    });
  });

  test('the default may be on it', () => {
    expect(planOf({ overrides: ['a', 'none'] })).toMatchObject({
      alternatives: [[{ values: [{ kind: 'present' }] }, { isNegated: true }]],
    });
    expect(planOf({ overrides: ['none'], blacklist: true })).toMatchObject({
      alternatives: [[{ isNegated: false }], [{ values: [{ kind: 'present' }], isNegated: true }]],
    });
  });

  test('is asked for when it comes from elsewhere, is too long, or compares otherwise', () => {
    expect(planOf({ providerUrl: 'http://a' })?.where).toBe('call');
    expect(planOf({ overrides: [Object.create(null)] })?.where).toBe('call');
    expect(planOf({ overrides: Array.from({ length: 2_000 }, String) })?.where).toBe('call');
    expect(planOf({ entryType: 'REGEX', overrides: ['a.*'] })?.where).toBe('call');
    expect(planOf({ overrides: ['a'] }, instance('CHECK', { value: 'source.labels["a"] | ""' }))?.where).toBe(
      'call',
    );
  });
});
