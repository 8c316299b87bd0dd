// Clusters that clients of AUTO_PASSTHROUGH gateways name by their server name: services of the mesh as they are, without TLS of our own.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, Host, Layered, ServicePort, Subset } from '@xebec/model';
import { splitLayered } from '@xebec/model';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { adsSource } from '../config-source.ts';
import { durationOf, unlimited } from '../duration.ts';
import { causeMetadata } from '../metadata.ts';
import { outboundCluster, serverName } from '../names.ts';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
  typeUrls,
} from '../resource.ts';
import { proxyLayer } from '../views.ts';
import type { NamingGateways } from './naming-gateways.ts';

/**
 * Only what the gateway's own namespace sees: who does not export a service to it keeps it from its clients too. A
 * gateway of a network leads to what is in its network alone, so that two of them never send a connection to and fro.
 */
export function buildNamedClusters(
  graph: Graph,
  destinations: Collection<Layered<Host>, Destination>,
  { all }: NamingGateways,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'namedClusters',
    from: destinations,
    reads: { all, destinations },
    equals: equalResources,
    fn: (destination, key: Layered<Host>, read): Emission[] => {
      const { layer, name } = splitLayered(key);
      const takers = read.all.at('all').filter(([, { namespace }]) => {
        const own = read.destinations.get(`ns:${namespace}|${name}`);
        return layer === '*' ? own === undefined : layer === `ns:${namespace}`;
      });
      if (takers.length === 0) return [];
      const targets = targetsOf(destination);
      return takers.flatMap(([id, { network }]) =>
        targets.map((target): Emission => {
          const cluster = encodeNamed(destination, target, network !== undefined);
          return [`${proxyLayer(id)}|${cluster.name}`, cluster];
        }),
      );
    },
  });
}

interface Target {
  readonly port: ServicePort;
  readonly subset: string;
}

function targetsOf({ service, subsets }: Destination): readonly Target[] {
  if (service.location !== 'mesh' || service.resolution !== 'endpoints') return [];
  const names = ['', ...subsets.map(({ name }: Subset) => name)];
  return service.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .flatMap((port) => names.map((subset) => ({ port, subset })));
}

/** Server names arrive in lower case. */
export const namedCluster = (port: number, subset: string, host: Host): string =>
  serverName(port, subset, host).toLowerCase();

function encodeNamed(
  { service, causes }: Destination,
  { port, subset }: Target,
  isInNetwork: boolean,
): EncodedResource {
  const name = namedCluster(port.number, subset, service.host);
  const endpoints = isInNetwork ? name : outboundCluster(port.number, subset, service.host);
  return encodeResource(
    ClusterSchema,
    {
      name,
      connectTimeout: durationOf(10_000),
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: adsSource(1_000), serviceName: endpoints },
      circuitBreakers: {
        thresholds: [{ maxConnections: unlimited, maxPendingRequests: unlimited, trackRemaining: true }],
      },
      metadata: causeMetadata(causes, {
        service_host: service.host,
        service_name: service.name,
        service_namespace: service.namespace,
      }),
    },
    { name, causes, needs: [{ typeUrl: typeUrls.endpoint, name: endpoints }] },
  );
}
