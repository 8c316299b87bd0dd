// Quotas that a proxy can count by itself, with parts that the policy service hands out beforehand. Rule: what is not the same for every request, or not known to the proxy, is left to a call, and the reason says which it is.
import type { HandlerSpec, InstanceSpec, TextMatch } from '@xebec/config';
import { parseMemquota } from '../adapters/memquota/parameters.ts';
import { parseRedisquota } from '../adapters/redisquota/parameters.ts';
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import type { Syntax } from '../expressions/istio/syntax.ts';
import type { Limit } from '../quotas/limit.ts';
import { PoolParameters } from '../quotas/pools/parameters.ts';
import { fullName } from '../quotas/quota-handler.ts';
import type { Knowledge } from './express.ts';
import type { PlannedObject } from './plan-rule.ts';

/** How requests to one workload take from a quota. */
export interface AskedQuota {
  /** Units of each request; absent: that depends on the request. */
  readonly charge?: number;
  /** Of QuotaSpecs: one of them has to hold; empty: every request takes. */
  readonly clauses: readonly Readonly<Record<string, TextMatch>>[];
  /** Why no proxy could tell which requests take from it, in words. */
  readonly problem?: string;
}

export interface QuotaForm {
  /** Each caller is counted by itself: a bucket for each identity. */
  readonly countsCallers: boolean;
  /** That holds for everybody; absent: some have others. */
  readonly limit?: bigint;
}

/** Envoy reports every five seconds: in less than two reports nothing can be handed out. */
const leastWindowMs = 10_000;

/** The form, or in words why there is none. */
export function quotaFormOf(
  handler: PlannedObject<HandlerSpec>,
  instance: PlannedObject<InstanceSpec>,
  knowledge: Knowledge,
): QuotaForm | string {
  const limits = limitsOf(handler, instance);
  if (typeof limits === 'string') return limits;
  const problem = limits.map(problemOf).find((each) => each !== undefined);
  if (problem !== undefined) return problem;
  const callers = callersIn(instance.spec, knowledge);
  if (typeof callers === 'string') return callers;
  const [limit, ...others] = limits;
  return {
    countsCallers: callers,
    ...(limit === undefined || others.length > 0 ? {} : { limit: limit.amount }),
  };
}

const exact = 'its quota is exact: every request is counted where all are';

function limitsOf(
  { namespace, spec }: PlannedObject<HandlerSpec>,
  instance: PlannedObject<InstanceSpec>,
): readonly Limit[] | string {
  const { compiledAdapter = '', params } = spec;
  if (params instanceof PoolParameters) return limitsOfPool(params);
  const parse = parsers.get(compiledAdapter.toLowerCase());
  if (parse === undefined)
    return `the adapter ${spec.compiledAdapter ?? spec.adapter ?? ''} has to be called`;
  const parsed = parse(params);
  if (!parsed.ok) return 'its handler cannot be read';
  const wanted = `${instance.name}.instance.${instance.namespace}`;
  const found = parsed.value.quotas.find(({ name }) => fullName(name, namespace) === wanted);
  if (found === undefined) return 'its handler has no such quota';
  if (found.isBestEffort !== true) return exact;
  return [found.limit, ...found.overrides.map(({ limit }) => limit)];
}

const parsers = new Map([
  ['memquota', parseMemquota],
  ['redisquota', parseRedisquota],
]);

function limitsOfPool({ spec, limit, overrides, plans }: PoolParameters): readonly Limit[] | string {
  if (spec.mode !== 'BEST_EFFORT') return exact;
  if (spec.requests.some(({ settle }) => settle !== ''))
    return 'what a request costs is known from its response';
  if (spec.requests.length > 1) return 'requests take from it in several ways';
  if (spec.sharing !== undefined) return 'consumers share it fairly, request by request';
  if (plans.length > 0) return 'plans limit it, and the proxy does not know who has which';
  return [limit, ...overrides.map((each) => each.limit)];
}

function problemOf(limit: Limit): string | undefined {
  switch (limit.kind) {
    case 'concurrency':
      return 'what is held at once is counted request by request';
    case 'fixed':
      return limit.window.kind === 'span' ? short(limit.window.ms) : undefined;
    case 'rolling':
      return short(limit.windowMs);
    case 'bucket':
      return short(limit.refillMs) ?? shallow(limit);
    case 'total':
      return undefined;
  }
}

const short = (ms: number): string | undefined =>
  ms < leastWindowMs ? 'its window is shorter than ten seconds, and proxies report every five' : undefined;

/** What flows in between two reports has to find room. */
const shallow = ({ amount, refill, refillMs }: Extract<Limit, { kind: 'bucket' }>): string | undefined =>
  amount * BigInt(refillMs) < refill * BigInt(leastWindowMs)
    ? 'its burst holds less than flows in between two reports of a proxy'
    : undefined;

/** Known to the policy service of every proxy's own workload. */
const ofDestination: ReadonlySet<string> = new Set(
  [
    'namespace',
    'name',
    'uid',
    'owner',
    'labels',
    'serviceAccount',
    'principal',
    'workload.uid',
    'workload.name',
    'workload.namespace',
  ].map((name) => `destination.${name}`),
);
const ofService = /^destination\.service\.(host|name|namespace|uid)$/;
/** The same of every identity, which certificates prove: there are no more of them than the mesh has. */
const ofCaller: ReadonlySet<string> = new Set(['source.principal', 'source.user']);

/** Whether its dimensions tell callers apart, or in words what in them the proxy cannot name. */
function callersIn({ params, language }: InstanceSpec, knowledge: Knowledge): boolean | string {
  if (language === 'cel') return 'its dimensions are written in another language';
  const names = new Set<string>();
  const dimensions = typeof params === 'object' && params !== null ? Object.values(params) : [];
  for (const each of dimensions) if (!gather(each, names)) return 'its dimensions cannot be read';
  for (const name of names) {
    if (ofCaller.has(name) || ofDestination.has(name)) continue;
    if (ofService.test(name) && isOnlyOne(knowledge)) continue;
    return isRequestsOwn(name)
      ? `a request may say any ${name}: the proxy would keep a bucket for each`
      : `the proxy does not know ${name}, by which it is counted`;
  }
  return [...names].some((name) => ofCaller.has(name));
}

function isOnlyOne(knowledge: Knowledge): boolean {
  const known = knowledge.know('destination.service.host');
  return known.kind === 'one-of' && known.values.length === 1;
}

const isRequestsOwn = (name: string): boolean => /^(request|api|connection)\./.test(name);

/** All attributes of the expressions in it; false where one is none. */
function gather(value: unknown, names: Set<string>): boolean {
  if (typeof value === 'string') {
    const read = readSyntax(value);
    if (read.ok) visit(read.syntax, names);
    return read.ok;
  }
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((part) => gather(part, names));
}

function visit(syntax: Syntax, names: Set<string>): void {
  if (syntax.kind === 'attribute') names.add(syntax.name);
  if (syntax.kind !== 'call') return;
  for (const part of [syntax.target, ...syntax.args]) if (part !== undefined) visit(part, names);
}
