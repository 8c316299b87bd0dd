// QuotaPools and QuotaPlans as what the engine knows: for each pool an instance, a handler and a rule of its name; and for what is settled after the response an instance and a rule more each.
import type { QuotaPlanSpec, QuotaPoolSpec } from '@xebec/config';
import type { Origin } from '@xebec/std';
import type { PolicyObject } from '../../configuration/policy-object.ts';
import { limitOf, type PlanLimit, PoolParameters, type PoolPlan } from './parameters.ts';
import { reserved } from './reserved.ts';

interface Named<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Spec;
  readonly origin?: Origin;
}

export interface PoolObjects {
  readonly pools: readonly Named<QuotaPoolSpec>[];
  readonly plans: readonly Named<QuotaPlanSpec>[];
}

/** Where an object of a pool came from, by `KIND/NAMESPACE/NAME` of what was made of it. */
export type PoolFields = ReadonlyMap<
  string,
  { readonly pool: string; readonly field: (made: string) => string }
>;

export interface ExpandedPools {
  readonly objects: readonly PolicyObject[];
  /** Names a problem of a made object by the pool's own field. */
  readonly fields: PoolFields;
}

export function expandPools({ pools, plans }: PoolObjects): ExpandedPools {
  const fields = new Map<string, { pool: string; field: (made: string) => string }>();
  const objects = pools.flatMap((pool) => {
    const made = expandPool(pool, plansFor(pool, plans));
    for (const { object, field } of made) {
      fields.set(`${object.kind}/${object.namespace}/${object.name}`, {
        pool: `QuotaPool/${pool.namespace}/${pool.name}`,
        field,
      });
    }
    return made.map(({ object }) => object);
  });
  return { objects, fields };
}

/** In order of their names, so that every replica chooses the same plan. */
function plansFor(pool: Named<QuotaPoolSpec>, plans: PoolObjects['plans']): readonly PoolPlan[] {
  const own = plans.filter(({ namespace }) => namespace === pool.namespace);
  return own
    .flatMap(({ namespace, name, spec }): PoolPlan[] => {
      const limits = spec.limits.flatMap(({ pool: wanted, allowance, per }, index): PlanLimit[] =>
        wanted === pool.name
          ? [{ name: `${namespace}/${name}#${index}`, limit: limitOf(allowance), per }]
          : [],
      );
      return [{ name: `${namespace}/${name}`, consumers: spec.consumers, limits }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Made {
  readonly object: PolicyObject;
  readonly field: (made: string) => string;
}

function expandPool(pool: Named<QuotaPoolSpec>, plans: readonly PoolPlan[]): readonly Made[] {
  const { namespace, name, spec } = pool;
  const base = { namespace, ...(pool.origin === undefined ? {} : { origin: pool.origin }) };
  const dimensions = dimensionsOf(spec, plans);
  const limited = plans.some(({ limits }) => limits.length > 0) ? plans : [];
  const handler = {
    compiledAdapter: 'quotapool',
    params: new PoolParameters(`${namespace}/${name}`, spec, limited),
  };
  const instance = { compiledTemplate: 'quota', params: { dimensions }, attributeBindings: {} };
  return [
    { object: { ...base, kind: 'handler', name, spec: handler }, field: (made) => made },
    { object: { ...base, kind: 'instance', name, spec: instance }, field: dimensionField },
    { object: { ...base, kind: 'rule', name, spec: ruleOf(spec, '', name) }, field: () => 'spec' },
    ...spec.requests.flatMap((one, index) => (one.settle === '' ? [] : settlement(pool, dimensions, index))),
  ];
}

const ruleOf = ({ failurePolicy }: QuotaPoolSpec, match: string, instance: string, handler = instance) => ({
  match,
  actions: [{ handler, instances: [instance], name: '' }],
  requestHeaderOperations: [],
  responseHeaderOperations: [],
  failurePolicy,
});

function dimensionsOf(spec: QuotaPoolSpec, plans: readonly PoolPlan[]): Readonly<Record<string, string>> {
  const hasPlans = plans.some(({ limits }) => limits.length > 0);
  return {
    ...spec.dimensions,
    ...(spec.sharing === undefined ? {} : { [reserved.consumer]: spec.sharing.consumer }),
    ...(hasPlans
      ? {
          [reserved.apiKey]: 'request.api_key | ""',
          [reserved.identity]: 'source.principal | ""',
          [reserved.user]: 'request.auth.principal | ""',
        }
      : {}),
  };
}

/** What the response says it cost, reported as a metric to the pool's own handler. */
function settlement(
  { namespace, name, spec, origin }: Named<QuotaPoolSpec>,
  dimensions: Readonly<Record<string, string>>,
  index: number,
): readonly Made[] {
  const { match, charge, settle } = spec.requests[index] ?? { match: '', charge: '1', settle: '1' };
  const base = { namespace, name: `${name}--settle-${index}`, ...(origin === undefined ? {} : { origin }) };
  const params = {
    value: settle,
    dimensions: {
      ...dimensions,
      [reserved.estimate]: charge,
      [reserved.request]: 'request.id | ""',
      [reserved.charged]: `quota.charged[${JSON.stringify(`${name}.${namespace}`)}] | ""`,
      [reserved.reporter]: 'context.reporter.kind | ""',
    },
  };
  const instance = { compiledTemplate: 'metric', params, attributeBindings: {} };
  return [
    {
      object: { ...base, kind: 'instance', spec: instance },
      field: (made) => {
        if (made.startsWith('spec.params.value')) return `spec.requests[${index}].settle`;
        return made.includes(reserved.estimate) ? `spec.requests[${index}].charge` : dimensionField(made);
      },
    },
    {
      object: { ...base, kind: 'rule', spec: ruleOf(spec, match, base.name, name) },
      field: (made) => (made.startsWith('spec.match') ? `spec.requests[${index}].match` : 'spec'),
    },
  ];
}

function dimensionField(made: string): string {
  if (made.includes(reserved.consumer)) return 'spec.sharing.consumer';
  return made.replace(/^spec\.params\./, 'spec.');
}
