// The answer to a question about policies: the call as the workload's proxy would see it, and what is decided about it.
import { isIpAddress } from '@xebec/config';
import type { Cause } from '@xebec/model';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { modeOfPort } from '../peer-policies.ts';
import type { Acceptance } from './acceptances.ts';
import { type CheckedCall, type CheckedRequest, some } from './call.ts';
import { type CheckedPolicy, type Judgement, judge } from './decide.ts';
import { type Caller, findCaller, findTargets, type Target } from './parties.ts';
import { normalizePath } from './paths.ts';
import type {
  AnswerReason,
  AuthorizationAnswer,
  AuthorizationQuestion,
  CheckScene,
  ConsideredPolicy,
  WorkloadAnswer,
} from './question.ts';

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
  const decisive = workloads.find(({ decision }) => decision === 'DENY') ?? first;
  if (decisive === undefined) throw new Error('a target is a workload');
  const notes = [...new Set(targets.value.flatMap((target) => notesOn(question, target, scene)))];
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

interface CallContext {
  readonly caller: Caller;
  readonly target: Target;
  readonly scene: CheckScene;
}

function answerOf(question: AuthorizationQuestion, context: CallContext): WorkloadAnswer {
  const { target, scene } = context;
  const { workload } = target;
  const accepted = scene.mesh.acceptances(workload);
  const call = callOf(question, { ...context, accepted });
  const early = typeof call === 'string' ? call : undefined;
  if (typeof call === 'string') {
    const [cause] = early === 'mutual-tls-required' ? accepted.peer.causes : [];
    return { workload: workload.object, ...endedBy(call, cause) };
  }
  const judgement = judge(accepted.authorization, { call, trustDomain: scene.settings.trustDomain });
  return { workload: workload.object, ...answerBy(judgement) };
}

/** What is decided before policies are asked. */
type EarlyReason =
  | 'not-enforced'
  | 'mutual-tls-required'
  | 'foreign-identity'
  | 'bad-request'
  | 'unproven-datagram';

function endedBy(reason: EarlyReason, cause: Cause | undefined): Omit<WorkloadAnswer, 'workload'> {
  const decision = reason === 'not-enforced' ? 'ALLOW' : 'DENY';
  const by = cause === undefined ? {} : { policy: cause.object, cause };
  return { decision, reason, ...by, unknown: [], considered: [] };
}

function answerBy({ decision, by, unknown, considered }: Judgement): Omit<WorkloadAnswer, 'workload'> {
  const shown = considered.map(shownPolicy);
  const base = { decision, unknown, considered: shown };
  if (by === undefined) {
    const isOpen = decision === 'ALLOW';
    return { ...base, reason: isOpen ? 'no-policy' : unknown.length > 0 ? 'undecided' : 'nothing-allows' };
  }
  const reason: AnswerReason = unknown.length > 0 ? 'undecided' : 'rule';
  const { policy, rule } = by;
  return { ...base, reason, policy: policy.object, rule: rule.index, cause: rule.rule.cause };
}

const shownPolicy = ({ policy, rules }: CheckedPolicy): ConsideredPolicy => ({
  policy: policy.object,
  action: policy.action,
  matches: some(rules.map(({ matches }) => matches)),
  rules: rules.map(({ index, matches, failed, unknown, rule }) => ({
    rule: index,
    matches,
    ...(failed === undefined ? {} : { failed }),
    unknown,
    cause: rule.cause,
  })),
});

interface AcceptedContext extends CallContext {
  readonly accepted: Acceptance;
}

