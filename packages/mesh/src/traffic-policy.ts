// Traffic policies: what a subset, a host and the mesh say, merged as Istio does it.
import type { PortTrafficPolicy, SubsetSpec, TrafficPolicySpec } from '@xebec/config';
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

const over = (base: TrafficPolicy, spec: PortTrafficPolicy | undefined): TrafficPolicy => ({
  loadBalancer: spec?.loadBalancer ?? base.loadBalancer,
  connectionPool: spec?.connectionPool ?? base.connectionPool,
  tls: spec?.tls ?? base.tls,
});

const ofPort = (settings: PortTrafficPolicy & { readonly port: number }): PortPolicy => ({
  port: settings.port,
  ...over(meshPolicy, settings),
});

const byPort = (left: PortPolicy, right: PortPolicy): number => left.port - right.port;
