// The filters that enforce policies, for requests and for connections: what is audited, asked about, denied, allowed, then counted.
import { create } from '@bufbuild/protobuf';
import {
  type Authorization,
  type AuthorizationPolicy,
  type AuthorizationProvider,
  type AuthorizationRule,
  isAskable,
  isDecisive,
  type MissingProvider,
} from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { RBACSchema as HttpRbacSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { RBACSchema as NetworkRbacSchema } from '@xebec/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { networkFilter } from '../listeners/addresses.ts';
import { countRequest, type QuotaBucket } from '../quotas/bucket-filter.ts';
import { askAboutConnection, askAboutRequest, policiesByProvider } from './ask-provider.ts';
import { type RuleContext, type Rules, rulesFor } from './rules.ts';
import { auditPrefix, customPrefix, dryRunPrefixes, quotaPrefix } from './verdict-names.ts';

/** One RBAC filter: what it enforces, and what it only notes down. */
interface Rbac {
  readonly rules?: Rules;
  readonly shadowRules?: Rules;
  readonly shadowRulesStatPrefix?: string;
  readonly trackPerRuleStats?: boolean;
}

type Guard =
  | { readonly kind: 'rules'; readonly rbac: Rbac }
  | {
      readonly kind: 'ask';
      readonly provider: AuthorizationProvider;
      /** Quotas that the proxy counts by itself. */
      readonly assigned: readonly string[];
    }
  | { readonly kind: 'count'; readonly bucket: QuotaBucket };

const noted = (shadowRules: Rules, shadowRulesStatPrefix: string): Guard => ({
  kind: 'rules',
  rbac: { shadowRules, shadowRulesStatPrefix },
});
const enforced = (rules: Rules): Guard => ({ kind: 'rules', rbac: { rules } });

/** In the order in which they are asked: whatever comes of a call, it has been marked for the audit before. */
function guardsOf(written: Authorization, context: RuleContext): readonly Guard[] {
  const authorization = written.map((policy) => askedAbout(policy, context));
  const audited = rulesFor(authorization, 'AUDIT', context);
  const assigned = authorization.flatMap(({ quota }) => (quota === undefined ? [] : [quota.name]));
  return [
    ...(audited === undefined ? [] : [noted(audited, auditPrefix)]),
    ...policiesByProvider(authorization).flatMap(([provider, policies]) =>
      askingGuards(provider, { rules: rulesFor(policies, 'CUSTOM', context), assigned, context }),
    ),
    ...(['DENY', 'ALLOW'] as const).flatMap((action) => decisions(authorization, action, context)),
    // Only what nobody has refused takes from a quota.
    ...authorization.flatMap((policy) => countingGuards(policy, context)),
  ];
}

/** Connections are not counted in the proxy, and nothing is where nobody can assign a part. */
function askedAbout(policy: AuthorizationPolicy, { protocol }: RuleContext): AuthorizationPolicy {
  const { quota, ...rest } = policy;
  if (quota === undefined || (protocol === 'http' && rest.provider !== undefined && isAskable(rest.provider)))
    return policy;
  return { ...rest, action: 'CUSTOM' };
}

function countingGuards(policy: AuthorizationPolicy, context: RuleContext): readonly Guard[] {
  const { quota, provider, rules } = policy;
  if (quota === undefined || provider === undefined || !isAskable(provider)) return [];
  const bucket = { quota, provider };
  if (rules.some(isOfEveryCall)) return [{ kind: 'count', bucket }];
  const taken = rulesFor([policy], 'QUOTA', context);
  if (taken === undefined) return [];
  const takenPrefix = quotaPrefix(policy.name);
  return [noted(taken, takenPrefix), { kind: 'count', bucket: { ...bucket, takenPrefix } }];
}

const isOfEveryCall = ({ clients, requests, conditions }: AuthorizationRule): boolean =>
  clients.length + requests.length + conditions.length === 0;

/** What policies of one action decide, and what those would that are only tried. */
function decisions(
  authorization: Authorization,
  action: 'DENY' | 'ALLOW',
  context: RuleContext,
): readonly Guard[] {
  const rules = rulesFor(authorization.filter(isDecisive), action, context);
  const tried = rulesFor(
    authorization.filter(({ isDryRun }) => isDryRun === true),
    action,
    context,
  );
  if (tried === undefined) return rules === undefined ? [] : [enforced(rules)];
  const rbac = { shadowRules: tried, shadowRulesStatPrefix: dryRunPrefixes[action] };
  // Rules of requests are counted one by one; Envoy has no such counters for connections.
  const counted = context.protocol === 'http' ? { trackPerRuleStats: true } : {};
  return [{ kind: 'rules', rbac: { ...(rules === undefined ? {} : { rules }), ...rbac, ...counted } }];
}

interface Asking {
  readonly rules: Rules | undefined;
  readonly assigned: readonly string[];
  readonly context: RuleContext;
}

/** Where nobody can be asked, what is to be asked about is refused. */
function askingGuards(
  provider: AuthorizationProvider | MissingProvider,
  { rules, assigned, context: { protocol } }: Asking,
): readonly Guard[] {
  if (rules === undefined) return [];
  if (!isAskable(provider) || (protocol === 'tcp' && provider.protocol !== 'grpc')) return [enforced(rules)];
  return [noted(rules, customPrefix(provider.name)), { kind: 'ask', provider, assigned }];
}

/** For a chain that speaks HTTP. */
export const httpAuthorization = (
  authorization: Authorization,
  trustDomains: readonly string[],
): readonly HttpFilter[] => guardsOf(authorization, { trustDomains, protocol: 'http' }).map(httpGuard);

function httpGuard(guard: Guard): HttpFilter {
  switch (guard.kind) {
    case 'ask':
      return askAboutRequest(guard.provider, guard.assigned);
    case 'count':
      return countRequest(guard.bucket);
    case 'rules':
      return create(HttpFilterSchema, {
        name: 'envoy.filters.http.rbac',
        configType: { case: 'typedConfig', value: anyOf(HttpRbacSchema, guard.rbac) },
      });
  }
}

/** For a chain that only sees a connection: it has to come before whatever acts on its bytes. */
export const networkAuthorization = (
  authorization: Authorization,
  trustDomains: readonly string[],
): readonly Filter[] =>
  guardsOf(authorization, { trustDomains, protocol: 'tcp' }).flatMap((guard) => networkGuard(guard));

function networkGuard(guard: Guard): readonly Filter[] {
  switch (guard.kind) {
    case 'ask':
      return [askAboutConnection(guard.provider)];
    case 'count':
      return [];
    case 'rules':
      return [
        networkFilter(
          'envoy.filters.network.rbac',
          anyOf(NetworkRbacSchema, { statPrefix: 'tcp.', ...guard.rbac }),
        ),
      ];
  }
}
