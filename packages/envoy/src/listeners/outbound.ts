// Outbound listeners of sidecars: per HTTP port, per TCP service, the catch-all 15001, and the explicit HTTP proxy.
import type { ProxyNode, Service, ServicePort } from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { FilterChainSchema } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import type { ProxySettings } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { blackHoleCluster, httpProxyRoute, outboundCluster, passthroughCluster } from '../names.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeHttpMetrics, encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import { originalDestinationFilter, socketAddress } from './addresses.ts';
import { httpConnectionManager } from './http-connection.ts';
import { tcpProxy } from './tcp-proxy.ts';

type Chain = Fields<typeof FilterChainSchema>;

const outboundPort = 15001;
const anyAddress = '0.0.0.0';
const metrics = { reporter: 'source', security: 'unknown' } as const;

const httpManager = (statPrefix: string, route: string, options: OutboundOptions) =>
  httpConnectionManager({
    statPrefix,
    routes: { kind: 'named', name: route },
    accessLog: [...encodeAccessLog(options.settings.accessLog.format), ...encodeHttpMetrics(metrics)],
    place: 'sidecar-outbound',
    isOnDemand: options.isOnDemand,
  });

const tcpManager = (statPrefix: string, cluster: string, { settings }: Pick<OutboundOptions, 'settings'>) =>
  tcpProxy({
    statPrefix,
    cluster,
    accessLog: encodeAccessLog(settings.accessLog.format),
    metrics: encodeTcpMetrics(metrics),
  });

export interface OutboundOptions {
  readonly settings: ProxySettings;
  readonly isOnDemand: boolean;
}

/** Redirected traffic of one HTTP port, whatever its destination address. */
export function encodeHttpPortListener(port: number, options: OutboundOptions): EncodedResource {
  const name = `${anyAddress}_${port}`;
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(anyAddress, port),
      bindToPort: false,
      trafficDirection: TrafficDirection.OUTBOUND,
      filterChains: [{ filters: [httpManager(`outbound_${name}`, String(port), options)] }],
    },
    { name, needs: [{ typeUrl: typeUrls.route, name: String(port) }] },
  );
}

/** Redirected traffic to one address of a TCP service, or of a service whose protocol is detected. */
export function encodeTcpServiceListener(
  target: { readonly service: Service; readonly port: ServicePort; readonly address: string },
  options: OutboundOptions,
): EncodedResource {
  const { service, port, address } = target;
  const name = `${address}_${port.number}`;
  const cluster = outboundCluster(port.number, '', service.host);
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(address, port.number),
      bindToPort: false,
      trafficDirection: TrafficDirection.OUTBOUND,
      metadata: causeMetadata(service.causes),
      filterChains: [{ filters: [tcpManager(cluster, cluster, options)] }],
    },
    { name, causes: service.causes, needs: [{ typeUrl: typeUrls.cluster, name: cluster }] },
  );
}

/** Everything that is redirected and that no other listener wants. */
export function encodeVirtualOutbound(options: Pick<OutboundOptions, 'settings'>): EncodedResource {
  const { settings } = options;
  const isOpen = settings.outboundTrafficPolicy === 'ALLOW_ANY';
  const name = 'virtualOutbound';
  const blackHole: Chain = {
    name: 'virtualOutbound-blackhole',
    filterChainMatch: { destinationPort: outboundPort },
    filters: [tcpManager(blackHoleCluster, blackHoleCluster, options)],
  };
  const other = isOpen ? passthroughCluster : blackHoleCluster;
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(anyAddress, outboundPort),
      useOriginalDst: true,
      trafficDirection: TrafficDirection.OUTBOUND,
      listenerFilters: [originalDestinationFilter],
      filterChains: [
        blackHole,
        { name: 'virtualOutbound-catchall-tcp', filters: [tcpManager(other, other, options)] },
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
      filterChains: [{ filters: [httpManager(`outbound_${httpProxyRoute}`, httpProxyRoute, options)] }],
    },
    { name, needs: [{ typeUrl: typeUrls.route, name: httpProxyRoute }] },
  );
}
