// Retries of a rule as Envoy's retry policy.
import type { Retry } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { RetryPolicySchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { PreviousHostsPredicateSchema } from '@xebec/protos/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

const maxHostSelections = 5n;

/** Status codes among the conditions become retriable status codes, as in Istio. */
export function encodeRetryPolicy(retry: Retry): Fields<typeof RetryPolicySchema> {
  const conditions = retry.retryOn
    .split(',')
    .map((condition) => condition.trim())
    .filter((text) => text !== '');
  const codes = conditions.filter((condition) => /^\d{3}$/.test(condition)).map(Number);
  const named = conditions.filter((condition) => !/^\d{3}$/.test(condition));
  const usesCodes = named.includes('retriable-status-codes');
  const retriable = codes.length > 0 ? codes : usesCodes ? [503] : [];
  return {
    retryOn: [...named, ...(codes.length > 0 && !usesCodes ? ['retriable-status-codes'] : [])].join(','),
    numRetries: retry.attempts,
    retriableStatusCodes: retriable,
    hostSelectionRetryMaxAttempts: maxHostSelections,
    retryHostPredicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        configType: { case: 'typedConfig', value: anyOf(PreviousHostsPredicateSchema, {}) },
      },
    ],
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
