// The filter chains of a gateway port: what one server does with a connection once it is known to be for it.
import type {
  Authentication,
  Authorization,
  BrowserLogin,
  EdgeTopology,
  GatewayServer,
  GatewayTraffic,
  OutsideChecks,
  ProxyNode,
} from '@xebec/model';
import type {
  Filter,
  FilterChainSchema,
} from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { connectionAuditLogs, requestAuditLogs } from '../audit/audit-logs.ts';
import { tokenFilters } from '../authentication/token-filters.ts';
import { authorizeConnection } from '../authorization/connections.ts';
import { httpAuthorization } from '../authorization/filters.ts';
import { removalFilters, removesHeaders } from '../authorization/header-removal.ts';
import { outsideFilters, outsideNeeds } from '../authorization/outside.ts';
import { refusalsOf } from '../authorization/refusals.ts';
import { sniDnsFilter } from '../clusters/dynamic-dns.ts';
import type { ProxySettings } from '../inputs.ts';
import { loginFilters } from '../login/login-filters.ts';
import { tokenClusterName } from '../login/token-cluster.ts';
import { causeMetadata } from '../metadata.ts';
import { connectionReportLogs, outsideReportLogs, requestReportLogs } from '../reports/report-logs.ts';
import { usageFilters } from '../reports/usage-filter.ts';
import { type Fields, type ResourceReference, typeUrls } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeHttpMetrics, encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import { peerDomainsOf, trustDomainsOf } from '../trust-domains.ts';
import { addressRange } from './addresses.ts';
import { clientFilters, serverFilters } from './connection-protocols.ts';
import { clustersOf, targetOf } from './connection-target.ts';
import { httpConnectionManager } from './http-connection.ts';
import { namedByClientChain, namedByClientFilters } from './named-by-client.ts';
import { oneIdentity } from './one-identity.ts';
import { gatewayTlsServer } from './server-tls.ts';
import { tcpProxy } from './tcp-proxy.ts';

export interface GatewayChain {
  readonly chain: Fields<typeof FilterChainSchema>;
  readonly needs: readonly ResourceReference[];
}

interface ChainContext {
  /** Of the listener. */
  readonly name: string;
  /** In the Gateway object. */
  readonly port: number;
  readonly settings: ProxySettings;
  readonly topology: EdgeTopology;
  readonly logins: readonly BrowserLogin[];
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly outside: readonly OutsideChecks[];
  readonly proxy: ProxyNode;
}

export function gatewayChain(server: GatewayServer, context: ChainContext): GatewayChain {
  const { tls, traffic } = server;
  const transportSocket = gatewayTlsServer(tls, {
    trustDomains: peerDomainsOf(context.settings),
    isHttp: traffic.kind === 'http',
  });
  const { filters, needs } = trafficOf(server, traffic, context);
  const chain = {
    ...matchOf(server),
    metadata: causeMetadata(server.causes),
    filters: tls.kind === 'mesh' ? [oneIdentity, ...filters] : filters,
    ...(transportSocket === undefined ? {} : { transportSocket }),
  };
  return { chain, needs };
}

/** Chains of clients that name the destination are told apart by the listener's matcher, which knows them by name. */
function matchOf({ serverNames, subnets, tls, traffic }: GatewayServer): Fields<typeof FilterChainSchema> {
  if (traffic.kind === 'named-by-client') return { name: namedByClientChain };
  const isPlain = tls.kind === 'none';
  if (isPlain && subnets.length === 0) return {};
  return {
    filterChainMatch: {
      ...(isPlain ? {} : { serverNames: [...serverNames] }),
      ...(subnets.length === 0 ? {} : { prefixRanges: subnets.map(addressRange) }),
    },
  };
}

interface Traffic {
  readonly filters: Filter[];
  readonly needs: readonly ResourceReference[];
}

function trafficOf(server: GatewayServer, traffic: GatewayTraffic, context: ChainContext): Traffic {
  switch (traffic.kind) {
    case 'http':
      return httpTraffic(server, traffic, context);
    case 'connection':
      return connectionTraffic(server, traffic, context);
    case 'datagrams':
      return { filters: [], needs: [] };
    case 'named-by-client':
      return { filters: namedByClientFilters(context), needs: [] };
  }
}

