// Traffic policies: what a subset, a host and the mesh say, merged as Istio does it.
import type { LoadBalancer, PortTrafficPolicy, SubsetSpec, TrafficPolicySpec } from '@xebec/config';
import type { PortPolicy, TrafficPolicy } from '@xebec/model';

/** A policy for all ports, and those for single ports. */
export interface PolicySet {
  readonly policy: TrafficPolicy;
  readonly portPolicies: readonly PortPolicy[];
}

const meshPolicy: TrafficPolicy = { loadBalancer: 'LEAST_REQUEST', connectionPool: {}, tls: 'auto' };

/** The policies of a host. A port's settings take the place of the host's: what they leave out is the mesh's default. */
export function policyOfHost(spec: TrafficPolicySpec | undefined): PolicySet {
  return {
    policy: over(meshPolicy, spec),
    portPolicies: (spec?.portLevelSettings ?? []).map((settings) => ofPort(settings)).sort(byPort),
  };
}

/** The policies of a subset: each field over the host's, for every port; its own port settings in their place. */
export function policyOfSubset(host: PolicySet, { trafficPolicy }: SubsetSpec): PolicySet {
  const own = trafficPolicy?.portLevelSettings ?? [];
  const inherited = host.portPolicies
    .filter(({ port }) => !own.some((settings) => settings.port === port))
    .map((policy): PortPolicy => ({ port: policy.port, ...over(policy, trafficPolicy) }));
  return {
    policy: over(host.policy, trafficPolicy),
    portPolicies: [...inherited, ...own.map((settings) => ofPort(settings))].sort(byPort),
  };
}

/** Each part that is written takes the place of the whole part below it. */
const over = (base: TrafficPolicy, spec: PortTrafficPolicy | undefined): TrafficPolicy => ({
  ...(balancing(spec?.loadBalancer) ?? balancingOf(base)),
  connectionPool: spec?.connectionPool ?? base.connectionPool,
  tls: spec?.tls ?? base.tls,
});

type Balancing = Pick<TrafficPolicy, 'loadBalancer' | 'hash' | 'hashTable'>;

const balancing = (spec: LoadBalancer | undefined): Balancing | undefined => {
  if (spec === undefined) return undefined;
  const { simple = meshPolicy.loadBalancer, ...others } = spec;
  return { loadBalancer: simple, ...others };
};

const balancingOf = ({ loadBalancer, hash, hashTable }: TrafficPolicy): Balancing => ({
  loadBalancer,
  ...(hash === undefined ? {} : { hash }),
  ...(hashTable === undefined ? {} : { hashTable }),
});

const ofPort = (settings: PortTrafficPolicy & { readonly port: number }): PortPolicy => ({
  port: settings.port,
  ...over(meshPolicy, settings),
});

const byPort = (left: PortPolicy, right: PortPolicy): number => left.port - right.port;
