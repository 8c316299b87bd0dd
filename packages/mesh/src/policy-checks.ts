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
  type Destination,
  httpStatusOf,
  isAboutDestination,
  type OutsideService,
  planRule,
  producedBy,
  quotaRefusalText,
  type ResolvedRule,
  type RulePlan,
  readsUsage,
  refusalText,
  type ToldHeaders,
  toldHeadersOf,
} from '@xebec/policy';
import { askedQuotas, isBound, isPool, type Taker } from './asked-quotas.ts';
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
  /** Calls go on through it: only rules that name it are for itself. */
  readonly isGateway?: true;
}

export const calledOf = (workload: Workload, served: readonly ServedPort[]): CalledWorkload => ({
  workload,
  served,
  ...(workload.isGateway === true ? { isGateway: true } : {}),
});

/** Where calls are decided about. */
export interface Judge {
  readonly called: Destination | OutsideService;
  /** That may have been called. */
  readonly services: Taker['services'];
  readonly isGateway: boolean;
  /** Of the proxy that decides; absent: any. */
  readonly namespace?: string;
  /** Its own names for who is asked, apart from those of other judges in the same proxy. */
  readonly asks: string;
  /** What the policy service is told of the proxy. */
  readonly metadata: Readonly<Record<string, string>>;
  /** It says no words of rules by itself. */
  readonly onlyAsks?: true;
}

export function judgeOf({ workload, served, isGateway }: CalledWorkload): Judge {
  const { namespace, name, ownerName, labels } = workload;
  const services = served.flatMap(({ service }) => (service === undefined ? [] : [service]));
  return {
    called: {
      ...{ namespace, name, workloadName: ownerName, labels, services },
      ...(isGateway === undefined ? {} : { isGateway }),
    },
    services,
    isGateway: isGateway === true,
    namespace,
    asks: 'xebec-policy',
    metadata: {
      'xebec-workload': `${namespace}/${name}`,
      'xebec-direction': 'inbound',
      ...(isGateway === true ? { 'xebec-scope': 'gateway' } : {}),
    },
  };
}

type Plans = readonly (readonly [ObjectKey, ResolvedRule, readonly RulePlan[]])[];

/** Every plan for one workload, by rule; empty, and nothing computed, where no rule could be about it. */
export const plansFor = (called: CalledWorkload, read: PolicyCheckReads): Plans =>
  plansOf(judgeOf(called), read);

function plansOf(judge: Judge, read: PolicyCheckReads): Plans {
  const { called, isGateway } = judge;
  const { rootNamespace } = settingsOf(read.settings);
  const rules = [...new Set([rootNamespace, called.namespace])].flatMap((each) => read.policyRules.at(each));
  if (rules.length === 0) return [];
  const quotas = askedQuotas(
    rules.map(([, rule]) => rule),
    takerOf(judge),
    read,
  );
  const produced = producedBy(rules.map(([, rule]) => rule));
  return rules
    .toSorted(([left], [right]) => compareText(left, right))
    .map(([key, rule]) => {
      const plans = planRule(rule, called, { quotas, produced });
      return [key, rule, isGateway ? plans.map((plan) => ofGateway(key, rule, plan)) : plans] as const;
    });
}

/** What names no destination is for whatever is behind the gateway. */
function ofGateway(key: ObjectKey, rule: ResolvedRule, plan: RulePlan): RulePlan {
  if (plan.where === 'nowhere' || (isQuota(rule, plan) && !isPool(key))) return plan;
  const about = isAboutDestination(rule);
  if (about === 'yes' || plan.where === 'report') return about === 'no' ? elsewhere : plan;
  if (about === 'no') return elsewhere;
  const { alternatives, isAboutRequests } = plan;
  const reason = 'only the policy service can tell whether it is about the gateway itself';
  const action = plan.action === undefined ? {} : { action: plan.action };
  return { where: 'call', alternatives, isAboutRequests, reason, ...action };
}

const elsewhere: RulePlan = {
  where: 'nowhere',
  reason: 'it names no gateway: it is enforced for what is behind this one',
};

const isQuota = ({ actions }: ResolvedRule, { action }: RulePlan): boolean =>
  action !== undefined && actions[action]?.instances.some(({ phase }) => phase === 'QUOTA') === true;

/** Only a workload's own proxy counts by itself. */
const takerOf = ({ called, services, isGateway }: Judge): Taker => ({
  services,
  labels: 'decidedAt' in called ? {} : called.labels,
  ...(isGateway ? { gatewayOf: called.namespace } : {}),
  ...(isGateway || 'decidedAt' in called ? { problem: 'it is taken on the way, where nobody counts' } : {}),
});

/** Headers that rules read, and those in which keys of the workload's APIs come. */
function toldBy(rules: readonly ResolvedRule[], judge: Judge, read: PolicyRuleReads): ToldHeaders {
  const { services, labels } = takerOf(judge);
  const keys = [...new Set(['*', ...services.map(({ namespace }) => namespace)])]
    .flatMap((namespace) => read.apiKeyHeaders.at(namespace))
    .filter(([, bound]) => services.some((service) => isBound(bound, service, labels)));
  const { request, response } = toldHeadersOf(rules);
  const all = new Set([...request, ...keys.flatMap(([, { headers }]) => headers)]);
  return { request: [...all].sort(), response };
}

