// Traffic policies: what a subset, a host and the mesh say, merged as Istio does it.
import type { LoadBalancer, PortTrafficPolicy, SubsetSpec, TrafficPolicySpec } from '@xebec/config';
import type { LocalitySetting, PortPolicy, Service, TrafficDistribution, TrafficPolicy } from '@xebec/model';
import type { MeshSettings } from './settings.ts';

/** A policy for all ports, and those for single ports. */
export interface PolicySet {
  readonly policy: TrafficPolicy;
  readonly portPolicies: readonly PortPolicy[];
}

/** What holds where nobody says anything. */
const meshPolicy: TrafficPolicy = {
  loadBalancer: 'LEAST_REQUEST',
  connectionPool: {},
  tls: { mode: 'auto' },
};

/** What the mesh and the service itself ask for holds until a rule says otherwise. */
export function defaultsOf(
  { sessionAffinity }: Service,
  { usesAutomaticTls = true }: MeshSettings,
): TrafficPolicy {
  return {
    ...meshPolicy,
    ...(usesAutomaticTls ? {} : { tls: { mode: 'DISABLE' } }),
    ...(sessionAffinity === undefined ? {} : { hash: { kind: 'source-ip' } }),
  };
}

/** The mesh's limits where a rule's own connection pool does not set them. */
export function settlePool(policies: PolicySet, { connectionPool }: MeshSettings): PolicySet {
  if (connectionPool === undefined) return policies;
  const settle = <P extends TrafficPolicy>(policy: P): P => ({
    ...policy,
    connectionPool: { ...connectionPool, ...policy.connectionPool },
  });
  return { policy: settle(policies.policy), portPolicies: policies.portPolicies.map(settle) };
}

/** The policies of a host. A port's settings take the place of the host's: what they leave out is the default. */
export function policyOfHost(spec: TrafficPolicySpec | undefined, defaults: TrafficPolicy): PolicySet {
  const policy = overWhole(defaults, spec);
  const portPolicies = (spec?.portLevelSettings ?? []).map((settings) => ofPort(settings, policy, defaults));
  return { policy, portPolicies: portPolicies.sort(byPort) };
}

/** The policies of a subset: each part over the host's, for every port; its own port settings in their place. */
export function policyOfSubset(
  host: PolicySet,
  { trafficPolicy }: SubsetSpec,
  defaults: TrafficPolicy,
): PolicySet {
  const own = trafficPolicy?.portLevelSettings ?? [];
  const policy = overWhole(host.policy, trafficPolicy);
  const inherited = host.portPolicies
    .filter(({ port }) => !own.some((settings) => settings.port === port))
    .map((base): PortPolicy => ({ port: base.port, ...overWhole(base, trafficPolicy) }));
  const portPolicies = [...inherited, ...own.map((settings) => ofPort(settings, policy, defaults))];
  return { policy, portPolicies: portPolicies.sort(byPort) };
}

/** Each part that is written takes the place of the whole part below it. */
function over(base: TrafficPolicy, spec: PortTrafficPolicy | undefined): TrafficPolicy {
  if (spec === undefined) return base;
  const { outlierDetection = base.outlierDetection } = spec;
  return {
    ...balancingOf(spec.loadBalancer, base),
    connectionPool: spec.connectionPool ?? base.connectionPool,
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    tls: spec.tls ?? base.tls,
    ...aroundOf(base),
  };
}

const overWhole = (base: TrafficPolicy, spec: TrafficPolicySpec | undefined): TrafficPolicy => ({
  ...over(base, spec),
  ...aroundOf({ ...aroundOf(base), ...aroundOf(spec ?? {}) }),
});

/** What ports cannot set by themselves, so that it is the whole host's also there. */
type Around = Pick<TrafficPolicy, 'proxyProtocol' | 'tunnel' | 'retryBudget'>;

const aroundOf = ({ proxyProtocol, tunnel, retryBudget }: Around): Around => ({
  ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  ...(tunnel === undefined ? {} : { tunnel }),
  ...(retryBudget === undefined ? {} : { retryBudget }),
});

type Balancing = Pick<TrafficPolicy, 'loadBalancer' | 'hash' | 'hashTable' | 'warmup' | 'locality'>;

function balancingOf(spec: LoadBalancer | undefined, base: TrafficPolicy): Balancing {
  if (spec !== undefined) {
    const { simple = meshPolicy.loadBalancer, ...others } = spec;
    return { loadBalancer: simple, ...others };
  }
  const { loadBalancer, hash, hashTable, warmup, locality } = base;
  return {
    loadBalancer,
    ...(hash === undefined ? {} : { hash }),
    ...(hashTable === undefined ? {} : { hashTable }),
    ...(warmup === undefined ? {} : { warmup }),
    ...(locality === undefined ? {} : { locality }),
  };
}

const ofPort = (
  settings: PortTrafficPolicy & { readonly port: number },
  whole: TrafficPolicy,
  defaults: TrafficPolicy,
): PortPolicy => ({ port: settings.port, ...over(defaults, settings), ...aroundOf(whole) });

const byPort = (left: PortPolicy, right: PortPolicy): number => left.port - right.port;

/** Near endpoints first, also where nobody finds out which of them fail. */
const nearFirst: Readonly<Record<TrafficDistribution, readonly string[]>> = {
  PreferClose: [
    'topology.istio.io/network',
    'topology.kubernetes.io/region',
    'topology.kubernetes.io/zone',
    'topology.istio.io/subzone',
  ],
  PreferSameZone: [
    'topology.istio.io/network',
    'topology.kubernetes.io/region',
    'topology.kubernetes.io/zone',
  ],
  PreferSameNode: [
    'topology.istio.io/network',
    'topology.kubernetes.io/region',
    'topology.kubernetes.io/zone',
    'topology.istio.io/subzone',
    'kubernetes.io/hostname',
  ],
};

/**
 * Settles which locality setting is in force once everything is merged: the rule's, the service's, the mesh's.
 * Failing over needs to know who fails.
 */
export function settleLocality(
  set: PolicySet,
  { trafficDistribution }: Pick<Service, 'trafficDistribution'>,
  meshSetting: LocalitySetting,
): PolicySet {
  const ofService =
    trafficDistribution === undefined
      ? undefined
      : { isEnabled: true, distribute: [], failover: [], failoverPriority: nearFirst[trafficDistribution] };
  const settle = <P extends TrafficPolicy>({ locality: written, ...policy }: P) => {
    const setting = written ?? ofService ?? meshSetting;
    const isAlways = setting === ofService || setting.distribute.length > 0;
    const isUsed = setting.isEnabled && (isAlways || policy.outlierDetection !== undefined);
    return isUsed ? { ...policy, locality: setting } : policy;
  };
  return { policy: settle(set.policy), portPolicies: set.portPolicies.map((each) => settle(each)) };
}
