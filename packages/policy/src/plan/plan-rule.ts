// Where a rule is enforced for one destination: in its proxy, with or without parts of a quota that it gets beforehand, by a call of the policy service, or nowhere; and why. Rule: a proxy decides only what it decides exactly as the policy service would.
import type { HandlerSpec, InstanceSpec, PolicyRuleSpec } from '@xebec/config';
import type { Status } from '../adapters/sdk.ts';
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import type { Phase } from '../templates/variety.ts';
import { type Alternatives, always, both } from './conditions.ts';
import { type Destination, knowledgeOf, type OutsideService } from './destination.ts';
import { conjunction, express, expressClauses, type Knowledge, type Truth } from './express.ts';
import { formOf, type HandlerForm } from './handler-forms.ts';
import { withoutProduced } from './produced.ts';
import { type AskedQuota, quotaFormOf } from './quota-forms.ts';

export interface PlannedObject<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Spec;
}

/** A rule with what it refers to. */
export interface ResolvedRule extends PlannedObject<PolicyRuleSpec> {
  readonly actions: readonly ResolvedAction[];
}

export interface ResolvedAction {
  /** As written. */
  readonly reference: string;
  /** Absent: there is none. */
  readonly handler?: PlannedObject<HandlerSpec>;
  readonly instances: readonly ResolvedInstance[];
}

export type ResolvedInstance =
  | (PlannedObject<InstanceSpec> & { readonly phase: Phase })
  /** There is none, or its template is not known. */
  | { readonly phase: 'UNKNOWN' };

export type Placement =
  /** The proxy refuses what one of the alternatives matches. */
  | {
      readonly where: 'proxy';
      readonly alternatives: Alternatives;
      readonly isAboutRequests: boolean;
      readonly status: Status;
      /** The message has fields of the proxy in it: `%REQ(X-USER)%`. */
      readonly isFormatted: boolean;
      /** `NAME.NAMESPACE`. */
      readonly handler: string;
    }
  /** The policy service is asked about what one of the alternatives matches, and perhaps more than it has to be. */
  | { readonly where: 'call'; readonly alternatives: Alternatives; readonly isAboutRequests: boolean }
  /** The proxy counts what one of the alternatives matches, against parts of the quota that it gets beforehand. */
  | {
      readonly where: 'assignment';
      readonly alternatives: Alternatives;
      readonly isAboutRequests: boolean;
      /** `NAME.instance.NAMESPACE`. */
      readonly quota: string;
      /** Units of each request. */
      readonly charge: number;
      readonly countsCallers: boolean;
      readonly limit?: bigint;
      /** `NAME.NAMESPACE`. */
      readonly handler: string;
    }
  /** The policy service is told when a call is over. */
  | { readonly where: 'report' }
  | { readonly where: 'nowhere' };

export type RulePlan = Placement & {
  /** In words: why there. */
  readonly reason: string;
  /** Index in `spec.actions`; absent: the whole rule. */
  readonly action?: number;
};

interface Surroundings {
  readonly quotas: ReadonlyMap<string, AskedQuota>;
  readonly produced: ReadonlySet<string>;
}

/**
 * One plan for each action, or one for the whole rule.
 *
 * @param around `quotas`: those that are asked for in calls of the destination, by `NAME.NAMESPACE`; `produced`:
 * attributes that adapters may add to calls.
 */
export function planRule(
  rule: ResolvedRule,
  destination: Destination | OutsideService,
  { quotas, produced }: Surroundings,
): readonly RulePlan[] {
  const knowledge = withoutProduced(knowledgeOf(destination), destination, produced);
  const match = truthOf(rule, knowledge);
  if (match.whenTrue.length === 0) {
    return [{ where: 'nowhere', reason: 'its match is never true for calls of this workload' }];
  }
  const plans = rule.actions.flatMap((action, index) =>
    planAction(rule, { action, match, knowledge, quotas }).map((plan) => ({ ...plan, action: index })),
  );
  const isAsked = plans.some(({ where }) => where === 'call');
  return hasOperations(rule) && !isAsked ? [byCall(match, 'it changes headers'), ...plans] : plans;
}

export function truthOf({ spec }: PlannedObject<PolicyRuleSpec>, knowledge: Knowledge): Truth {
  if (spec.match.trim() === '') return everything;
  if (spec.language === 'cel') return anything;
  const read = readSyntax(spec.match);
  return read.ok ? express(read.syntax, knowledge) : anything;
}

const everything: Truth = { whenTrue: always, whenFalse: [], isExact: true, isAboutRequests: false };
const anything: Truth = { whenTrue: always, whenFalse: always, isExact: false, isAboutRequests: false };

interface ActionPlace {
  readonly action: ResolvedAction;
  readonly match: Truth;
  readonly knowledge: Knowledge;
  readonly quotas: ReadonlyMap<string, AskedQuota>;
}

/** What an action decides and what it reports are two things. */
function planAction(rule: ResolvedRule, place: ActionPlace): readonly RulePlan[] {
  const phases = new Set(place.action.instances.map(({ phase }) => phase));
  const report: RulePlan = { where: 'report', reason: 'reports are sent when a call is over' };
  const reports = phases.delete('REPORT') && place.action.handler !== undefined ? [report] : [];
  const isDecisive = phases.has('CHECK') || phases.has('QUOTA') || phases.has('UNKNOWN');
  return isDecisive || reports.length === 0 ? [planDecision(rule, place, phases), ...reports] : reports;
}

