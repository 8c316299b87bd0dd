// A listener for datagrams: each client address is a session of its own, kept on one endpoint until it is idle.

import type { Cause } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { SocketAddress_Protocol } from '@xebec/protos/envoy/config/core/v3/address_pb';
import type { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { FilterConfigSchema } from '@xebec/protos/envoy/extensions/filters/udp/udp_proxy/session/http_capsule/v3/http_capsule_pb';
import { RouteSchema } from '@xebec/protos/envoy/extensions/filters/udp/udp_proxy/v3/route_pb';
import { UdpProxyConfigSchema } from '@xebec/protos/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb';
import { durationOf } from '../duration.ts';
import { listenerFilter, socketAddress } from '../listeners/addresses.ts';
import { causeMetadata } from '../metadata.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { peerHeaderToAdd } from '../telemetry/peer.ts';
import { largestDatagram, tunnelTarget, type UdpWay } from './names.ts';

type ProxyInit = Fields<typeof UdpProxyConfigSchema>;

export interface UdpListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly direction: TrafficDirection;
  readonly cluster: string;
  readonly way: UdpWay;
  /** Names the service in the tunnel's requests. */
  readonly authority: string;
  readonly logs: readonly AccessLog[];
  /** Milliseconds; absent: a minute. */
  readonly idleTimeoutMs?: number;
  /** Clients with one address, whatever their port, stay together on one endpoint. */
  readonly isHashedBySource?: boolean;
  readonly causes: readonly Cause[];
}

/** `ADDRESS_PORT_udp`; a listener for connections may have the same address and port. */
export function encodeUdpListener(options: UdpListenerOptions): EncodedResource {
  const { address, port, direction, cluster, causes } = options;
  const name = `${address}_${port}_udp`;
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(address, port, SocketAddress_Protocol.UDP),
      // Service addresses exist only where capture has made them; elsewhere such a listener is merely never reached.
      freebind: true,
      trafficDirection: direction,
      metadata: causeMetadata(causes),
      udpListenerConfig: { downstreamSocketConfig: { maxRxDatagramSize: largestDatagram } },
      listenerFilters: [listenerFilter('envoy.filters.udp_listener.udp_proxy', udpProxy(options))],
    },
    { name, causes, needs: [{ typeUrl: typeUrls.cluster, name: cluster }] },
  );
}

/** The longest that a session of no idle timeout may be silent: a session has no end of its own. */
const endlessMs = 24 * 3_600_000;

function udpProxy(options: UdpListenerOptions) {
  const { cluster, way, idleTimeoutMs, isHashedBySource = false } = options;
  return anyOf(UdpProxyConfigSchema, {
    // Envoy takes all up to the first dot for the label of its own session statistics.
    statPrefix: cluster.replaceAll('.', '_'),
    routeSpecifier: { case: 'matcher', value: always(cluster) },
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: durationOf(idleTimeoutMs || endlessMs) }),
    ...(isHashedBySource ? { hashPolicies: [{ policySpecifier: { case: 'sourceIp', value: true } }] } : {}),
    upstreamSocketConfig: { maxRxDatagramSize: largestDatagram },
    accessLog: [...options.logs],
    ...(way === 'tunnel' ? tunnelling(options) : {}),
  });
}

const always = (cluster: string) => ({
  onNoMatch: {
    onMatch: {
      case: 'action' as const,
      value: { name: 'route', typedConfig: anyOf(RouteSchema, { cluster }) },
    },
  },
});

/** What arrives while the tunnel is being built waits, up to these limits. */
const waiting = { maxBufferedDatagrams: 256, maxBufferedBytes: 262_144n };

function tunnelling({ authority }: UdpListenerOptions): ProxyInit {
  return {
    sessionFilters: [
      {
        name: 'envoy.filters.udp.session.http_capsule',
        configType: { case: 'typedConfig', value: anyOf(FilterConfigSchema, {}) },
      },
    ],
    accessLogOptions: { flushAccessLogOnTunnelConnected: true },
    tunnelingConfig: {
      proxyHost: authority,
      targetHost: tunnelTarget.host,
      defaultTargetPort: tunnelTarget.port,
      retryOptions: { maxConnectAttempts: 2 },
      headersToAdd: [peerHeaderToAdd],
      bufferOptions: waiting,
    },
  };
}
