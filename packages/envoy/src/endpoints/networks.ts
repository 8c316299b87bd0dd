// Endpoints of other networks: a client sees the gateways of their network in their place, with their weights added up.
import type { Endpoint, NetworkGateway } from '@xebec/model';

/** How a client reaches what is in another network than its own. */
export interface Reach {
  /** The client's; never empty. */
  readonly network: string;
  /** None: what is in the network is reached directly. */
  readonly gatewaysOf: (network: string) => readonly NetworkGateway[];
  /** Gateways only pass on mutual TLS of the mesh, by its server name. */
  readonly isMutual: boolean;
}

/** Whether a client in this network gets another address than the endpoint's own. */
export const isElsewhere = ({ network }: Endpoint, { network: own, gatewaysOf }: Reach): boolean =>
  network !== '' && network !== own && gatewaysOf(network).length > 0;

export interface Ranked {
  readonly endpoint: Endpoint;
  readonly rank: number;
}

/**
 * Those that are reached directly as they are; of each other network its gateways, where its best ranked endpoints
 * would be. One gateway may stand in one place only: Envoy ignores an address that it has seen before, also in
 * another priority. Endpoints that no gateway can lead to are left out.
 */
export function throughGateways(endpoints: readonly Ranked[], reach: Reach): readonly Ranked[] {
  const near: Ranked[] = [];
  const far = new Map<string, Ranked[]>();
  for (const ranked of endpoints) {
    const { endpoint } = ranked;
    if (!isElsewhere(endpoint, reach)) near.push(ranked);
    else if (reach.isMutual && endpoint.tls === 'istio')
      far.set(endpoint.network, [...(far.get(endpoint.network) ?? []), ranked]);
  }
  if (far.size === 0) return near;
  const factor = commonMultiple([...far.keys()].map((network) => reach.gatewaysOf(network).length));
  return [
    ...near.map(({ endpoint, rank }) => ({
      endpoint: { ...endpoint, weight: endpoint.weight * factor },
      rank,
    })),
    ...[...far].flatMap(([network, members]) => standIns(members, reach.gatewaysOf(network), factor)),
  ];
}

function standIns(
  members: readonly Ranked[],
  gateways: readonly NetworkGateway[],
  factor: number,
): readonly Ranked[] {
  const open = members.filter(({ endpoint }) => endpoint.health === 'healthy');
  const usable = open.length > 0 ? open : members;
  const rank = Math.min(...usable.map((each) => each.rank));
  const best = usable.filter((each) => each.rank === rank).map(({ endpoint }) => endpoint);
  const [first] = best;
  if (first === undefined) return [];
  const weight = (best.reduce((sum, each) => sum + each.weight, 0) * factor) / gateways.length;
  const { hostname: _own, node: _node, identity: _identity, ...shown } = first;
  return gateways.map(({ address, port, causes }) => ({
    rank,
    endpoint: { ...shown, ...inCommon(best), address, port, weight, causes },
  }));
}

/** What logs and metrics may say of all of them. */
function inCommon(endpoints: readonly Endpoint[]): Pick<Endpoint, 'labels' | 'workload' | 'namespace'> {
  const [first, ...others] = endpoints;
  const same = (read: (endpoint: Endpoint) => string | undefined): string | undefined => {
    const value = first === undefined ? undefined : read(first);
    return others.every((other) => read(other) === value) ? value : undefined;
  };
  const labels = Object.keys(first?.labels ?? {}).flatMap((key) => {
    const value = same((endpoint) =>
      Object.hasOwn(endpoint.labels, key) ? endpoint.labels[key] : undefined,
    );
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    labels: Object.fromEntries(labels),
    workload: same(({ workload }) => workload) ?? '',
    namespace: same(({ namespace }) => namespace) ?? '',
  };
}

/** The smallest number that all of them divide: weights stay whole when they are split between gateways. */
const commonMultiple = (numbers: readonly number[]): number =>
  numbers.reduce((product, number) => (product * number) / commonDivisor(product, number), 1);

const commonDivisor = (left: number, right: number): number =>
  right === 0 ? left : commonDivisor(right, left % right);
