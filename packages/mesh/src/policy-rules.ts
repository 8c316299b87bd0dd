// Rules of the policy service with what they refer to, and the quotas that are bound to services: only what is looked up, nothing per workload.
import { type NamedObject, type ObjectOf, policyReferences, type ServiceReference } from '@xebec/config';
import type { Graph, Index } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
import {
  type AskedQuota,
  phaseOf,
  type ResolvedAction,
  type ResolvedInstance,
  type ResolvedRule,
  standardTemplates,
} from '@xebec/policy';
import { deepEqual } from '@xebec/std';
import { type BoundKeyHeaders, deriveApiKeyHeaders } from './api-key-headers.ts';
import type { MeshInputs } from './inputs.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { deriveQuotaPools } from './quota-pools.ts';

/** Which quotas services ask for. */
export interface BoundQuotas {
  readonly services: readonly ServiceReference[];
  readonly quotas: readonly BoundQuota[];
}

/** One way in which requests take from a quota. */
export interface BoundQuota extends Pick<AskedQuota, 'charge' | 'clauses'> {
  /** The instance, as `NAME.NAMESPACE`. */
  readonly quota: string;
}

export interface PolicyRuleSources {
  /** By their own namespace. */
  readonly policyRules: Index<string, ObjectKey, ResolvedRule>;
  /** By the namespace of a service that they are for; `*`: every namespace. */
  readonly quotaBindings: Index<string, ObjectKey, BoundQuotas>;
  /** In the same way. */
  readonly apiKeyHeaders: Index<string, ObjectKey, BoundKeyHeaders>;
}

export interface PolicyRuleReads {
  readonly policyRules: AnchorLookup<string, ObjectKey, ResolvedRule>;
  readonly quotaBindings: AnchorLookup<string, ObjectKey, BoundQuotas>;
  readonly apiKeyHeaders: AnchorLookup<string, ObjectKey, BoundKeyHeaders>;
}

export function derivePolicyRules(graph: Graph, inputs: MeshInputs): PolicyRuleSources {
  const { handlers, instances, templates, quotaSpecs } = inputs;
  const rules = graph.derive({
    name: 'mesh.policyRules',
    from: inputs.policyRules,
    reads: { handlers, instances, templates },
    equals: deepEqual,
    fn: ({ metadata: { namespace, name }, spec }, key, read) => {
      const actions = spec.actions.map((action) => resolveAction(action, namespace, read));
      return [[key, { namespace, name, spec, actions }]];
    },
  });
  const bindings = graph.derive({
    name: 'mesh.quotaBindings',
    from: inputs.quotaSpecBindings,
    reads: { quotaSpecs },
    equals: deepEqual,
    fn: ({ spec: { services, quotaSpecs: named } }, key, read) => [
      [key, { services, quotas: named.flatMap((one) => quotasOf(one, read.quotaSpecs)) }],
    ],
  });
  const pools = deriveQuotaPools(graph, inputs);
  const allRules = graph.union('mesh.allPolicyRules', rules, pools.rules);
  const allBindings = graph.union('mesh.allQuotaBindings', bindings, pools.bindings);
  return {
    apiKeyHeaders: deriveApiKeyHeaders(graph, inputs),
    policyRules: graph.index(allRules, 'byNamespace', ({ namespace }) => [namespace]),
    quotaBindings: graph.index(allBindings, 'byServiceNamespace', ({ services }) => [
      ...new Set(services.map(({ namespace, host }) => (host === undefined ? namespace : '*'))),
    ]),
  };
}

interface PartReads {
  readonly handlers: Lookup<ObjectKey, ObjectOf<'handler'>>;
  readonly instances: Lookup<ObjectKey, ObjectOf<'instance'>>;
  readonly templates: Lookup<ObjectKey, ObjectOf<'template'>>;
}

function resolveAction(
  { handler: reference, instances }: ObjectOf<'rule'>['spec']['actions'][number],
  namespace: string,
  read: PartReads,
): ResolvedAction {
  const handler = find(read.handlers, { kind: 'handler', reference, namespace });
  return {
    reference,
    ...(handler === undefined ? {} : { handler: planned(handler) }),
    instances: instances.map((each) => resolveInstance(each, namespace, read)),
  };
}

function resolveInstance(reference: string, namespace: string, read: PartReads): ResolvedInstance {
  const instance = find(read.instances, { kind: 'instance', reference, namespace });
  if (instance === undefined) return { phase: 'UNKNOWN' };
  const phase = phaseOfInstance(instance, read);
  return phase === 'UNKNOWN' ? { phase } : { ...planned(instance), phase };
}

function phaseOfInstance(
  { metadata, spec }: ObjectOf<'instance'>,
  read: PartReads,
): ResolvedInstance['phase'] {
  const written = spec.compiledTemplate ?? spec.template ?? '';
  const own = find(read.templates, { kind: 'template', reference: written, namespace: metadata.namespace });
  if (own !== undefined && spec.compiledTemplate === undefined) return varietyPhase(own.spec.variety);
  const standard = standardTemplates.get(written);
  return standard === undefined ? 'UNKNOWN' : phaseOf(standard);
}

const varietyPhase = (variety: ObjectOf<'template'>['spec']['variety']): ResolvedInstance['phase'] =>
  variety === 'CHECK_WITH_OUTPUT' ? 'CHECK' : (variety ?? 'UNKNOWN');

const planned = <Spec>({ metadata, spec }: { metadata: NamedObject; spec: Spec }) => ({
  namespace: metadata.namespace,
  name: metadata.name,
  spec,
});

interface Reference {
  readonly kind: string;
  readonly reference: string;
  readonly namespace: string;
}

function find<V>(objects: Lookup<ObjectKey, V>, { kind, reference, namespace }: Reference): V | undefined {
  for (const each of policyReferences(reference, { kind, namespace })) {
    const found = objects.get(`${kind}/${each.namespace}/${each.name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function quotasOf(
  { name, namespace }: NamedObject,
  specs: Lookup<ObjectKey, ObjectOf<'QuotaSpec'>>,
): readonly BoundQuota[] {
  const rules = specs.get(`QuotaSpec/${namespace}/${name}`)?.spec.rules ?? [];
  return rules.flatMap(({ match: clauses, quotas }) =>
    quotas.flatMap(({ quota, charge }) =>
      policyReferences(quota, { kind: 'instance', namespace }).map((each) => ({
        quota: `${each.name}.${each.namespace}`,
        charge,
        clauses,
      })),
    ),
  );
}
