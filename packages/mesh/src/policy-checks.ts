// What a workload's proxy does for rules of the policy service, said as policies: it refuses, it asks, it reports.
import type {
  AuthorizationPolicy,
  AuthorizationProvider,
  AuthorizationRule,
  MissingProvider,
  ObjectKey,
  Workload,
} from '@xebec/model';
import {
  type Alternatives,
  httpStatusOf,
  planRule,
  quotaRefusalText,
  type ResolvedRule,
  type RulePlan,
  readsUsage,
  refusalText,
  type ToldHeaders,
  toldHeadersOf,
} from '@xebec/policy';
import { askedQuotas, isBound } from './asked-quotas.ts';
import type { ProviderReads } from './authorization-providers.ts';
import { compareText } from './host-names.ts';
import { holderIn } from './hosts.ts';
import type { ServedPort } from './inbounds.ts';
import type { PolicyRuleReads } from './policy-rules.ts';
import { policyServiceHost, policyServicePort } from './policy-service-place.ts';
import { settingsOf } from './settings.ts';

export interface PolicyCheckReads extends PolicyRuleReads, ProviderReads {}

/** A call that is not answered by then has failed. */
const answerMs = 5_000;

export interface CalledWorkload {
  readonly workload: Workload;
  readonly served: readonly ServedPort[];
}

/** Every plan for one workload, by rule; empty, and nothing computed, where no rule could be about it. */
export function plansFor(
  called: CalledWorkload,
  read: PolicyCheckReads,
): readonly (readonly [ObjectKey, ResolvedRule, readonly RulePlan[]])[] {
  const { namespace } = called.workload;
  const { rootNamespace } = settingsOf(read.settings);
  const rules = [...new Set([rootNamespace, namespace])].flatMap((each) => read.policyRules.at(each));
  if (rules.length === 0) return [];
  const { workload, served } = called;
  const services = served.flatMap(({ service }) => (service === undefined ? [] : [service]));
  const { name, ownerName, labels } = workload;
  const destination = { namespace, name, workloadName: ownerName, labels, services };
  const quotas = askedQuotas(
    rules.map(([, rule]) => rule),
    { services, labels },
    read,
  );
  return rules
    .toSorted(([left], [right]) => compareText(left, right))
    .map(([key, rule]) => [key, rule, planRule(rule, destination, quotas)] as const);
}

/** Headers that rules read, and those in which keys of the workload's APIs come. */
function toldBy(
  rules: readonly ResolvedRule[],
  { served, workload: { labels } }: CalledWorkload,
  read: PolicyRuleReads,
): ToldHeaders {
  const services = served.flatMap(({ service }) => (service === undefined ? [] : [service]));
  const keys = [...new Set(['*', ...services.map(({ namespace }) => namespace)])]
    .flatMap((namespace) => read.apiKeyHeaders.at(namespace))
    .filter(([, bound]) => services.some((service) => isBound(bound, service, labels)));
  const { request, response } = toldHeadersOf(rules);
  const all = new Set([...request, ...keys.flatMap(([, { headers }]) => headers)]);
  return { request: [...all].sort(), response };
}

/** The same as policies that a proxy enforces beside those of people. */
export function policyChecksOf(
  called: CalledWorkload,
  read: PolicyCheckReads,
): readonly AuthorizationPolicy[] {
  const plans = plansFor(called, read);
  if (plans.length === 0) return [];
  const checks = plans.flatMap(([key, rule, placed]) => [
    ...placed.flatMap((plan) => refusing(key, rule, plan)),
    ...placed.flatMap((plan) => counting(key, rule, { plan, called, read })),
    ...asking(key, rule, { placed, called, read }),
  ]);
  const reporting = plans.filter(([, , placed]) => placed.some(({ where }) => where === 'report'));
  return [
    ...checks,
    ...(reporting.length === 0
      ? []
      : reportsOf(
          reporting.map(([key, rule]) => [key, rule]),
          called,
          read,
        )),
  ];
}

const rulesOf = (
  alternatives: Alternatives,
  { object, isAboutRequests }: { readonly object: ObjectKey; readonly isAboutRequests: boolean },
): readonly AuthorizationRule[] =>
  alternatives.map((conditions) => ({
    clients: [],
    requests: [],
    conditions,
    cause: { object, field: 'spec.match' },
    ...(isAboutRequests ? { isAboutRequests: true as const } : {}),
  }));

/** Names of objects have no slash: a policy of the same name stays another. */
const policyName = ({ name }: ResolvedRule, action?: number): string =>
  `rule/${name}${action === undefined ? '' : `/${action}`}`;

function refusing(object: ObjectKey, rule: ResolvedRule, plan: RulePlan): readonly AuthorizationPolicy[] {
  if (plan.where !== 'proxy') return [];
  const { namespace } = rule;
  return [
    {
      object,
      parts: partsOf(rule, plan.action),
      namespace,
      name: policyName(rule, plan.action),
      action: 'DENY',
      rules: rulesOf(plan.alternatives, { object, isAboutRequests: plan.isAboutRequests }),
      refusal: { httpStatus: httpStatusOf(plan.status.code), text: refusalText(plan) },
    },
  ];
}

