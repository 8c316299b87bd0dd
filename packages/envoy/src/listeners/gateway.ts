// Gateway listeners and their route tables: one listener a port, one filter chain a TLS server.
import type {
  Authentication,
  Authorization,
  BrowserLogin,
  EdgeTopology,
  GatewayListener,
  GatewayModel,
  GatewayTraffic,
  GatewayVirtualHost,
  OutsideChecks,
  ProxyNode,
  ServerTls,
} from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  VirtualHost_TlsRequirementType,
  type VirtualHostSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { listenerAuditLogs } from '../audit/audit-logs.ts';
import { providerNeeds } from '../authorization/ask-provider.ts';
import { outsideOverrides } from '../authorization/outside.ts';
import type { ProxySettings } from '../inputs.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeRules } from '../routes/http-routes.ts';
import type { RequestPoint } from '../routes/request-point.ts';
import { peerHeaderToAdd } from '../telemetry/peer.ts';
import { proxyProtocol, socketAddress, socketPath, tlsInspector } from './addresses.ts';
import { openEdge } from './edge.ts';
import { gatewayChain } from './gateway-chains.ts';
import { namedByClientMatcher } from './named-by-client.ts';

export function encodeGatewayListeners(
  model: GatewayModel,
  settings: ProxySettings,
): readonly EncodedResource[] {
  const { topology = openEdge } = model.proxy;
  return model.listeners.filter(hasConnections).map((listener) =>
    encodeListener(listener, {
      settings,
      topology,
      logins: model.logins ?? [],
      authentication: model.authentication,
      authorization: model.authorization,
      outside: model.outside ?? [],
      proxy: model.proxy,
    }),
  );
}

/** Datagrams have listeners of their own. */
const hasConnections = ({ servers }: GatewayListener): boolean =>
  servers.every(({ traffic }) => traffic.kind !== 'datagrams');

interface EdgeContext {
  readonly settings: ProxySettings;
  readonly topology: EdgeTopology;
  readonly logins: readonly BrowserLogin[];
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly outside: readonly OutsideChecks[];
  readonly proxy: ProxyNode;
}

function encodeListener(listener: GatewayListener, context: EdgeContext): EncodedResource {
  const { bindAddress, bindPort, servers } = listener;
  const name = `${bindAddress}_${bindPort}`;
  const policies = [
    ...context.authorization,
    ...context.outside.flatMap(({ authorization }) => authorization),
  ];
  const chains = servers.map((server) => gatewayChain(server, { name, port: listener.port, ...context }));
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: bindAddress.startsWith('@') ? socketPath(bindAddress) : socketAddress(bindAddress, bindPort),
      trafficDirection: TrafficDirection.OUTBOUND,
      perConnectionBufferLimitBytes: 32_768,
      listenerFilters: [
        ...(context.topology.isProxyProtocol ? [proxyProtocol] : []),
        ...(servers.some(({ tls }) => tls.kind !== 'none') ? [tlsInspector] : []),
      ],
      filterChains: chains.map(({ chain }) => chain),
      accessLog: [...listenerAuditLogs(context.authorization, context.proxy)],
      ...namedByClientMatcher(servers),
    },
    {
      name,
      causes: [
        ...servers.flatMap(({ causes }) => causes),
        ...context.logins.map(({ cause }) => cause),
        ...context.authentication.map(({ cause }) => cause),
        ...policies.map(({ object }) => ({ object })),
      ],
      needs: [...chains.flatMap(({ needs }) => needs), ...providerNeeds(policies)],
    },
  );
}

/** One route configuration for every HTTP server; the port is the Gateway's, which rules without a port refer to. */
export function encodeGatewayRoutes(
  { listeners, outside = [] }: GatewayModel,
  trustDomains: readonly string[],
): readonly EncodedResource[] {
  const enforced = outsideOverrides(outside, trustDomains);
  return listeners.flatMap((listener) =>
    listener.servers.flatMap(({ tls, traffic }) =>
      traffic.kind === 'http'
        ? [encodeServerRoutes(traffic, { ...pointOf(tls, listener), outside: enforced })]
        : [],
    ),
  );
}

const pointOf = (tls: ServerTls, { port, bindPort }: GatewayListener): RequestPoint => ({
  port,
  clientPort: bindPort,
  scheme: tls.kind === 'none' ? 'http' : 'https',
  client: 'envoy',
});

type HttpTraffic = Extract<GatewayTraffic, { kind: 'http' }>;

function encodeServerRoutes(
  { routeName, virtualHosts: hosts }: HttpTraffic,
  point: RequestPoint,
): EncodedResource {
  const clusters = new Set<string>();
  const virtualHosts = hosts.map((host) => encodeGatewayHost(host, point, clusters));
  return encodeResource(
    RouteConfigurationSchema,
    {
      name: routeName,
      validateClusters: false,
      ignorePortInHostMatching: true,
      maxDirectResponseBodySizeBytes: 1_048_576,
      requestHeadersToAdd: [peerHeaderToAdd],
      virtualHosts,
    },
    {
      name: routeName,
      causes: hosts.flatMap(({ causes }) => causes),
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
