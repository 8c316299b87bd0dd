// The server's end of a UDP tunnel: mutual TLS, then CONNECT-UDP to one fixed target. It is never an open proxy.
import type { Cause, InboundPort } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManagerSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { durationOf } from '../duration.ts';
import type { ProxySettings } from '../inputs.ts';
import { networkFilter } from '../listeners/addresses.ts';
import { routerFilter } from '../listeners/http-connection.ts';
import type { Chain } from '../listeners/inbound-chains.ts';
import { oneIdentity } from '../listeners/one-identity.ts';
import { mutualTlsServer } from '../listeners/server-tls.ts';
import { causeMetadata } from '../metadata.ts';
import type { Fields } from '../resource.ts';
import { peerFilter, peerHeader } from '../telemetry/peer.ts';
import { peerDomainsOf } from '../trust-domains.ts';
import { inboundUdpCluster, tunnelPath, tunnelProtocol } from './names.ts';
import { encodeTunnelLogs } from './telemetry.ts';

export interface TunnelChainOptions {
  readonly port: InboundPort;
  readonly settings: ProxySettings;
  /** What decided the port's mutual TLS mode. */
  readonly policy: readonly Cause[];
  /** One listener serves all ports, so a chain must say which it is for. */
  readonly matchesPort: boolean;
  /** Who may open a tunnel: network filters, since a denial by an HTTP filter confuses Envoy's tunnels. */
  readonly authorization?: readonly Filter[];
  readonly audit?: readonly AccessLog[];
}

/** A silent tunnel of a client that is gone without a word is given up after this long. */
const silentMs = 3_600_000;

/** Nothing where the port's policy is to take no mutual TLS. */
export function tunnelChains(options: TunnelChainOptions): readonly Chain[] {
  const { port, settings, policy, matchesPort, authorization = [], audit = [] } = options;
  if (port.mutualTls === 'DISABLE') return [];
  return [
    {
      name: `0.0.0.0_${port.port}_udp_mutual_tls`,
      filterChainMatch: {
        transportProtocol: 'tls',
        applicationProtocols: [tunnelProtocol],
        ...(matchesPort ? { destinationPort: port.port } : {}),
      },
      metadata: causeMetadata([...policy, ...port.causes]),
      transportSocket: mutualTlsServer(peerDomainsOf(settings)),
      filters: [oneIdentity, ...authorization, tunnelServer(port, settings, audit)],
    },
  ];
}

function tunnelServer(port: InboundPort, settings: ProxySettings, audit: readonly AccessLog[]): Filter {
  const cluster = inboundUdpCluster(port.port);
  return networkFilter(
    'envoy.filters.network.http_connection_manager',
    anyOf(HttpConnectionManagerSchema, {
      statPrefix: cluster,
      codecType: HttpConnectionManager_CodecType.HTTP2,
      http2ProtocolOptions: { allowConnect: true },
      upgradeConfigs: [{ upgradeType: 'CONNECT-UDP' }],
      routeSpecifier: { case: 'routeConfig', value: routes(cluster) },
      streamIdleTimeout: durationOf(silentMs),
      httpFilters: [peerFilter, routerFilter],
      accessLog: [...encodeTunnelLogs(port, settings), ...audit],
      accessLogOptions: { flushAccessLogOnNewRequest: true },
    }),
  );
}

/** Any other target, method or path has no route: 404. */
const routes = (cluster: string): Fields<typeof RouteConfigurationSchema> => ({
  name: cluster,
  validateClusters: false,
  requestHeadersToRemove: [peerHeader],
  virtualHosts: [
    {
      name: cluster,
      domains: ['*'],
      routes: [
        {
          name: 'datagrams',
          match: {
            pathSpecifier: { case: 'connectMatcher', value: {} },
            headers: [
              {
                name: ':path',
                headerMatchSpecifier: {
                  case: 'stringMatch',
                  value: { matchPattern: { case: 'exact', value: tunnelPath } },
                },
              },
            ],
          },
          action: {
            case: 'route',
            value: {
              clusterSpecifier: { case: 'cluster', value: cluster },
              timeout: durationOf(0),
              upgradeConfigs: [{ upgradeType: 'CONNECT-UDP', connectConfig: {} }],
            },
          },
        },
      ],
    },
  ],
});
