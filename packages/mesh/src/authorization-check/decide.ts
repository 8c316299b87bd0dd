// What the policies of a workload say to a call: who is asked, what denies, then what allows. What cannot be known is denied.
import {
  type Authorization,
  type AuthorizationAction,
  type AuthorizationPolicy,
  isAskable,
  isDecisive,
} from '@xebec/model';
import type { CheckedCall } from './call.ts';
import { type CheckedRule, checkRules } from './rules.ts';

export interface CheckedPolicy {
  readonly policy: AuthorizationPolicy;
  readonly rules: readonly CheckedRule[];
}

export interface Judgement {
  /** `CUSTOM`: nothing else refuses it, and a provider is asked. */
  readonly decision: 'ALLOW' | 'DENY' | 'CUSTOM';
  /** Absent: no policy holds there, or none of those that allow matches. */
  readonly by?: { readonly policy: AuthorizationPolicy; readonly rule: CheckedRule };
  /** What the call would have to say for it to be decided; it is denied until then. */
  readonly unknown: readonly string[];
  readonly considered: readonly CheckedPolicy[];
}

export function judge(
  authorization: Authorization,
  context: { readonly call: CheckedCall; readonly trustDomains: readonly string[] },
): Judgement {
  const considered = authorization.map((policy) => ({ policy, rules: checkRules(policy, context) }));
  const parts = partsOf(considered, context.call);
  const { refusing, asking, denying, allowing } = parts;
  const denial = firstOf(refusing, 'yes') ?? firstOf(denying, 'yes');
  if (denial !== undefined) return { decision: 'DENY', by: denial, unknown: [], considered };
  const allowance = firstOf(allowing, 'yes');
  const isAllowed = allowing.length === 0 || allowance !== undefined;
  const question = firstOf(asking, 'yes');
  const undecided = isAllowed ? undecidedOf(parts, question !== undefined) : allowing;
  const unknown = unknownIn(undecided);
  if (!isAllowed || unknown.length > 0) {
    const guess = firstOf(undecided, 'unknown');
    return { decision: 'DENY', ...(guess === undefined ? {} : { by: guess }), unknown, considered };
  }
  const by = question ?? allowance;
  const decision = question === undefined ? 'ALLOW' : 'CUSTOM';
  return { decision, ...(by === undefined ? {} : { by }), unknown, considered };
}

interface Parts {
  /** They were to ask somebody who cannot be asked: what they match is refused. */
  readonly refusing: readonly CheckedPolicy[];
  readonly asking: readonly CheckedPolicy[];
  readonly denying: readonly CheckedPolicy[];
  readonly allowing: readonly CheckedPolicy[];
}

function partsOf(considered: readonly CheckedPolicy[], { http }: CheckedCall): Parts {
  const of = (action: AuthorizationAction) =>
    considered.filter(({ policy }) => policy.action === action && isDecisive(policy));
  const canAsk = ({ policy: { provider } }: CheckedPolicy): boolean =>
    provider !== undefined && isAskable(provider) && (http !== undefined || provider.protocol === 'grpc');
  // Whether a quota has anything left is the policy service's to know.
  const custom = [...of('CUSTOM'), ...of('QUOTA')];
  return {
    refusing: custom.filter((each) => !canAsk(each)),
    asking: custom.filter(canAsk),
    denying: of('DENY'),
    allowing: of('ALLOW'),
  };
}

/** Whether somebody else would be asked, too, makes no difference. */
const undecidedOf = ({ refusing, denying, asking }: Parts, isAsked: boolean): readonly CheckedPolicy[] => [
  ...refusing,
  ...denying,
  ...(isAsked ? [] : asking),
];

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
