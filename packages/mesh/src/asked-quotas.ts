// Which quotas requests to a workload take from. Rule: what its proxy could not tell exactly has a reason, and is asked for.

import type { ObjectKey } from '@xebec/model';
import type { AskedQuota, ResolvedRule } from '@xebec/policy';
import type { BoundQuotas, PolicyRuleReads } from './policy-rules.ts';

type Services = readonly { readonly host: string; readonly name: string; readonly namespace: string }[];

export interface Taker {
  readonly services: Services;
  readonly labels: Readonly<Record<string, string>>;
  /** The namespace of a gateway, which calls pass: what is bound to all services is not for itself. */
  readonly gatewayOf?: string;
  /** Why its proxy counts nothing by itself. */
  readonly problem?: string;
}

/** By instance, `NAME.NAMESPACE`. `rules` are all that may speak for the workload. */
export function askedQuotas(
  rules: readonly ResolvedRule[],
  taker: Taker,
  read: PolicyRuleReads,
): ReadonlyMap<string, AskedQuota> {
  const { gatewayOf = '*' } = taker;
  const namespaces = new Set(['*', gatewayOf, ...taker.services.map(({ namespace }) => namespace)]);
  const bindings = new Map([...namespaces].flatMap((namespace) => read.quotaBindings.at(namespace)));
  const found = new Map<string, AskedQuota>();
  for (const [key, written] of bindings) {
    const binding = taker.gatewayOf === undefined ? written : naming(key, written);
    const bound = taker.services.filter((service) => isBound(binding, service, taker.labels));
    if (bound.length === 0 && !isOwnPool(key, taker)) continue;
    for (const { quota, ...asked } of binding.quotas) {
      found.set(
        quota,
        found.has(quota) ? { clauses: [], problem: inSeveralWays } : { ...asked, ...partly(bound, taker) },
      );
    }
  }
  for (const quota of limitedTwice(rules)) {
    if (found.has(quota)) found.set(quota, { clauses: [], problem: 'several rules limit it together' });
  }
  return found;
}

/** Calls take from it at a gateway without a service, too. */
const isOwnPool = (key: ObjectKey, { gatewayOf }: Taker): boolean => gatewayOf !== undefined && isPool(key);

export const isPool = (key: ObjectKey): boolean => key.startsWith('QuotaPool/');

/** A pool says itself which requests take from it. */
const naming = (key: ObjectKey, { services, ...rest }: BoundQuotas): BoundQuotas => ({
  ...rest,
  services: isPool(key) ? services : services.filter(({ host, name }) => host !== undefined || name !== '*'),
});

const inSeveralWays = 'requests take from it in several ways';

const partly = (bound: Services, { services, problem }: Taker): { readonly problem?: string } =>
  problem !== undefined
    ? { problem }
    : bound.length === services.length
      ? {}
      : {
          problem: 'it is for some of the services of this workload, and the proxy does not tell them apart',
        };

/** Whether something bound to services is for one of them, at a workload with these labels. */
export const isBound = (
  { services }: Pick<BoundQuotas, 'services'>,
  { host, name, namespace }: Services[number],
  labels: Taker['labels'],
): boolean =>
  services.some((each) => {
    const isOfService =
      each.host === undefined
        ? (each.name === '*' || each.name === name) &&
          (each.namespace === '*' || each.namespace === namespace)
        : each.host === host;
    return isOfService && Object.entries(each.labels).every(([key, value]) => labels[key] === value);
  });

function limitedTwice(rules: readonly ResolvedRule[]): ReadonlySet<string> {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const instance of rules.flatMap(({ actions }) => actions).flatMap(({ instances }) => instances)) {
    if (instance.phase !== 'QUOTA') continue;
    const name = `${instance.name}.${instance.namespace}`;
    (once.has(name) ? twice : once).add(name);
  }
  return twice;
}