function planDecision(rule: ResolvedRule, place: ActionPlace, phases: ReadonlySet<string>): RulePlan {
  const { spec } = rule;
  const { action, match } = place;
  if (action.handler === undefined)
    return byCall(match, `there is no handler ${action.reference}: the rule fails as it says`);
  if (phases.has('UNKNOWN')) return byCall(match, 'an instance is not there: the rule fails as it says');
  if (phases.has('QUOTA'))
    return phases.has('CHECK') ? byCall(match, 'it checks and takes from a quota') : planQuota(rule, place);
  if (!phases.has('CHECK'))
    return { where: 'nowhere', reason: 'it only adds attributes, for rules that need them' };
  if (hasOperations({ spec })) return byCall(match, 'its header operations depend on the answer');
  if (spec.sampling !== undefined) return byCall(match, 'it is sampled');
  if (!match.isExact) return byCall(match, 'its match asks for what the proxy does not know');
  return planCheck(action.handler, place);
}

const hasOperations = ({ spec }: Pick<ResolvedRule, 'spec'>): boolean =>
  spec.requestHeaderOperations.length + spec.responseHeaderOperations.length > 0;

const byCall = ({ whenTrue: alternatives, isAboutRequests, isExact }: Truth, reason: string): RulePlan => ({
  where: 'call',
  alternatives,
  isAboutRequests: isExact && isAboutRequests,
  reason,
});

function planQuota(rule: ResolvedRule, place: ActionPlace): RulePlan {
  const { action, match, quotas } = place;
  const asked = action.instances.flatMap((instance) => {
    if (instance.phase !== 'QUOTA') return [];
    const quota = quotas.get(`${instance.name}.${instance.namespace}`);
    return quota === undefined ? [] : [{ instance, quota }];
  });
  const [first, ...more] = asked;
  if (first === undefined) {
    return {
      where: 'nowhere',
      reason: 'no QuotaSpec that is bound to a service of this workload asks for its quota',
    };
  }
  const plan =
    more.length > 0 ? 'one call takes from several quotas' : assignment(rule, { ...place, ...first });
  return typeof plan === 'string' ? byCall(match, plan) : plan;
}

interface QuotaPlace extends ActionPlace {
  readonly instance: Exclude<ResolvedInstance, { phase: 'UNKNOWN' }>;
  readonly quota: AskedQuota;
}

/** A plan for the proxy, or in words why it has to be a call. */
function assignment(
  { spec }: ResolvedRule,
  { action: { handler }, match, instance, quota, knowledge }: QuotaPlace,
): RulePlan | string {
  if (handler === undefined || hasOperations({ spec })) return 'its header operations depend on the answer';
  if (spec.sampling !== undefined) return 'it is sampled';
  if (quota.problem !== undefined) return quota.problem;
  const form = quotaFormOf(handler, instance, knowledge);
  if (typeof form === 'string') return form;
  if (quota.charge === undefined) return 'what a request takes depends on the request';
  if ((spec.failurePolicy ?? 'close') === 'close' && form.countsCallers)
    return 'it fails closed and counts callers one by one: the first request of each would be refused';
  const taken = conjunction(expressClauses(quota.clauses, knowledge), match);
  if (!taken.isExact) return 'which requests take from it depends on what the proxy does not know';
  if (taken.whenTrue.length === 0)
    return { where: 'nowhere', reason: 'no request to this workload takes from it' };
  return {
    where: 'assignment',
    alternatives: taken.whenTrue,
    isAboutRequests: taken.isAboutRequests,
    quota: `${instance.name}.instance.${instance.namespace}`,
    charge: quota.charge,
    ...form,
    handler: `${handler.name}.${handler.namespace}`,
    reason: 'the proxy counts against parts of the quota that it gets beforehand',
  };
}

function planCheck(handler: PlannedObject<HandlerSpec>, { action, match, knowledge }: ActionPlace): RulePlan {
  const [instance, ...more] = action.instances;
  if (instance === undefined || instance.phase === 'UNKNOWN' || more.length > 0) {
    return byCall(match, 'one call answers for all of its instances');
  }
  const form = formOf(handler, instance, knowledge);
  return typeof form === 'string' ? byCall(match, form) : refusing(handler, form, match);
}

function refusing(
  handler: PlannedObject<HandlerSpec>,
  { refused, isAboutRequests, status, isFormatted = false }: HandlerForm,
  match: Truth,
): RulePlan {
  const alternatives = both(match.whenTrue, refused);
  if (alternatives === undefined) return byCall(match, 'it has too many alternatives for a proxy');
  if (alternatives.length === 0) return { where: 'nowhere', reason: 'its handler refuses nothing' };
  return {
    where: 'proxy',
    alternatives,
    isAboutRequests: match.isAboutRequests || isAboutRequests,
    status,
    isFormatted,
    handler: `${handler.name}.${handler.namespace}`,
    reason: 'the proxy knows all that it asks for',
  };
}
