// Policies on a connection. Who may not come in hears nothing, not even from a server that speaks first.
import { create } from '@bufbuild/protobuf';
import { type Authorization, isDecisive, type ProxyNode } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import {
  type FilterStateValue,
  FilterStateValueSchema,
} from '@xebec/protos/envoy/extensions/filters/common/set_filter_state/v3/value_pb';
import { ConfigSchema } from '@xebec/protos/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb';
import type { ProxySettings } from '../inputs.ts';
import { networkFilter } from '../listeners/addresses.ts';
import type { ConnectionTarget } from '../listeners/connection-target.ts';
import { encodeAccessLog, encodeConnectionLog } from '../telemetry/access-log.ts';
import { trustDomainsOf } from '../trust-domains.ts';
import { anyExpression, type Peer, policyExpression, quoted } from './expressions.ts';
import { networkAuthorization } from './filters.ts';
import { type RuleAction, rulesFor } from './rules.ts';
import { auditState } from './verdict-names.ts';

export interface ConnectionAuthorization {
  /** They come before whatever acts on the connection's bytes. */
  readonly filters: readonly Filter[];
  /**
   * When it is known whether the server may be dialled. `handshake`: at once, and the filters name the cluster if it may;
   * `first-byte`: the client must speak first. Absent: there is no policy.
   */
  readonly decided?: 'handshake' | 'first-byte';
  readonly accessLog: readonly AccessLog[];
}

export interface ConnectionContext {
  readonly settings: ProxySettings;
  readonly proxy: Pick<ProxyNode, 'choosesAfterHandshake'>;
  /** Who is known to be at the other end; `unclear`: only Envoy's own rules can tell. */
  readonly peer: Peer | 'unclear';
  readonly cluster: ConnectionTarget;
}

export function authorizeConnection(
  authorization: Authorization,
  context: ConnectionContext,
): ConnectionAuthorization {
  const { settings, cluster } = context;
  const rbac = networkAuthorization(authorization, trustDomainsOf(settings));
  const audit = auditMarks(authorization, context);
  if (!authorization.some(isDecisive))
    return { filters: [...audit, ...rbac], accessLog: encodeAccessLog(settings.accessLog) };
  const verdict = verdictOf(authorization, context);
  if (verdict === undefined || typeof cluster !== 'string') {
    return {
      filters: [...audit, ...rbac],
      decided: 'first-byte',
      accessLog: encodeAccessLog(settings.accessLog),
    };
  }
  return {
    filters: [...audit, choice(verdict, cluster), ...rbac],
    decided: 'handshake',
    accessLog: encodeConnectionLog(settings.accessLog, reason),
  };
}

/** Where the verdict on a connection is kept: this, or why it is refused. */
const verdictKey = 'xebec.verdict';
const allowed = '-';

const reason = `%COALESCE(${JSON.stringify({
  operators: ['CONNECTION_TERMINATION_DETAILS', { command: 'FILTER_STATE', param: `${verdictKey}:PLAIN` }],
})})%`;

/** Envoy parses expressions to a depth of 32, and each name takes one of them. */
const mostNamed = 8;
/** Of the letters that one expression may have; Envoy takes 100,000. */
const mostLetters = 30_000;

/** The rules of one action as expressions, by their names; undefined where there are none, or where none can be made. */
function expressionsOf(
  authorization: Authorization,
  action: RuleAction,
  { settings, proxy, peer }: Omit<ConnectionContext, 'cluster'>,
): Named | undefined {
  if (peer === 'unclear' || proxy.choosesAfterHandshake !== true) return undefined;
  const context = { trustDomains: trustDomainsOf(settings), protocol: 'tcp' } as const;
  const found = rulesFor(authorization, action, context);
  if (found === undefined) return undefined;
  return Object.entries(found.policies).map(
    ([name, policy]) => [name, policyExpression(policy, peer)] as const,
  );
}

/** Marks a connection that is audited, before it has sent anything: who is greeted and says nothing has been there, too. */
export function auditMarks(
  authorization: Authorization,
  context: Omit<ConnectionContext, 'cluster'>,
): readonly Filter[] {
  const audited = expressionsOf(authorization, 'AUDIT', context);
  if (audited === undefined || audited.length === 0) return [];
  const rule = shortEnough(choiceOf(audited, (name) => name, quoted('')));
  return rule === undefined
    ? []
    : [atHandshake([{ ...stateValue(auditState, rule), factoryKey: 'envoy.string' }])];
}

/** The expression that yields `allowed`, or the refusal in the words of Envoy's own rules. */
function verdictOf(authorization: Authorization, context: ConnectionContext): string | undefined {
  if (context.peer === 'unclear' || context.proxy.choosesAfterHandshake !== true) return undefined;
  // Providers are asked at the client's first byte.
  if (authorization.some(({ action }) => action === 'CUSTOM' || action === 'QUOTA')) return undefined;
  const decisive = authorization.filter(isDecisive);
  const matches = (action: RuleAction) => expressionsOf(decisive, action, context);
  const allow = matches('ALLOW');
  const rest =
    allow === undefined
      ? quoted(allowed)
      : choose(anyExpression(allow.map(([, one]) => one)), allowed, refusal('none'));
  return shortEnough(choiceOf(matches('DENY') ?? [], refusal, rest));
}

type Named = readonly (readonly [string, string | undefined])[];

/** The word of the first that matches, else the rest. */
function choiceOf(
  rules: Named,
  word: (name: string) => string,
  rest: string | undefined,
): string | undefined {
  const all: Named =
    rules.length > mostNamed ? [['several', anyExpression(rules.map(([, one]) => one))]] : rules;
  return all.reduceRight<string | undefined>((next, [name, expression]) => {
    if (next === undefined || expression === undefined) return undefined;
    return `(${expression} ? ${quoted(word(name))} : ${next})`;
  }, rest);
}

const refusal = (name: string): string => `rbac_access_denied_matched_policy[${name}]`;

const choose = (test: string | undefined, yes: string, no: string): string | undefined =>
  test === undefined ? undefined : `(${test} ? ${quoted(yes)} : ${quoted(no)})`;

const shortEnough = (expression: string | undefined): string | undefined =>
  expression === undefined || expression.length > mostLetters ? undefined : expression;

/** An expression that fails yields nothing, and without a verdict no cluster is named. */
const choice = (verdict: string, cluster: string): Filter =>
  atHandshake([
    { ...stateValue(verdictKey, verdict), factoryKey: 'envoy.string' },
    stateValue(
      'envoy.tcp_proxy.cluster',
      `filter_state[${quoted(verdictKey)}] == b${quoted(allowed)} ? ${quoted(cluster)} : ${quoted('')}`,
    ),
  ]);

const atHandshake = (onDownstreamTlsHandshake: FilterStateValue[]): Filter =>
  networkFilter('envoy.filters.network.set_filter_state', anyOf(ConfigSchema, { onDownstreamTlsHandshake }));

const stateValue = (objectKey: string, expression: string): FilterStateValue =>
  create(FilterStateValueSchema, {
    key: { case: 'objectKey', value: objectKey },
    skipIfEmpty: true,
    value: {
      case: 'formatString',
      value: {
        omitEmptyValues: true,
        format: {
          case: 'textFormatSource',
          value: { specifier: { case: 'inlineString', value: `%CEL(${expression})%` } },
        },
      },
    },
  });
