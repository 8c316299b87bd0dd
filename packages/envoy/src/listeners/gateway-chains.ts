// The filter chains of a gateway port: what one server does with a connection once it is known to be for it.
import type { EdgeTopology, GatewayServer, GatewayTraffic } from '@xebec/model';
import type {
  Filter,
  FilterChainSchema,
} from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { ProxySettings } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { type Fields, type ResourceReference, typeUrls } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeHttpMetrics } from '../telemetry/standard-metrics.ts';
import { httpConnectionManager } from './http-connection.ts';
import { gatewayTlsServer } from './server-tls.ts';

export interface GatewayChain {
  readonly chain: Fields<typeof FilterChainSchema>;
  readonly needs: readonly ResourceReference[];
}

interface ChainContext {
  /** Of the listener. */
  readonly name: string;
  readonly settings: ProxySettings;
  readonly topology: EdgeTopology;
}

export function gatewayChain(server: GatewayServer, context: ChainContext): GatewayChain {
  const { tls, traffic, serverNames } = server;
  const { trustDomain } = context.settings;
  const transportSocket = gatewayTlsServer(tls, { trustDomain, isHttp: traffic.kind === 'http' });
  const { filters, needs } = trafficOf(server, traffic, context);
  const chain = {
    ...(tls.kind === 'none' ? {} : { filterChainMatch: { serverNames: [...serverNames] } }),
    metadata: causeMetadata(server.causes),
    filters,
    ...(transportSocket === undefined ? {} : { transportSocket }),
  };
  return { chain, needs };
}

interface Traffic {
  readonly filters: Filter[];
  readonly needs: readonly ResourceReference[];
}

function trafficOf(server: GatewayServer, traffic: GatewayTraffic, context: ChainContext): Traffic {
  switch (traffic.kind) {
    case 'http':
      return httpTraffic(server, traffic, context);
    case 'named-by-client':
      return { filters: [], needs: [] };
  }
}

function httpTraffic(
  { tls }: GatewayServer,
  { routeName, isGrpcWeb }: Extract<GatewayTraffic, { kind: 'http' }>,
  { name, settings, topology }: ChainContext,
): Traffic {
  const isMesh = tls.kind === 'mesh';
  const manager = httpConnectionManager({
    statPrefix: `outbound_${name}`,
    routes: { kind: 'named', name: routeName },
    accessLog: [
      ...encodeAccessLog(settings.accessLog.format),
      ...encodeHttpMetrics({ reporter: 'source', security: 'unknown' }),
      // The peer has proven who it is: its requests are also counted as what they are to the gateway.
      ...(isMesh ? encodeHttpMetrics({ reporter: 'destination', security: 'mutual_tls' }) : []),
    ],
    place: isMesh ? 'gateway-mutual' : 'gateway',
    isOnDemand: false,
    hasDynamicHosts: settings.hasDynamicHosts === true,
    isGrpcWeb,
    topology,
  });
  return { filters: [manager], needs: [{ typeUrl: typeUrls.route, name: routeName }] };
}
