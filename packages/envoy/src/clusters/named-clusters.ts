// Clusters that clients of AUTO_PASSTHROUGH gateways name by their server name: services of the mesh as they are, without TLS of our own.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, GatewayModel, Host, Layered, ServicePort, Subset } from '@xebec/model';
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

interface NamedInputs {
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly gateways: Collection<string, GatewayModel>;
}

/** Only what the gateway's own namespace sees: who does not export a service to it keeps it from its clients too. */
export function buildNamedClusters(
  graph: Graph,
  { destinations, gateways }: NamedInputs,
): Collection<ResourceKey, EncodedResource> {
  const namers = graph.derive({
    name: 'namingGateways',
    from: gateways,
    fn: ({ isNamedByClients, proxy }, id: string) =>
      isNamedByClients ? [[id, proxy.namespace] as const] : [],
  });
  const byKind = graph.index(namers, 'all', () => ['all']);
  return graph.derive({
    name: 'namedClusters',
    from: destinations,
    reads: { byKind, destinations },
    equals: equalResources,
    fn: (destination, key: Layered<Host>, read): Emission[] => {
      const { layer, name } = splitLayered(key);
      const takers = read.byKind.at('all').filter(([, namespace]) => {
        const own = read.destinations.get(`ns:${namespace}|${name}`);
        return layer === '*' ? own === undefined : layer === `ns:${namespace}`;
      });
      if (takers.length === 0) return [];
      const clusters = targetsOf(destination).map((target) => encodeNamed(destination, target));
      return takers.flatMap(([id]) =>
        clusters.map((cluster): Emission => [`${proxyLayer(id)}|${cluster.name}`, cluster]),
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
function encodeNamed({ service, causes }: Destination, { port, subset }: Target): EncodedResource {
  const name = serverName(port.number, subset, service.host).toLowerCase();
  const endpoints = outboundCluster(port.number, subset, service.host);
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
