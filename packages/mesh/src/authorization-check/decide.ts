// What the policies of a workload say to a call: what denies first, then what allows. What cannot be known is denied.
import type { Authorization, AuthorizationPolicy } from '@xebec/model';
import type { CheckedCall } from './call.ts';
import { type CheckedRule, checkRules } from './rules.ts';

export interface CheckedPolicy {
  readonly policy: AuthorizationPolicy;
  readonly rules: readonly CheckedRule[];
}

export interface Judgement {
  readonly decision: 'ALLOW' | 'DENY';
  /** Absent: no policy holds there, or none of those that allow matches. */
  readonly by?: { readonly policy: AuthorizationPolicy; readonly rule: CheckedRule };
  /** What the call would have to say for it to be decided; it is denied until then. */
  readonly unknown: readonly string[];
  readonly considered: readonly CheckedPolicy[];
}

export function judge(
  authorization: Authorization,
  context: { readonly call: CheckedCall; readonly trustDomain: string },
): Judgement {
  const considered = authorization.map((policy) => ({ policy, rules: checkRules(policy, context) }));
  const of = (action: string) => considered.filter(({ policy }) => policy.action === action);
  const denying = of('DENY');
  const allowing = of('ALLOW');
  const denial = firstOf(denying, 'yes');
  if (denial !== undefined) return { decision: 'DENY', by: denial, unknown: [], considered };
  const allowance = firstOf(allowing, 'yes');
  const isAllowed = allowing.length === 0 || allowance !== undefined;
  const undecided = isAllowed ? denying : allowing;
  const unknown = [...unknownIn(undecided), ...unknownActions(authorization)];
  const guess = firstOf(undecided, 'unknown');
  const by = isAllowed && unknown.length === 0 ? allowance : guess;
  const decision = isAllowed && unknown.length === 0 ? 'ALLOW' : 'DENY';
  return { decision, ...(by === undefined ? {} : { by }), unknown, considered };
}

const knownActions: ReadonlySet<string> = new Set(['ALLOW', 'DENY', 'AUDIT']);

const unknownActions = (authorization: Authorization): readonly string[] =>
  authorization
    .filter(({ action }) => !knownActions.has(action))
    .map(({ action, object }) => `what ${object} does (${action})`);

const unknownIn = (policies: readonly CheckedPolicy[]): readonly string[] => [
  ...new Set(policies.flatMap(({ rules }) => rules.flatMap(({ unknown }) => unknown))),
];

/** Proxies try rules in the order of their names. */
function firstOf(policies: readonly CheckedPolicy[], matches: CheckedRule['matches']): Judgement['by'] {
  const [first] = policies
    .flatMap(({ policy, rules }) => rules.map((rule) => ({ policy, rule })))
    .filter(({ rule }) => rule.matches === matches)
    .sort((left, right) => (left.rule.name < right.rule.name ? -1 : 1));
  return first;
}
