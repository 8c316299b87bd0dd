// Retries of a rule as Envoy's retry policy.
import type { Retry } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { RetryPolicySchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { PreviousHostsPredicateSchema } from '@xebec/protos/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { PreviousPrioritiesConfigSchema } from '@xebec/protos/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

/** Of two endpoints a balancer chooses the tried one again half of the times; this often it does not. */
const maxHostSelections = 20n;

/** A retry prefers endpoints that were not tried yet. */
const otherHosts = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  configType: { case: 'typedConfig' as const, value: anyOf(PreviousHostsPredicateSchema, {}) },
};

/** After two attempts a retry goes to localities of another priority. */
const otherPriorities = {
  name: 'envoy.retry_priorities.previous_priorities',
  configType: {
    case: 'typedConfig' as const,
    value: anyOf(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }),
  },
};

/**
 * Status codes among the conditions become retriable status codes, as in Istio. None are retried that nobody named:
 * an application's 503 may come after it has done the work.
 */
export function encodeRetryPolicy(retry: Retry): Fields<typeof RetryPolicySchema> {
  const conditions = retry.retryOn
    .split(',')
    .map((condition) => condition.trim())
    .filter((text) => text !== '');
  const codes = conditions.filter((condition) => /^\d{3}$/.test(condition)).map(Number);
  const named = conditions.filter((condition) => !/^\d{3}$/.test(condition));
  const isNamed = codes.length === 0 || named.includes('retriable-status-codes');
  return {
    retryOn: [...named, ...(isNamed ? [] : ['retriable-status-codes'])].join(','),
    numRetries: retry.attempts,
    retriableStatusCodes: codes,
    hostSelectionRetryMaxAttempts: maxHostSelections,
    retryHostPredicate: (retry.retryIgnorePreviousHosts ?? true) ? [otherHosts] : [],
    ...(retry.retryRemoteLocalities ? { retryPriority: otherPriorities } : {}),
    ...(retry.perTryTimeoutMs === undefined ? {} : { perTryTimeout: durationOf(retry.perTryTimeoutMs) }),
    ...(retry.backoffMs === undefined
      ? {}
      : {
          retryBackOff: {
            baseInterval: durationOf(retry.backoffMs),
            maxInterval: durationOf(retry.backoffMs * 10),
          },
        }),
  };
}