/** The same as policies that a proxy enforces beside those of people. */
export const policyChecksOf = (
  called: CalledWorkload,
  read: PolicyCheckReads,
): readonly AuthorizationPolicy[] => checksOf(judgeOf(called), read);

export function checksOf(judge: Judge, read: PolicyCheckReads): readonly AuthorizationPolicy[] {
  const plans = plansOf(judge, read).map(
    ([key, rule, placed]) =>
      [key, rule, judge.onlyAsks === true ? placed.map(askedInstead) : placed] as const,
  );
  if (plans.length === 0) return [];
  const checks = plans.flatMap(([key, rule, placed]) => [
    ...placed.flatMap((plan) => refusing(key, rule, plan)),
    ...placed.flatMap((plan) => counting(key, rule, { plan, judge, read })),
    ...asking(key, rule, { placed, judge, read }),
  ]);
  const reporting = plans.filter(([, , placed]) => placed.some(({ where }) => where === 'report'));
  return [
    ...checks,
    ...(reporting.length === 0
      ? []
      : reportsOf(
          reporting.map(([key, rule]) => [key, rule]),
          judge,
          read,
        )),
  ];
}

const askedInstead = (plan: RulePlan): RulePlan =>
  plan.where === 'proxy'
    ? {
        where: 'call',
        alternatives: plan.alternatives,
        isAboutRequests: plan.isAboutRequests,
        reason: 'listeners that all clients share hold no words of rules',
      }
    : plan;

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
  readonly judge: Judge;
  readonly read: PolicyCheckReads;
}

/** The proxy counts by itself; who cannot get a part of the quota from anybody fails as the rule says. */
function counting(
  object: ObjectKey,
  rule: ResolvedRule,
  { plan, judge, read }: Counted,
): readonly AuthorizationPolicy[] {
  if (plan.where !== 'assignment') return [];
  const failurePolicy = rule.spec.failurePolicy ?? 'close';
  const provider = providerOf(judge, failurePolicy, read);
  if (isLetThrough(provider, failurePolicy)) return [];
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
  readonly judge: Judge;
  readonly read: PolicyCheckReads;
}

function asking(
  object: ObjectKey,
  rule: ResolvedRule,
  { placed, judge, read }: Asked,
): readonly AuthorizationPolicy[] {
  const calls = placed.flatMap((plan) => (plan.where === 'call' ? [plan] : []));
  if (calls.length === 0) return [];
  const failurePolicy = rule.spec.failurePolicy ?? 'close';
  const provider = providerOf(judge, failurePolicy, read);
  // Who may fail open is not refused because nobody can be asked.
  if (isLetThrough(provider, failurePolicy)) return [];
  return [
    {
      object,
      namespace: rule.namespace,
      name: policyName(rule),
      action: 'CUSTOM',
      provider,
      ...(removesHeaders(rule) ? { removesHeaders: true as const } : {}),
      rules: calls.flatMap(({ alternatives, isAboutRequests }) =>
        rulesOf(alternatives, { object, isAboutRequests }),
      ),
    },
  ];
}

/** Nobody can be asked, and the rule says that calls go on then. A namespace cannot make it so by taking the service's name. */
const isLetThrough = (
  provider: AuthorizationProvider | MissingProvider,
  failurePolicy: 'open' | 'close',
): boolean => 'problem' in provider && provider.isForged !== true && failurePolicy === 'open';

const removesHeaders = ({ spec }: ResolvedRule): boolean =>
  spec.responseHeaderOperations.some(({ operation }) => operation === 'REMOVE');

function providerOf(
  { namespace, asks, called, metadata }: Judge,
  failurePolicy: 'open' | 'close',
  read: PolicyCheckReads,
): AuthorizationProvider | MissingProvider {
  const { rootNamespace, clusterDomain } = settingsOf(read.settings);
  const host = policyServiceHost(rootNamespace, clusterDomain);
  const id = `${asks}-${failurePolicy}`;
  const layer = namespace === undefined ? '*' : (`ns:${namespace}` as const);
  const holder = holderIn(read.hosts.get(host), layer);
  if (holder === undefined) {
    return {
      name: id,
      problem: 'no policy service is connected to the mesh',
      remedy: 'start one with "xebec policy serve"',
    };
  }
  if (holder.service.namespace !== rootNamespace) {
    return {
      name: id,
      problem: `${holder.owner} has taken the name ${host}, which is the policy service's`,
      remedy: 'give it another host',
      isForged: true,
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
    // Where a call goes that has been judged by where it goes, it stays.
    clearRouteCache: !('decidedAt' in called),
    metadata: { ...metadata, 'xebec-failure-policy': failurePolicy },
  };
}

/** One stream of reports serves all rules. */
function reportsOf(
  rules: readonly (readonly [ObjectKey, ResolvedRule])[],
  judge: Judge,
  read: PolicyCheckReads,
): readonly AuthorizationPolicy[] {
  const [first] = rules;
  const provider = providerOf(judge, 'open', read);
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
        judge,
        read,
      ),
      ...(readsUsage(rules.map(([, rule]) => rule)) ? { readsUsage: true as const } : {}),
    },
  ];
}
