// What Envoy has to do with a request according to the evaluator: how it answers, whom it asks, and what it notes down on the way.
import type { AuthorizationAnswer } from '../../../../packages/mesh/src/index.ts';

export const badToken = 'a bad token';

export interface Expected {
  readonly answer: string;
  readonly isAsked: boolean;
  /** Of AUDIT policies, and of those that are only tried; `-`: nothing. */
  readonly marks: readonly string[];
}

type Considered = AuthorizationAnswer['considered'][number];

/** In the order in which proxies try them. */
const rulesOf = (considered: readonly Considered[]): readonly string[] =>
  considered
    .flatMap(({ policy, rules }) => {
      const [, namespace, name] = policy.split('/');
      return rules
        .filter(({ matches }) => matches === 'yes')
        .map(({ rule }) => `ns[${namespace}]-policy[${name}]-rule[${rule}]`);
    })
    .sort();

/** Policies that ask have the name of whom they ask at the end of their own. */
export function expectedOf(answer: AuthorizationAnswer, verdict: string): Expected {
  const { decision, reason, considered, unknown } = answer;
  const silent = { isAsked: false, marks: ['-', '-', '-'] };
  if (unknown.length > 0) return { answer: `undecided for want of ${unknown.join()}`, ...silent };
  if (reason === 'bad-request') return { answer: '400', ...silent };
  if (reason === 'bad-token') return { answer: badToken, ...silent };
  const of = (action: string, isTried: boolean, ending = '') =>
    considered.filter(
      (each) =>
        each.action === action && (each.isDryRun === true) === isTried && each.policy.endsWith(ending),
    );
  const isAsked = rulesOf(of('CUSTOM', false, '-judge')).length > 0;
  const isJudged = isAsked && verdict !== 'allow';
  const isRefused = isJudged || rulesOf(of('CUSTOM', false, '-nobody')).length > 0;
  const isDenied = isRefused || rulesOf(of('DENY', false)).length > 0;
  const [audited = '-'] = rulesOf(of('AUDIT', false));
  return {
    answer: isJudged ? '403 ext_authz_denied' : decision === 'DENY' ? denied(answer) : '200',
    isAsked,
    marks: [
      audited,
      isRefused ? '-' : tried(of('DENY', true), ['denied', 'allowed']),
      isDenied ? '-' : tried(of('ALLOW', true), ['allowed', 'denied']),
    ],
  };
}

function denied({ reason, policy, rule }: AuthorizationAnswer): string {
  const [, namespace, name] = policy?.split('/') ?? [];
  const matched = reason === 'rule' ? `ns[${namespace}]-policy[${name}]-rule[${rule}]` : 'none';
  return `403 rbac_access_denied_matched_policy[${matched}]`;
}

/** What they would say, and by which rule. */
function tried(policies: readonly Considered[], [ifSome, ifNone]: readonly [string, string]): string {
  if (policies.length === 0) return '-';
  const [rule] = rulesOf(policies);
  return rule === undefined ? ifNone : `${ifSome} ${rule}`;
}
