// DestinationPolicies, and the versions that RouteRules name → DestinationRules: one a host, with a subset for every set of labels.
import type { DestinationPolicy, RouteRule } from './old-kinds.ts';
import type { OldService } from './old-values.ts';
import {
  type Conversion,
  type Doubt,
  fullHost,
  groupBy,
  type Manifest,
  manifest,
  nameFor,
  type Source,
  type Sources,
  shortHost,
  subsetName,
} from './sources.ts';

type Labels = Readonly<Record<string, string>>;

/** Something said about a host: its versions, and how to treat them. */
interface Statement {
  readonly namespace: string;
  readonly host: string;
  readonly labels: Labels;
  readonly policy?: Source<DestinationPolicy>;
}

export function convertDestinationPolicies({ destinationPolicies, routeRules }: Sources): Conversion {
  const doubts: Doubt[] = [];
  const statements = [
    ...destinationPolicies.map((policy) => statement(policy, policy.spec.destination, policy)),
    ...routeRules.flatMap(versionsOf),
  ];
  const groups = groupBy(statements, ({ namespace, host }) => `${namespace}/${host}`);
  return { manifests: groups.flatMap(([, group]) => destinationRule(group, doubts)), doubts };
}

const statement = (
  { metadata: { namespace } }: Source<unknown>,
  service: OldService,
  policy?: Source<DestinationPolicy>,
): Statement => ({
  namespace,
  host: fullHost(service, namespace),
  labels: service.labels ?? {},
  ...(policy === undefined ? {} : { policy }),
});

function versionsOf(rule: Source<RouteRule>): readonly Statement[] {
  const { route, destination, mirror } = rule.spec;
  const targets = route.map((target): OldService => {
    const labels = target.labels ?? target.destination?.labels;
    return { ...(target.destination ?? destination), ...(labels === undefined ? {} : { labels }) };
  });
  return [...targets, ...(mirror === undefined ? [] : [mirror])]
    .map((service) => statement(rule, service))
    .filter(({ labels }) => Object.keys(labels).length > 0);
}

function destinationRule(group: readonly Statement[], doubts: Doubt[]): readonly Manifest[] {
  const [first] = group;
  if (first === undefined) return [];
  const { namespace, host } = first;
  const bySubset = groupBy(group, ({ labels }) => subsetName(labels));
  const policies = bySubset.map(([name, statements]) => {
    const policy = onePolicy(statements, doubts);
    return {
      name,
      labels: statements[0]?.labels ?? {},
      ...(policy === undefined ? {} : { trafficPolicy: policy }),
    };
  });
  const whole = policies.find(({ name }) => name === '')?.trafficPolicy;
  const subsets = policies.filter(({ name }) => name !== '');
  const spec = {
    host: shortHost(host, namespace),
    ...(whole === undefined ? {} : { trafficPolicy: whole }),
    ...(subsets.length === 0 ? {} : { subsets }),
  };
  return [manifest('DestinationRule', { namespace, name: nameFor(host, namespace) }, spec)];
}

/** Several policies for the same instances: the first by name holds, the others are told. */
function onePolicy(statements: readonly Statement[], doubts: Doubt[]): Manifest | undefined {
  const policies = statements
    .flatMap(({ policy }) => (policy === undefined ? [] : [policy]))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  const [first, ...others] = policies;
  for (const source of others) {
    doubts.push({
      source,
      severity: 'error',
      path: ['spec', 'destination'],
      message: `${first?.metadata.name} has a policy for the same instances`,
      remedy: 'write one DestinationPolicy for them',
    });
  }
  return first === undefined ? undefined : trafficPolicy(first.spec);
}

function trafficPolicy({ loadBalancing, circuitBreaker }: DestinationPolicy): Manifest {
  const breaker = circuitBreaker?.simpleCb ?? {};
  const http = present({
    http1MaxPendingRequests: breaker.httpMaxPendingRequests,
    http2MaxRequests: breaker.httpMaxRequests,
    maxRequestsPerConnection: breaker.httpMaxRequestsPerConnection,
  });
  const tcp = present({ maxConnections: breaker.maxConnections });
  return (
    present({
      loadBalancer: present({ simple: balancer(loadBalancing?.name) }),
      connectionPool: present({ tcp, http }),
      outlierDetection: present({
        consecutive5xxErrors: breaker.httpConsecutiveErrors,
        interval: breaker.httpDetectionInterval,
        baseEjectionTime: breaker.sleepWindow,
        maxEjectionPercent: breaker.httpMaxEjectionPercent,
      }),
    }) ?? {}
  );
}

const balancer = (name: string | undefined): string | undefined =>
  name === 'LEAST_CONN' ? 'LEAST_REQUEST' : name;

/** The entries that are there; undefined when none is. */
function present(fields: Readonly<Record<string, unknown>>): Manifest | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