/** What a proxy refuses by, it has to get anew when the handler changes. */
function partsOf({ actions }: ResolvedRule, action: number | undefined): readonly ObjectKey[] {
  const { handler, instances = [] } = action === undefined ? {} : (actions[action] ?? {});
  return [
    ...(handler === undefined ? [] : [`handler/${handler.namespace}/${handler.name}` as const]),
    ...instances.flatMap((each) =>
      'name' in each ? [`instance/${each.namespace}/${each.name}` as const] : [],
    ),
  ];
}

interface Counted {
  readonly plan: RulePlan;
  readonly called: CalledWorkload;
  readonly read: PolicyCheckReads;
}

/** The proxy counts by itself; who cannot get a part of the quota from anybody fails as the rule says. */
function counting(
  object: ObjectKey,
  rule: ResolvedRule,
  { plan, called, read }: Counted,
): readonly AuthorizationPolicy[] {
  if (plan.where !== 'assignment') return [];
  const failurePolicy = rule.spec.failurePolicy ?? 'close';
  const provider = providerOf(called, failurePolicy, read);
  if ('problem' in provider && failurePolicy === 'open') return [];
  const { quota, charge, countsCallers, limit, isAboutRequests } = plan;
  return [
    {
      object,
      // What a pool is made of is no object of its own.
      ...(object.startsWith('rule/') ? { parts: partsOf(rule, plan.action) } : {}),
      namespace: rule.namespace,
      name: policyName(rule, plan.action),
      action: 'QUOTA',
      provider,
      rules: rulesOf(plan.alternatives, { object, isAboutRequests }),
      quota: {
        name: quota,
        charge,
        countsCallers,
        text: quotaRefusalText(plan),
        ...(limit === undefined ? {} : { limit: String(limit) }),
      },
    },
  ];
}

interface Asked {
  readonly placed: readonly RulePlan[];
  readonly called: CalledWorkload;
  readonly read: PolicyCheckReads;
}

function asking(
  object: ObjectKey,
  rule: ResolvedRule,
  { placed, called, read }: Asked,
): readonly AuthorizationPolicy[] {
  const calls = placed.flatMap((plan) => (plan.where === 'call' ? [plan] : []));
  if (calls.length === 0) return [];
  const failurePolicy = rule.spec.failurePolicy ?? 'close';
  const provider = providerOf(called, failurePolicy, read);
  // Who may fail open is not refused because nobody can be asked.
  if ('problem' in provider && failurePolicy === 'open') return [];
  return [
    {
      object,
      namespace: rule.namespace,
      name: policyName(rule),
      action: 'CUSTOM',
      provider,
      rules: calls.flatMap(({ alternatives, isAboutRequests }) =>
        rulesOf(alternatives, { object, isAboutRequests }),
      ),
    },
  ];
}

function providerOf(
  { workload: { namespace, name } }: CalledWorkload,
  failurePolicy: 'open' | 'close',
  read: PolicyCheckReads,
): AuthorizationProvider | MissingProvider {
  const { rootNamespace, clusterDomain } = settingsOf(read.settings);
  const host = policyServiceHost(rootNamespace, clusterDomain);
  const id = `xebec-policy-${failurePolicy}`;
  if (holderIn(read.hosts.get(host), `ns:${namespace}`) === undefined) {
    return {
      name: id,
      problem: 'no policy service is connected to the mesh',
      remedy: 'start one with "xebec policy serve"',
    };
  }
  return {
    name: id,
    protocol: 'grpc',
    host,
    port: policyServicePort,
    isPolicyService: true,
    timeoutMs: answerMs,
    failOpen: failurePolicy === 'open',
    clearRouteCache: true,
    metadata: {
      'xebec-workload': `${namespace}/${name}`,
      'xebec-direction': 'inbound',
      'xebec-failure-policy': failurePolicy,
    },
  };
}

/** One stream of reports serves all rules. */
function reportsOf(
  rules: readonly (readonly [ObjectKey, ResolvedRule])[],
  called: CalledWorkload,
  read: PolicyCheckReads,
): readonly AuthorizationPolicy[] {
  const [first] = rules;
  const provider = providerOf(called, 'open', read);
  if (first === undefined || 'problem' in provider) return [];
  const [object, { namespace }] = first;
  return [
    {
      object,
      namespace,
      name: 'rule/reports',
      action: 'REPORT',
      provider,
      rules: [],
      toldHeaders: toldBy(
        rules.map(([, rule]) => rule),
        called,
        read,
      ),
      ...(readsUsage(rules.map(([, rule]) => rule)) ? { readsUsage: true as const } : {}),
    },
  ];
}
