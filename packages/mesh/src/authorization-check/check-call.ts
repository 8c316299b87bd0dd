// The answer to a question about policies: the call as the workload's proxy would see it, and what is decided about it.
import { isIpAddress } from '@xebec/config';
import { type AuthorizationPolicy, type Cause, isAskable } from '@xebec/model';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { trustDomainsOf } from '../settings.ts';
import type { Acceptance } from './acceptances.ts';
import { some } from './call.ts';
import { type CallContext, callOf, type EarlyReason, pathSeen, speaksHttp } from './call-as-seen.ts';
import { type CheckedPolicy, type Judgement, judge } from './decide.ts';
import { findCaller, findTargets } from './parties.ts';
import type {
  AnswerReason,
  AuthorizationAnswer,
  AuthorizationQuestion,
  CheckScene,
  ConsideredPolicy,
  WorkloadAnswer,
} from './question.ts';
import { readToken } from './tokens.ts';

/** Fails for names that nothing has, and for what no call can be. */
export function checkCall(question: AuthorizationQuestion, scene: CheckScene): Result<AuthorizationAnswer> {
  const bad = problemOf(question);
  if (bad !== undefined) return fail(bad);
  const caller = findCaller(question.from, scene);
  if (!caller.ok) return caller;
  const targets = findTargets(question, scene);
  if (!targets.ok) return targets;
  const workloads = targets.value.map((target) =>
    answerOf(question, { caller: caller.value, target, scene }),
  );
  const [first] = workloads;
  const decisive =
    workloads.find(({ decision }) => decision === 'DENY') ??
    workloads.find(({ decision }) => decision === 'CUSTOM') ??
    first;
  if (decisive === undefined) throw new Error('a target is a workload');
  const notes = [
    ...new Set(targets.value.flatMap((target) => notesOn(question, { caller: caller.value, target, scene }))),
  ];
  return succeed({ ...decisive, notes, workloads });
}

const invalid = (message: string, remedy: string): Diagnostic => ({
  severity: 'error',
  code: 'invalid-question',
  message,
  remedy,
});

function problemOf({ ip, headers = [] }: AuthorizationQuestion): Diagnostic | undefined {
  if (ip !== undefined && !isIpAddress(ip))
    return invalid(`"${ip}" is no address`, 'write one such as 10.0.0.7 or fd00::7');
  const odd = headers.find(([name]) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name));
  return odd === undefined ? undefined : invalid(`"${odd[0]}" is no name of a header`, 'write NAME=VALUE');
}

function answerOf(question: AuthorizationQuestion, context: CallContext): WorkloadAnswer {
  const { target, scene } = context;
  const { workload } = target;
  const accepted = scene.mesh.acceptances(workload);
  const call = callOf(question, { ...context, accepted });
  const early = typeof call === 'string' ? call : undefined;
  if (typeof call === 'string') {
    const [cause] =
      early === 'mutual-tls-required'
        ? accepted.peer.causes
        : early === 'bad-token'
          ? tokenCauses(question, accepted, scene)
          : [];
    return { workload: workload.object, ...endedBy(call, cause) };
  }
  const judgement = judge(accepted.authorization, { call, trustDomains: trustDomainsOf(scene.settings) });
  return { workload: workload.object, ...answerBy(judgement) };
}

/** Which rule would have had to accept the token. */
function tokenCauses(
  question: AuthorizationQuestion,
  { authentication }: Acceptance,
  scene: CheckScene,
): readonly Cause[] {
  const token = readToken(question, authentication, scene);
  return token.kind === 'refused' && token.cause !== undefined ? [token.cause] : [];
}

function endedBy(reason: EarlyReason, cause: Cause | undefined): Omit<WorkloadAnswer, 'workload'> {
  const decision = reason === 'not-enforced' ? 'ALLOW' : 'DENY';
  const by = cause === undefined ? {} : { policy: cause.object, cause };
  return { decision, reason, ...by, unknown: [], considered: [] };
}

function answerBy({ decision, by: found, unknown, considered }: Judgement): Omit<WorkloadAnswer, 'workload'> {
  const shown = considered.map(shownPolicy);
  const base = { decision, unknown, considered: shown };
  if (found === undefined) {
    const isOpen = decision === 'ALLOW';
    return { ...base, reason: isOpen ? 'no-policy' : unknown.length > 0 ? 'undecided' : 'nothing-allows' };
  }
  const reason: AnswerReason = unknown.length > 0 ? 'undecided' : 'rule';
  const { policy, rule } = found;
  const by = { policy: policy.object, rule: rule.index, cause: rule.rule.cause };
  return { ...base, reason, ...by, ...(reason === 'rule' ? askedBy(policy, decision) : {}) };
}

function askedBy(
  { provider }: AuthorizationPolicy,
  decision: Judgement['decision'],
): Pick<WorkloadAnswer, 'provider' | 'providerProblem'> {
  if (provider === undefined) return {};
  const { name } = provider;
  if (decision === 'CUSTOM') return { provider: name };
  const overTcp = 'connections are asked about over gRPC only, and this provider is asked over HTTP';
  return { provider: name, providerProblem: isAskable(provider) ? overTcp : provider.problem };
}

const shownPolicy = ({ policy, rules }: CheckedPolicy): ConsideredPolicy => ({
  policy: policy.object,
  action: policy.action,
  ...(policy.isDryRun === undefined ? {} : { isDryRun: policy.isDryRun }),
  matches: some(rules.map(({ matches }) => matches)),
  rules: rules.map(({ index, matches, failed, unknown, rule }) => ({
    rule: index,
    matches,
    ...(failed === undefined ? {} : { failed }),
    unknown,
    cause: rule.cause,
  })),
});

function notesOn(question: AuthorizationQuestion, context: CallContext): readonly string[] {
  const { path, method, host, headers = [] } = question;
  const { target } = context;
  if (!speaksHttp(target)) {
    const isHttp = path !== undefined || method !== undefined || host !== undefined || headers.length > 0;
    const port = target.port === undefined ? 'the port' : `port ${target.port}`;
    return isHttp ? [`${port} speaks ${target.protocol}: there are no requests to look at`] : [];
  }
  const seen = path === undefined ? undefined : pathSeen(path, context);
  const { note } = readToken(
    question,
    context.scene.mesh.acceptances(target.workload).authentication,
    context.scene,
  );
  return [
    ...(seen === undefined || seen === path ? [] : [`policies see the path ${seen}`]),
    ...(note === undefined ? [] : [note]),
  ];
}
