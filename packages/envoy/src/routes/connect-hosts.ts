// Hosts that clients of the HTTP proxy reach by CONNECT: those whose port is not declared to be HTTP, and no other, so
// that no connection gets past the rules of requests.
import type { Collection, Graph } from '@xebec/flow';
import type { ConnectionTable, Host, Layer, Layered, ServicePort } from '@xebec/model';
import type { RouteSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { Demand } from '../demand.ts';
import { durationOf } from '../duration.ts';
import type { ProxySettings } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { connectName, httpProxyRoute } from '../names.ts';
import type { Fields, ResourceKey, ResourceReference } from '../resource.ts';
import { typeUrls } from '../resource.ts';
import { domainsOf } from './domains.ts';
import type { Draft } from './draft.ts';

interface ConnectInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly demand: Demand;
  readonly connectionTables: Collection<Layered<Host>, ConnectionTable>;
}

/** Virtual hosts for ports that speak no HTTP at all; undeclared ports have theirs with the requests'. */
export function deriveConnectDrafts(
  graph: Graph,
  { settings, demand, connectionTables }: ConnectInputs,
): Collection<ResourceKey, Draft> {
  return graph.derive({
    name: 'connectDrafts',
    from: connectionTables,
    reads: { settings, demand, connectionTables },
    equals: (left: Draft, right: Draft) =>
      left.table === right.table && left.domains.join() === right.domains.join(),
    fn: (table, _key, read) => {
      if (read.demand.get(`style:${httpProxyRoute}`) === undefined) return [];
      const clusterDomain = read.settings.get('mesh')?.clusterDomain ?? 'cluster.local';
      const own: Layer = `ns:${table.service.namespace}`;
      const isNamed =
        table.layer === '*' &&
        table.service.platform === 'kubernetes' &&
        read.demand.get(own) === true &&
        read.connectionTables.get(`${own}|${table.host}`) === undefined;
      const layers: readonly Layer[] = isNamed ? ['*', own] : [table.layer];
      return layers.flatMap((layer) =>
        table.service.ports
          .filter(speaksNoHttp)
          .map(({ number }) => draftOf(table, { layer, port: number, clusterDomain })),
      );
    },
  });
}

const speaksNoHttp = ({ protocol }: ServicePort): boolean =>
  ['tcp', 'mongo', 'redis', 'tls', 'https'].includes(protocol);

function draftOf(
  table: ConnectionTable,
  { layer, port, clusterDomain }: { layer: Layer; port: number; clusterDomain: string },
): readonly [ResourceKey, Draft] {
  const { host } = table;
  const service = host === table.service.host ? table.service : undefined;
  const domains = domainsOf({ host, service, layer, clusterDomain, port, style: httpProxyRoute });
  const key: ResourceKey = `${layer}|${httpProxyRoute}/${host}:${port}`;
  return [key, { layer, route: httpProxyRoute, host, port, domains: domains.filter(hasPort), table }];
}

/** CONNECT always names a port. */
const hasPort = (domain: string): boolean => /:\d+$/.test(domain);

/** Ends the tunnel here: what is in it goes on as a connection to the host. */
export const connectRoute = (
  host: Host,
  port: number,
  causes: ConnectionTable['causes'],
): Fields<typeof RouteSchema> => ({
  name: 'connect',
  match: { pathSpecifier: { case: 'connectMatcher', value: {} } },
  metadata: causeMetadata(causes),
  action: {
    case: 'route',
    value: {
      clusterSpecifier: { case: 'cluster', value: connectName(host, port) },
      timeout: durationOf(0),
      upgradeConfigs: [{ upgradeType: 'CONNECT', enabled: true, connectConfig: {} }],
    },
  },
});

export const connectNeeds = (host: Host, port: number): readonly ResourceReference[] => [
  { typeUrl: typeUrls.cluster, name: connectName(host, port) },
  { typeUrl: typeUrls.listener, name: connectName(host, port) },
];
