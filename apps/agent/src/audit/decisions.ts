// What was decided about a call and by which rule, out of the words in which proxies say so.
import type { AuditedRule, CallRecord } from '@xebec/journal-file';
import type { AccessLogCommon, HTTPAccessLogEntry } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';

export type Decision = Pick<CallRecord, 'decision' | 'by' | 'reason' | 'audit'>;

const httpRules = 'envoy.filters.http.rbac';
const networkRules = 'envoy.filters.network.rbac';
const auditedRule = 'xebec_audit_shadow_effective_policy_id';

/** `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`; anything else names no rule. */
export function ruleOf(name: string): AuditedRule | undefined {
  const [, namespace, policy, rule] =
    /^ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[(\d{1,6})\]$/.exec(name) ?? [];
  if (namespace === undefined || policy === undefined) return undefined;
  return { policy: `AuthorizationPolicy/${namespace}/${policy}`, rule: Number(rule) };
}

/** The first rule of an AUDIT policy that matched; undefined: none did. */
export function markOf(common: AccessLogCommon): AuditedRule | undefined {
  const name =
    metadataOf(common, httpRules, auditedRule) ??
    metadataOf(common, networkRules, auditedRule) ??
    common.customTags['audit'];
  if (name === undefined || name === '' || name === '-') return undefined;
  // Where too many rules hold to tell them apart, it is one of them all the same.
  return ruleOf(name) ?? { policy: 'AuthorizationPolicy' };
}

export function decisionOfRequest({ commonProperties: common, response }: HTTPAccessLogEntry): Decision {
  const details = response?.responseCodeDetails ?? '';
  const audit = common === undefined ? undefined : markOf(common);
  const marked = audit === undefined ? {} : { audit };
  const denial = denialOf(details);
  if (denial !== undefined) return { ...denial, ...marked };
  if (details.startsWith('jwt_authn_access_denied'))
    return { decision: 'denied', reason: details.slice(0, mostOfReason), ...marked };
  if (isRefusedElsewhere(common)) return { ...refusedElsewhere(common, httpRules, details), ...marked };
  return { decision: 'allowed', ...allowedBy(common, httpRules), ...marked };
}

export function decisionOfConnection(common: AccessLogCommon): Decision {
  const audit = markOf(common);
  const marked = audit === undefined ? {} : { audit };
  const denial =
    denialOf(common.connectionTerminationDetails) ?? denialOf(common.customTags['verdict'] ?? '');
  if (denial !== undefined) return { ...denial, ...marked };
  if (isRefusedElsewhere(common)) {
    const details = common.connectionTerminationDetails;
    return { ...refusedElsewhere(common, networkRules, details), ...marked };
  }
  return { decision: 'allowed', ...allowedBy(common, networkRules), ...marked };
}

/** A provider of CUSTOM policies was asked, and said no. */
const isRefusedElsewhere = (common: AccessLogCommon | undefined): common is AccessLogCommon =>
  common?.responseFlags?.unauthorizedDetails !== undefined;

const askedRule = /^istio_ext_authz_.*_shadow_effective_policy_id$/;

/** By the policy that had the provider asked; where several had, which of them is not told. */
function refusedElsewhere(common: AccessLogCommon, namespace: string, details: string): Decision {
  const keys = Object.keys(common.metadata?.filterMetadata[namespace] ?? {}).filter((key) =>
    askedRule.test(key),
  );
  const [key] = keys;
  const by =
    key === undefined || keys.length > 1 ? undefined : ruleOf(metadataOf(common, namespace, key) ?? '');
  const reason = details.slice(0, mostOfReason) || 'the provider said no';
  return { decision: 'denied', ...(by === undefined ? {} : { by }), reason };
}

const mostOfReason = 500;

/** Names that are of no rule. */
const reasons: Readonly<Record<string, string>> = {
  none: 'no ALLOW policy matches',
  several: 'a DENY policy matches',
  'several-identities': 'the certificate has several names',
};

/** In the words of Envoy's RBAC, which are also ours. */
function denialOf(details: string): Decision | undefined {
  const [, name] = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(details) ?? [];
  if (name === undefined) return undefined;
  const by = ruleOf(name);
  if (by !== undefined) return { decision: 'denied', by };
  return { decision: 'denied', reason: reasons[name] ?? `refused as ${name}` };
}

function allowedBy(common: AccessLogCommon | undefined, namespace: string): { readonly by?: AuditedRule } {
  if (common === undefined || metadataOf(common, namespace, 'enforced_engine_result') !== 'allowed')
    return {};
  const by = ruleOf(metadataOf(common, namespace, 'enforced_effective_policy_id') ?? '');
  return by === undefined ? {} : { by };
}

function metadataOf(common: AccessLogCommon, namespace: string, key: string): string | undefined {
  const value = common.metadata?.filterMetadata[namespace]?.[key];
  return typeof value === 'string' ? value : undefined;
}