function httpTraffic(
  { tls }: GatewayServer,
  { routeName, isGrpcWeb }: Extract<GatewayTraffic, { kind: 'http' }>,
  { name, settings, topology, logins, authentication, authorization, outside, proxy }: ChainContext,
): Traffic {
  const isMesh = tls.kind === 'mesh';
  const needs = outsideNeeds(outside);
  const manager = httpConnectionManager({
    statPrefix: `outbound_${name}`,
    routes: { kind: 'named', name: routeName },
    accessLog: [
      ...encodeAccessLog(settings.accessLog),
      ...encodeHttpMetrics({ reporter: 'source', security: 'unknown' }),
      // The peer has proven who it is: its requests are also counted as what they are to the gateway.
      ...(isMesh ? encodeHttpMetrics({ reporter: 'destination', security: 'mutual_tls' }) : []),
      ...requestAuditLogs(authorization, proxy),
      ...requestReportLogs(authorization),
      ...outsideReportLogs(needs),
    ],
    place: isMesh ? 'gateway-mutual' : 'gateway',
    isOnDemand: false,
    paths: settings.pathNormalization,
    authentication: [
      ...loginFilters(logins, tls.kind === 'none' ? 'as-forwarded' : 'https'),
      ...tokenFilters(authentication, { isGateway: true }),
    ],
    authorization: [...httpAuthorization(authorization, trustDomainsOf(settings)), ...outsideFilters(needs)],
    readers: [
      ...usageFilters(authorization),
      ...removalFilters(removesHeaders(authorization) || needs?.removesHeaders === true),
    ],
    refusals: refusalsOf([...authorization, ...outside.flatMap((one) => one.authorization)]),
    hasDynamicHosts: settings.hasDynamicHosts === true,
    isGrpcWeb,
    topology,
  });
  const tokens = logins.filter(({ issuer }) => issuer !== undefined).map(tokenClusterName);
  return {
    filters: [manager],
    needs: [
      ...tokens.map((cluster) => ({ typeUrl: typeUrls.cluster, name: cluster })),
      { typeUrl: typeUrls.route, name: routeName },
    ],
  };
}

function connectionTraffic(
  { tls }: GatewayServer,
  { destinations, protocol, isUndeclared, namedPort }: Extract<GatewayTraffic, { kind: 'connection' }>,
  { name, port, settings, authorization, proxy, topology }: ChainContext,
): Traffic {
  const isMesh = tls.kind === 'mesh';
  const cluster = targetOf(destinations, port);
  const clusters = clustersOf(cluster);
  // Certificates of others may name their holder in several ways, and a balancer may tell another address.
  const isUnclear = tls.kind === 'certificate' || topology.isProxyProtocol;
  const peer = isUnclear ? 'unclear' : isMesh ? 'mesh' : 'unproven';
  const { filters, ...authorized } = authorizeConnection(authorization, { settings, proxy, peer, cluster });
  const passed = tcpProxy({
    statPrefix: clusters[0] ?? name,
    cluster,
    metrics: [
      ...encodeTcpMetrics({ reporter: 'source', security: 'unknown' }),
      ...(isMesh ? encodeTcpMetrics({ reporter: 'destination', security: 'mutual_tls' }) : []),
      ...connectionAuditLogs(authorization, proxy),
      ...connectionReportLogs(authorization),
    ],
    // Nobody is dialled for a client that may not come in.
    isMutualTls: isMesh || tls.kind === 'certificate',
    isDialedAgain: true,
    ...authorized,
  });
  return {
    filters: [
      ...filters,
      ...serverFilters(protocol, name),
      ...clientFilters(isUndeclared ? 'auto' : 'tcp', name),
      ...(namedPort === undefined ? [] : [sniDnsFilter(namedPort)]),
      passed,
    ],
    needs: clusters.map((each) => ({ typeUrl: typeUrls.cluster, name: each })),
  };
}
