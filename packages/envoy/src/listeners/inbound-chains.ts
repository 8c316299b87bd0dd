// The filter chains of one inbound port. Under STRICT there is no chain that takes plaintext.
import type { Authentication, Authorization, Cause, InboundPort, ProxyNode } from '@xebec/model';
import type {
  Filter,
  FilterChainSchema,
} from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { connectionAuditLogs, requestAuditLogs } from '../audit/audit-logs.ts';
import { tokenFilters } from '../authentication/token-filters.ts';
import { authorizeConnection } from '../authorization/connections.ts';
import { httpAuthorization } from '../authorization/filters.ts';
import { removalFilters, removesHeaders } from '../authorization/header-removal.ts';
import { refusalsOf } from '../authorization/refusals.ts';
import { durationOf } from '../duration.ts';
import type { ProxySettings } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { inboundCluster } from '../names.ts';
import { connectionReportLogs, requestReportLogs } from '../reports/report-logs.ts';
import { usageFilters } from '../reports/usage-filter.ts';
import type { Fields } from '../resource.ts';
import { faultHeaders } from '../routes/fault-headers.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { peerHeader } from '../telemetry/peer.ts';
import { encodeHttpMetrics, encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import { peerDomainsOf, trustDomainsOf } from '../trust-domains.ts';
import { plainHttpProtocols } from './addresses.ts';
import { serverFilters } from './connection-protocols.ts';
import { httpConnectionManager } from './http-connection.ts';
import { oneIdentity } from './one-identity.ts';
import { meshProtocols, mutualTlsServer } from './server-tls.ts';
import { tcpProxy } from './tcp-proxy.ts';

export type Chain = Fields<typeof FilterChainSchema>;
type Match = NonNullable<Chain['filterChainMatch']>;
type Security = 'mutual_tls' | 'none';

export interface PortChainOptions {
  readonly port: InboundPort;
  readonly settings: ProxySettings;
  /** What decided the port's mutual TLS mode. */
  readonly policy: readonly Cause[];
  /** One listener serves all ports, so a chain must say which it is for. */
  readonly matchesPort: boolean;
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly proxy: ProxyNode;
}

export function portChains(options: PortChainOptions): Chain[] {
  switch (options.port.mutualTls) {
    case 'STRICT':
      return mutualChains(options, { requireMeshProtocol: false });
    case 'PERMISSIVE':
      return [...mutualChains(options, { requireMeshProtocol: true }), ...plainChains(options)];
    case 'DISABLE':
      return plainChains(options);
  }
}

type Kind = 'http' | 'tcp';

export function kindOf({ protocol }: InboundPort): Kind | 'auto' {
  if (protocol === 'auto') return 'auto';
  return ['http', 'http2', 'grpc', 'grpc-web'].includes(protocol) ? 'http' : 'tcp';
}

function mutualChains(
  options: PortChainOptions,
  { requireMeshProtocol }: { requireMeshProtocol: boolean },
): Chain[] {
  const kind = kindOf(options.port);
  const tls = { transportProtocol: 'tls' };
  const any = requireMeshProtocol ? { ...tls, applicationProtocols: [...meshProtocols.any] } : tls;
  if (kind !== 'auto') return [chain(options, { kind, security: 'mutual_tls', match: any })];
  const rest = requireMeshProtocol ? { ...tls, applicationProtocols: ['istio-peer-exchange', 'istio'] } : tls;
  return [
    chain(options, {
      kind: 'http',
      security: 'mutual_tls',
      match: { ...tls, applicationProtocols: [...meshProtocols.http] },
    }),
    chain(options, { kind: 'tcp', security: 'mutual_tls', match: rest }),
  ];
}

/** TLS that is not the mesh's own is the application's business and passes as TCP. */
function plainChains(options: PortChainOptions): Chain[] {
  const kind = kindOf(options.port);
  const raw = { transportProtocol: 'raw_buffer' };
  const foreignTls = chain(options, { kind: 'tcp', security: 'none', match: { transportProtocol: 'tls' } });
  // Envoy does not go from chains for TLS back to those for anything.
  if (kind === 'tcp' && options.port.mutualTls === 'DISABLE')
    return [chain(options, { kind, security: 'none', match: {} })];
  if (kind === 'tcp') return [chain(options, { kind, security: 'none', match: raw }), foreignTls];
  if (kind === 'http') return [chain(options, { kind, security: 'none', match: raw }), foreignTls];
  return [
    chain(options, {
      kind: 'http',
      security: 'none',
      match: { ...raw, applicationProtocols: [...plainHttpProtocols] },
    }),
    chain(options, { kind: 'tcp', security: 'none', match: raw }),
    foreignTls,
  ];
}

function chain(options: PortChainOptions, form: { kind: Kind; security: Security; match: Match }): Chain {
  const { port, settings, policy, matchesPort } = options;
  return {
    name: `0.0.0.0_${port.port}_${form.kind}_${form.security}_${'transportProtocol' in form.match ? form.match.transportProtocol : 'any'}`,
    filterChainMatch: { ...form.match, ...(matchesPort ? { destinationPort: port.port } : {}) },
    metadata: causeMetadata([...policy, ...port.causes]),
    filters: [
      ...(form.security === 'mutual_tls' ? [oneIdentity] : []),
      ...(form.kind === 'http' ? [httpFilters(options, form.security)] : tcpFilters(options, form.security)),
    ],
    ...(form.security === 'mutual_tls' ? { transportSocket: mutualTlsServer(peerDomainsOf(settings)) } : {}),
  };
}

function httpFilters(
  { port, settings, authentication, authorization, proxy }: PortChainOptions,
  security: Security,
): Filter {
  return httpConnectionManager({
    statPrefix: `inbound_0.0.0.0_${port.port}`,
    routes: { kind: 'inline', config: inboundRoutes(port) },
    accessLog: [
      ...encodeAccessLog(settings.accessLog),
      ...encodeHttpMetrics({ reporter: 'destination', security }),
      ...requestAuditLogs(authorization, proxy),
      ...requestReportLogs(authorization),
    ],
    place: security === 'mutual_tls' ? 'sidecar-inbound-mutual' : 'sidecar-inbound-plain',
    isOnDemand: false,
    paths: settings.pathNormalization,
    authentication: tokenFilters(authentication),
    authorization: httpAuthorization(authorization, trustDomainsOf(settings)),
    readers: [...usageFilters(authorization), ...removalFilters(removesHeaders(authorization))],
    refusals: refusalsOf(authorization),
  });
}

function tcpFilters(options: PortChainOptions, security: Security): Filter[] {
  const { port, settings, authorization, proxy } = options;
  const cluster = inboundCluster(port.port);
  const peer = security === 'mutual_tls' ? 'mesh' : 'unproven';
  const { filters, ...authorized } = authorizeConnection(authorization, { settings, proxy, peer, cluster });
  return [
    ...filters,
    ...serverFilters(port.protocol, cluster),
    tcpProxy({
      statPrefix: cluster,
      cluster,
      metrics: [
        ...encodeTcpMetrics({ reporter: 'destination', security }),
        ...connectionAuditLogs(authorization, proxy),
        ...connectionReportLogs(authorization),
      ],
      isMutualTls: security === 'mutual_tls',
      ...authorized,
    }),
  ];
}

function inboundRoutes({ port, service, causes }: InboundPort): Fields<typeof RouteConfigurationSchema> {
  const cluster = inboundCluster(port);
  return {
    name: cluster,
    validateClusters: false,
    requestHeadersToRemove: [peerHeader, ...faultHeaders],
    virtualHosts: [
      {
        name: `inbound|http|${port}`,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            metadata: causeMetadata(causes),
            decorator: { operation: `${service?.host ?? 'unknown'}:${service?.port ?? port}/*` },
            action: {
              case: 'route',
              value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: durationOf(0) },
            },
          },
        ],
      },
    ],
  };
}
