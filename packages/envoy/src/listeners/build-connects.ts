// Connections by CONNECT: one internal listener for each port of a host, with the same branches as redirected traffic
// has at the host's address, and the cluster that leads there.
import type { Collection, Graph } from '@xebec/flow';
import type { ConnectionTable, Host, Layered, ServicePort } from '@xebec/model';
import { hostOwner } from '@xebec/model';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { noLimits } from '../clusters/base-clusters.ts';
import type { Demand } from '../demand.ts';
import { durationOf } from '../duration.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { connectName, httpProxyRoute } from '../names.ts';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
  typeUrls,
} from '../resource.ts';
import { connectLayer } from '../views.ts';
import { branchesOf } from './connection-branches.ts';
import { type ConnectionPoint, clustersIn, encodeLayout, namedLayout } from './connection-listener.ts';
import { carriesConnections, traitsOf, withPolicies } from './connection-points.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

interface ConnectInputs {
  readonly inputs: ResourceInputs;
  readonly demand: Demand;
}

export function buildConnectListeners(graph: Graph, { inputs, demand }: ConnectInputs): Resources {
  const { connectionTables, destinations, settings } = inputs;
  return graph.derive({
    name: 'connectListeners',
    from: connectionTables,
    reads: { demand, destinations, settings },
    equals: equalResources,
    fn: (table, _key: Layered<Host>, read): readonly Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined || read.demand.get(`style:${httpProxyRoute}`) === undefined) return [];
      const { addresses } = table.service;
      return portsOf(table).flatMap((port) => {
        const point: ConnectionPoint = {
          host: table.host,
          port,
          branches: withPolicies(
            branchesOf(table, port, { kind: 'named', addresses }),
            table.layer,
            read.destinations,
          ),
          traits: traitsOf(table.service, port),
          causes: table.causes,
          owner: hostOwner(port.number, table.service.namespace, table.host),
        };
        return listenersAt(point, table.layer, current);
      });
    },
  });
}

const discoveries = ['on-demand', 'eager'] as const;

const listenersAt = (
  point: ConnectionPoint,
  layer: ConnectionTable['layer'],
  settings: ProxySettings,
): readonly Emission[] =>
  discoveries.map((discovery): Emission => {
    const encoded = encodeConnectListener(point, { settings, isOnDemand: discovery === 'on-demand' });
    return [`${connectLayer(discovery, layer)}|${encoded.name}`, encoded];
  });

function encodeConnectListener(
  point: ConnectionPoint,
  options: { readonly settings: ProxySettings; readonly isOnDemand: boolean },
): EncodedResource {
  const name = connectName(point.host, point.port.number);
  return encodeResource(
    ListenerSchema,
    {
      name,
      listenerSpecifier: { case: 'internalListener', value: {} },
      trafficDirection: TrafficDirection.OUTBOUND,
      metadata: causeMetadata(point.causes),
      ...encodeLayout(namedLayout(point, options), options),
    },
    {
      name,
      causes: point.causes,
      needs: clustersIn([point]).map((cluster) => ({ typeUrl: typeUrls.cluster, name: cluster })),
    },
  );
}

export function buildConnectClusters(graph: Graph, { inputs, demand }: ConnectInputs): Resources {
  return graph.derive({
    name: 'connectClusters',
    from: inputs.connectionTables,
    reads: { demand },
    equals: equalResources,
    fn: (table, _key: Layered<Host>, read): readonly Emission[] =>
      read.demand.get(`style:${httpProxyRoute}`) === undefined
        ? []
        : portsOf(table).flatMap((port) => {
            const encoded = encodeConnectCluster(table, port);
            return discoveries.map(
              (discovery): Emission => [`${connectLayer(discovery, table.layer)}|${encoded.name}`, encoded],
            );
          }),
  });
}

const portsOf = ({ service }: ConnectionTable): readonly ServicePort[] =>
  service.ports.filter(carriesConnections);

function encodeConnectCluster({ host, causes }: ConnectionTable, port: ServicePort): EncodedResource {
  const name = connectName(host, port.number);
  const address = {
    address: {
      case: 'envoyInternalAddress' as const,
      value: { addressNameSpecifier: { case: 'serverListenerName' as const, value: name } },
    },
  };
  return encodeResource(
    ClusterSchema,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      connectTimeout: durationOf(10_000),
      circuitBreakers: noLimits,
      metadata: causeMetadata(causes),
      loadAssignment: {
        clusterName: name,
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
      },
    },
    { name, causes },
  );
}
