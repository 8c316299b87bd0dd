// Gateway listeners and their route tables: one listener a port, one filter chain a TLS server.
import type { GatewayListener, GatewayModel, GatewayServer, GatewayVirtualHost } from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { FilterChainSchema } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  VirtualHost_TlsRequirementType,
  type VirtualHostSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import type { ProxySettings } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeRules } from '../routes/http-routes.ts';
import type { RequestPoint } from '../routes/request-point.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { peerHeaderToAdd } from '../telemetry/peer.ts';
import { encodeHttpMetrics } from '../telemetry/standard-metrics.ts';
import { socketAddress, tlsInspector } from './addresses.ts';
import { httpConnectionManager } from './http-connection.ts';
import { simpleTlsServer } from './server-tls.ts';

export function encodeGatewayListeners(
  model: GatewayModel,
  settings: ProxySettings,
): readonly EncodedResource[] {
  return model.listeners.map((listener) => encodeListener(listener, settings));
}

function encodeListener(listener: GatewayListener, settings: ProxySettings): EncodedResource {
  const { bindAddress, bindPort, servers } = listener;
  const name = `${bindAddress}_${bindPort}`;
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(bindAddress, bindPort),
      trafficDirection: TrafficDirection.OUTBOUND,
      perConnectionBufferLimitBytes: 32_768,
      listenerFilters: servers.some(({ tls }) => tls.kind !== 'none') ? [tlsInspector] : [],
      filterChains: servers.map((server) => serverChain(server, { name, settings })),
    },
    {
      name,
      causes: servers.flatMap(({ causes }) => causes),
      needs: servers.map(({ routeName }) => ({ typeUrl: typeUrls.route, name: routeName })),
    },
  );
}

function serverChain(
  server: GatewayServer,
  { name, settings }: { readonly name: string; readonly settings: ProxySettings },
): Fields<typeof FilterChainSchema> {
  const isTls = server.tls.kind !== 'none';
  return {
    ...(isTls ? { filterChainMatch: { serverNames: [...server.serverNames] } } : {}),
    metadata: causeMetadata(server.causes),
    filters: [
      httpConnectionManager({
        statPrefix: `outbound_${name}`,
        routes: { kind: 'named', name: server.routeName },
        accessLog: [
          ...encodeAccessLog(settings.accessLog.format),
          ...encodeHttpMetrics({ reporter: 'source', security: 'unknown' }),
        ],
        place: 'gateway',
        isOnDemand: false,
      }),
    ],
    ...(server.tls.kind === 'simple' ? { transportSocket: simpleTlsServer(server.tls) } : {}),
  };
}

/** One route configuration for every server; the port is the Gateway's, which rules without a port refer to. */
export function encodeGatewayRoutes(model: GatewayModel): readonly EncodedResource[] {
  return model.listeners.flatMap((listener) =>
    listener.servers.map((server) => encodeServerRoutes(server, pointOf(server, listener))),
  );
}

const pointOf = ({ tls }: GatewayServer, { port, bindPort }: GatewayListener): RequestPoint => ({
  port,
  clientPort: bindPort,
  scheme: tls.kind === 'none' ? 'http' : 'https',
  client: 'envoy',
});

function encodeServerRoutes(server: GatewayServer, point: RequestPoint): EncodedResource {
  const clusters = new Set<string>();
  const virtualHosts = server.virtualHosts.map((host) => encodeGatewayHost(host, point, clusters));
  return encodeResource(
    RouteConfigurationSchema,
    {
      name: server.routeName,
      validateClusters: false,
      ignorePortInHostMatching: true,
      maxDirectResponseBodySizeBytes: 1_048_576,
      requestHeadersToAdd: [peerHeaderToAdd],
      virtualHosts,
    },
    {
      name: server.routeName,
      causes: server.virtualHosts.flatMap(({ causes }) => causes),
      needs: [...clusters].map((name) => ({ typeUrl: typeUrls.cluster, name })),
    },
  );
}

function encodeGatewayHost(
  host: GatewayVirtualHost,
  point: RequestPoint,
  clusters: Set<string>,
): Fields<typeof VirtualHostSchema> {
  const encoded = encodeRules(host.rules, host.domain, point);
  for (const cluster of encoded.clusters) clusters.add(cluster);
  return {
    name: `${host.domain}:${point.port}`,
    domains: [host.domain],
    routes: encoded.routes,
    includeRequestAttemptCount: true,
    ...(host.httpsRedirect ? { requireTls: VirtualHost_TlsRequirementType.ALL } : {}),
  };
}
