// QuotaPools that requests take from, said as a rule of the policy service that every service of their namespace is bound to: proxies then ask as for any quota.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
import {
  expandPools,
  type PolicyObject,
  phaseOf,
  type ResolvedAction,
  type ResolvedRule,
  standardTemplates,
} from '@xebec/policy';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';
import type { BoundQuotas } from './policy-rules.ts';
import { settingsOf } from './settings.ts';

export interface QuotaPoolSources {
  readonly rules: Collection<ObjectKey, ResolvedRule>;
  readonly bindings: Collection<ObjectKey, BoundQuotas>;
}

export function deriveQuotaPools(graph: Graph, inputs: MeshInputs): QuotaPoolSources {
  const { quotaPools, quotaPlans, settings } = inputs;
  const plansByNamespace = graph.index(quotaPlans, 'byNamespace', ({ metadata }) => [metadata.namespace]);
  const rules = graph.derive({
    name: 'mesh.quotaPoolRules',
    from: quotaPools,
    reads: { plansByNamespace },
    equals: deepEqual,
    fn: (pool, key, read) => {
      const plans = read.plansByNamespace.at(pool.metadata.namespace).map(([, plan]) => plan);
      const rule = ruleOf(pool, plans);
      return rule === undefined ? [] : [[key, rule]];
    },
  });
  const bindings = graph.derive({
    name: 'mesh.quotaPoolBindings',
    from: quotaPools,
    reads: { settings },
    equals: deepEqual,
    fn: ({ metadata: { namespace, name }, spec }, key, read) => {
      if (spec.requests.length === 0) return [];
      const served = namespace === settingsOf(read.settings).rootNamespace ? '*' : namespace;
      const services = [{ name: '*', namespace: served, labels: {} }];
      // Which requests they are, the rule's match says.
      const quotas = spec.requests.map(({ charge }) => ({
        quota: `${name}.${namespace}`,
        clauses: [],
        ...chargeOf(charge),
      }));
      return [[key, { services, quotas }]];
    },
  });
  return { rules, bindings };
}

/** Where it is the same for every request. */
const chargeOf = (written: string): { readonly charge?: number } =>
  /^[1-9]\d{0,14}$/.test(written.trim()) ? { charge: Number(written) } : {};

/** What the policy service makes of the pool too, with what requests match. */
function ruleOf(
  { metadata, spec }: ObjectOf<'QuotaPool'>,
  plans: readonly ObjectOf<'QuotaPlan'>[],
): ResolvedRule | undefined {
  if (spec.requests.length === 0) return undefined;
  const { namespace, name } = metadata;
  const { objects } = expandPools({
    pools: [{ namespace, name, spec }],
    plans: plans.map((plan) => ({ namespace, name: plan.metadata.name, spec: plan.spec })),
  });
  const handler = objects.find((one) => one.kind === 'handler');
  const rule = objects.find((one) => one.kind === 'rule');
  if (handler === undefined || rule === undefined) return undefined;
  const matches = spec.requests.map(({ match }) => match);
  const match = matches.includes('') ? '' : matches.map((one) => `(${one})`).join(' || ');
  const action = (phase: 'QUOTA' | 'REPORT'): readonly ResolvedAction[] => {
    const instances = instancesOf(objects).filter((one) => one.phase === phase);
    return instances.length === 0 ? [] : [{ reference: name, handler, instances }];
  };
  return {
    namespace,
    name,
    spec: { ...rule.spec, match },
    actions: [...action('QUOTA'), ...action('REPORT')],
  };
}

const instancesOf = (objects: readonly PolicyObject[]) =>
  objects.flatMap((one) => {
    if (one.kind !== 'instance') return [];
    const template = standardTemplates.get(one.spec.compiledTemplate ?? '');
    return template === undefined ? [] : [{ ...one, phase: phaseOf(template) }];
  });
