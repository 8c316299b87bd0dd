// Where proxies note down what policies say of a call: the names that access logs read them by.

/** What `AUDIT` policies match: in the metadata of both RBAC filters, `KEY` is the first rule that matches. */
export const auditPrefix = 'xebec_audit_';
export const auditedRuleKey = `${auditPrefix}shadow_effective_policy_id`;
/** The same for a connection that is decided when its handshake is done, before it has sent a byte: in its filter state. */
export const auditState = 'xebec.audit';

/** What the policies of one provider match, which is what it is asked about: the same keys, for each provider its own. */
export const customPrefix = (provider: string): string => `istio_ext_authz_${provider}_`;

/** Whether a request takes from the quota of a policy: the same keys, for each policy its own. */
export const quotaPrefix = (policy: string): string => `xebec_quota_${policy}_`;

/** What policies that are only tried would say, in Istio's words: `shadow_engine_result` and `shadow_effective_policy_id`. */
export const dryRunPrefixes = { ALLOW: 'istio_dry_run_allow_', DENY: 'istio_dry_run_deny_' } as const;

/** Which service without a proxy is called: `told NAMESPACE NAME HOST`, or `asked …` where no report is wanted. */
export const outsidePrefix = 'xebec_outside_';
export const outsideKey = `${outsidePrefix}shadow_effective_policy_id`;

export const httpRbacNamespace = 'envoy.filters.http.rbac';
export const networkRbacNamespace = 'envoy.filters.network.rbac';
