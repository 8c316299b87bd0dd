// Where connections go: one cluster, or several with their shares.
import type { ConnectionDestination } from '@xebec/model';
import { outboundCluster } from '../names.ts';

export interface ClusterShare {
  readonly name: string;
  /** At least 1, relative to the sum. */
  readonly weight: number;
}

/** A cluster's name, or several by share. */
export type ConnectionTarget = string | readonly ClusterShare[];

/** The clusters of a rule's destinations, for a connection that came to `port`; those without a share are left out. */
export function targetOf(destinations: readonly ConnectionDestination[], port: number): ConnectionTarget {
  const shares = destinations
    .filter(({ weight }) => weight > 0)
    .map((to): ClusterShare => {
      const number = to.port === 'FROM_REQUEST_PORT' ? port : to.port;
      return { name: outboundCluster(number, to.subset, to.host), weight: to.weight };
    });
  const [first] = shares;
  return first !== undefined && shares.length === 1 ? first.name : shares;
}

/** Names of the clusters, each once. */
export const clustersOf = (target: ConnectionTarget): readonly string[] =>
  typeof target === 'string' ? [target] : [...new Set(target.map(({ name }) => name))];

/** As `tcp_proxy` takes it. */
export const clusterSpecifier = (target: ConnectionTarget) =>
  typeof target === 'string'
    ? { case: 'cluster' as const, value: target }
    : { case: 'weightedClusters' as const, value: { clusters: target.map((share) => ({ ...share })) } };