function callOf(question: AuthorizationQuestion, context: AcceptedContext): CheckedCall | EarlyReason {
  const { target, scene, accepted } = context;
  const { workload, port, protocol } = target;
  if (!workload.isMeshed && workload.isGateway !== true) return 'not-enforced';
  const client = clientOf(question, context);
  if (typeof client === 'string') return client;
  const isBare = client.identity === undefined;
  if (protocol === 'udp' && isBare && accepted.authorization.length > 0) return 'unproven-datagram';
  const request = speaksHttp(target) ? requestOf(question, scene) : undefined;
  if (request === 'bad-request') return request;
  const [address] = scene.isRunning ? workload.addresses : [];
  const serverName = question.sni ?? (isBare && workload.isGateway !== true ? '' : undefined);
  return {
    client,
    destination: {
      ...(address === undefined ? {} : { address }),
      ...(port === undefined ? {} : { port }),
    },
    ...(serverName === undefined ? {} : { serverName }),
    ...(request === undefined ? {} : { http: request }),
  };
}

const speaksHttp = ({ protocol }: Target): boolean =>
  protocol === 'auto' || ['http', 'http2', 'grpc', 'grpc-web'].includes(protocol);

function clientOf(
  question: AuthorizationQuestion,
  { caller, target, scene, accepted }: AcceptedContext,
): CheckedCall['client'] | EarlyReason {
  const { workload, port } = target;
  const addresses = addressesOf(question, target, scene);
  const { identity } = caller;
  if (workload.isGateway === true)
    return { ...(identity === undefined ? {} : { identity, isUnclear: true }), ...addresses };
  const mode = port === undefined ? accepted.peer.mode : modeOfPort(accepted.peer, port);
  if (identity === undefined) return mode === 'STRICT' ? 'mutual-tls-required' : addresses;
  if (mode === 'DISABLE') return addresses;
  const isOwn = identity.startsWith(`spiffe://${scene.settings.trustDomain}/`);
  return isOwn ? { identity, ...addresses } : 'foreign-identity';
}

/** What the proxy takes for the client's address. Before a gateway others may stand that are believed. */
function addressesOf(
  { ip, headers = [] }: AuthorizationQuestion,
  target: Target,
  { settings }: CheckScene,
): Pick<CheckedCall['client'], 'address' | 'originalAddress'> {
  const isEdge = target.workload.isGateway === true;
  const trusted = settings.gatewayTopology?.trustedProxies ?? 0;
  const isForwarding = speaksHttp(target) && (isEdge ? trusted > 0 : true);
  const told = isForwarding ? forwardedFor(headers, isEdge ? trusted : 1) : undefined;
  const original = told ?? (isEdge && trusted > 0 ? undefined : ip);
  return {
    ...(ip === undefined ? {} : { address: ip }),
    ...(original === undefined ? {} : { originalAddress: original }),
  };
}

/** The address at this place from the end of `x-forwarded-for`. */
function forwardedFor(
  headers: NonNullable<AuthorizationQuestion['headers']>,
  place: number,
): string | undefined {
  const told = headers.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value);
  const address = told.join(',').split(',').at(-place)?.trim();
  return address !== undefined && isIpAddress(address) ? address : undefined;
}

function requestOf(
  question: AuthorizationQuestion,
  { settings }: CheckScene,
): CheckedRequest | 'bad-request' {
  const { method, path: written, host, headers = [] } = question;
  const path = written === undefined ? undefined : normalizePath(written, settings.pathNormalization);
  if (written !== undefined && path === undefined) return 'bad-request';
  const values: Record<string, readonly string[]> = Object.create(null);
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    values[key] = [...(values[key] ?? []), value];
  }
  const authority = (host ?? values['host']?.[0])?.replace(/\.(?=$|:\d+$)/, '');
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(authority === undefined ? {} : { host: authority }),
    headers: values,
  };
}

function notesOn(
  question: AuthorizationQuestion,
  target: Target,
  { settings }: CheckScene,
): readonly string[] {
  const { path, method, host, headers = [] } = question;
  if (!speaksHttp(target)) {
    const isHttp = path !== undefined || method !== undefined || host !== undefined || headers.length > 0;
    const port = target.port === undefined ? 'the port' : `port ${target.port}`;
    return isHttp ? [`${port} speaks ${target.protocol}: there are no requests to look at`] : [];
  }
  const normal = path === undefined ? undefined : normalizePath(path, settings.pathNormalization);
  return normal === undefined || normal === path ? [] : [`policies see the path ${normal}`];
}
