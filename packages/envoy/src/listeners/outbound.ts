// Outbound listeners of sidecars: per HTTP port, per TCP service, the catch-all 15001, and the explicit HTTP proxy.
import type { Protocol, ProxyNode } from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type {
  Filter,
  FilterChainSchema,
} from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { removalFilters } from '../authorization/header-removal.ts';
import { outsideFilters } from '../authorization/outside.ts';
import { sniDnsFilter } from '../clusters/dynamic-dns.ts';
import type { ProxySettings } from '../inputs.ts';
import { blackHoleCluster, httpProxyRoute, passthroughCluster } from '../names.ts';
import { outsideReportLogs } from '../reports/report-logs.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeHttpMetrics, encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import {
  alsoIpv6,
  detectionLimit,
  httpInspector,
  originalDestinationFilter,
  plainHttpProtocols,
  socketAddress,
} from './addresses.ts';
import { clientFilters } from './connection-protocols.ts';
import { type ConnectionTarget, clustersOf } from './connection-target.ts';
import { httpConnectionManager } from './http-connection.ts';
import { tcpProxy } from './tcp-proxy.ts';
import type { UpstreamTraits } from './upstream-traits.ts';

type Chain = Fields<typeof FilterChainSchema>;
type ListenerInit = Fields<typeof ListenerSchema>;

const outboundPort = 15001;
export const anyAddress = '0.0.0.0';
const metrics = { reporter: 'source', security: 'unknown' } as const;

export const httpManager = (statPrefix: string, route: string, options: OutboundOptions) =>
  httpConnectionManager({
    statPrefix,
    routes: { kind: 'named', name: route },
    accessLog: [
      ...encodeAccessLog(options.settings.accessLog),
      ...encodeHttpMetrics({ ...metrics, takesConnect: options.takesConnect ?? false }),
      ...outsideReportLogs(options.settings.outside),
    ],
    authorization: outsideFilters(options.settings.outside),
    readers: removalFilters(options.settings.outside?.removesHeaders === true),
    place: 'sidecar-outbound',
    paths: options.settings.pathNormalization,
    isOnDemand: options.isOnDemand,
    hasDynamicHosts: options.settings.hasDynamicHosts === true,
    takesConnect: options.takesConnect ?? false,
  });

export interface ConnectionTraits extends UpstreamTraits {
  /** What the destination's port is declared to speak. */
  readonly protocol?: Protocol;
  /** The address of the endpoint that the client has chosen. */
  readonly endpoint?: string;
}

/** The filters of connections that pass as they are. */
export const tcpManager = (
  target: ConnectionTarget,
  { settings }: Pick<OutboundOptions, 'settings'>,
  { protocol = 'tcp', endpoint, namedPort, ...upstream }: ConnectionTraits = {},
): readonly Filter[] => [
  ...clientFilters(protocol, clustersOf(target)[0] ?? ''),
  ...(namedPort === undefined ? [] : [sniDnsFilter(namedPort)]),
  tcpProxy({
    statPrefix: clustersOf(target)[0] ?? '',
    cluster: target,
    accessLog: encodeAccessLog(settings.accessLog),
    metrics: encodeTcpMetrics(metrics),
    isDialedAgain: target !== blackHoleCluster,
    ...upstream,
    endpoint,
  }),
];

/** Plaintext HTTP is routed, everything else passes as TCP. */
const detecting = (http: Filter, tcp: readonly Filter[]): ListenerInit => ({
  listenerFilters: [httpInspector],
  ...detectionLimit,
  filterChains: [
    { filterChainMatch: { applicationProtocols: [...plainHttpProtocols] }, filters: [http] },
    { filters: [...tcp] },
  ],
});

export interface OutboundOptions {
  readonly settings: ProxySettings;
  readonly isOnDemand: boolean;
  /** For sidecars that also take IPv6. */
  readonly hasIpv6?: true;
  /** It is an HTTP proxy, which may be asked for tunnels. */
  readonly takesConnect?: boolean;
}

/**
 * Redirected traffic of one HTTP port, whatever its destination address. Where a service leaves open what it speaks
 * on the port, other protocols pass to where the client was going. With `bind` clients dial it instead.
 */
export function encodeHttpPortListener(
  port: number,
  options: OutboundOptions & { readonly isDetected: boolean; readonly bind?: string },
): EncodedResource {
  const { bind = anyAddress } = options;
  const name = `${bind}_${port}`;
  const http = httpManager(`outbound_${name}`, String(port), options);
  const other = tcpManager(unknownDestination(options.settings), options);
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(bind, port),
      ...(options.bind === undefined ? { ...alsoIpv6(options, port), bindToPort: false } : {}),
      trafficDirection: TrafficDirection.OUTBOUND,
      ...(options.isDetected ? detecting(http, other) : { filterChains: [{ filters: [http] }] }),
    },
    { name, needs: [{ typeUrl: typeUrls.route, name: String(port) }] },
  );
}

export const unknownDestination = ({ outboundTrafficPolicy }: ProxySettings): string =>
  outboundTrafficPolicy === 'ALLOW_ANY' ? passthroughCluster : blackHoleCluster;

/** Everything that is redirected and that no other listener wants. */
export function encodeVirtualOutbound(
  options: Pick<OutboundOptions, 'settings' | 'hasIpv6'>,
): EncodedResource {
  const { settings } = options;
  const name = 'virtualOutbound';
  const blackHole: Chain = {
    name: 'virtualOutbound-blackhole',
    filterChainMatch: { destinationPort: outboundPort },
    filters: [...tcpManager(blackHoleCluster, options)],
  };
  const other = unknownDestination(settings);
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(anyAddress, outboundPort),
      ...alsoIpv6(options, outboundPort),
      useOriginalDst: true,
      trafficDirection: TrafficDirection.OUTBOUND,
      listenerFilters: [originalDestinationFilter],
      filterChains: [
        blackHole,
        { name: 'virtualOutbound-catchall-tcp', filters: [...tcpManager(other, options)] },
      ],
    },
    { name },
  );
}

/** The HTTP proxy that applications name in `http_proxy` when nothing is redirected. */
export function encodeHttpProxyListener(proxy: ProxyNode, options: OutboundOptions): EncodedResource {
  const name = `${proxy.address}_${outboundPort}`;
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(proxy.address, outboundPort),
      trafficDirection: TrafficDirection.OUTBOUND,
      filterChains: [
        {
          filters: [
            httpManager(`outbound_${httpProxyRoute}`, httpProxyRoute, { ...options, takesConnect: true }),
          ],
        },
      ],
    },
    { name, needs: [{ typeUrl: typeUrls.route, name: httpProxyRoute }] },
  );
}
