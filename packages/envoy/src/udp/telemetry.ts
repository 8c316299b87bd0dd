// What is counted and logged of UDP sessions: one access log line each, and metrics named after Istio's of TCP.
import type { InboundPort } from '@xebec/model';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import type { ProxySettings } from '../inputs.ts';
import { encodeSessionLog } from '../telemetry/access-log.ts';
import {
  commonTags,
  counter,
  logTypeFilter,
  type MetricsOptions,
  statsLog,
  type Tags,
} from '../telemetry/standard-metrics.ts';
import { inboundUdpCluster } from './names.ts';

/** Who a session leads to, as far as it is known beforehand: Envoy tells a datagram's listener little of its upstream. */
export interface SessionNames {
  readonly cluster: string;
  readonly service?: { readonly host: string; readonly name: string; readonly namespace: string };
  readonly sourcePrincipal?: string;
  readonly destinationPrincipal?: string;
}

/** A proxy's own identity, where no connection shows it. */
export const ownPrincipal = ({ trustDomain }: ProxySettings): string =>
  `spiffe://${trustDomain}/ns/%ENVIRONMENT(POD_NAMESPACE)%/sa/%ENVIRONMENT(SERVICE_ACCOUNT)%`;

const session = (what: string): string => `%DYNAMIC_METADATA(udp.proxy.session:${what})%`;

/** Logs of a listener for datagrams; the metrics are made when a session ends, opened ones when its tunnel stands. */
export function encodeListenerLogs(
  names: SessionNames,
  options: MetricsOptions,
  settings: ProxySettings,
): readonly AccessLog[] {
  const tags = sessionTags(names, options);
  const { UdpSessionEnd, UdpTunnelUpstreamConnected } = AccessLogType;
  const opened = counter('istio_udp_sessions_opened_total', tags);
  const isTunnel = options.security === 'mutual_tls';
  return [
    ...encodeSessionLog(settings.accessLog.format, {
      types: [UdpSessionEnd],
      cluster: names.cluster,
      sourcePrincipal: names.sourcePrincipal ?? '-',
      destinationPrincipal: names.destinationPrincipal ?? '-',
    }),
    ...(isTunnel ? [statsLog({ counters: [opened] }, logTypeFilter(UdpTunnelUpstreamConnected))] : []),
    statsLog(
      {
        counters: [
          ...(isTunnel ? [] : [opened]),
          counter('istio_udp_sessions_closed_total', tags),
          counter('istio_udp_received_bytes_total', tags, session('bytes_received')),
          counter('istio_udp_sent_bytes_total', tags, session('bytes_sent')),
          counter('istio_udp_received_datagrams_total', tags, session('datagrams_received')),
          counter('istio_udp_sent_datagrams_total', tags, session('datagrams_sent')),
        ],
      },
      logTypeFilter(UdpSessionEnd),
    ),
  ];
}

function sessionTags(names: SessionNames, options: MetricsOptions): Tags {
  return {
    ...commonTags(options),
    source_principal: names.sourcePrincipal ?? '-',
    destination_principal: names.destinationPrincipal ?? '-',
    ...serviceTags(names.service),
    request_protocol: 'udp',
  };
}

/** Logs of a tunnel's server. It counts the bytes of the tunnel, which frames each datagram with three bytes or more. */
export function encodeTunnelLogs(
  { port, service }: InboundPort,
  settings: ProxySettings,
): readonly AccessLog[] {
  const tags = {
    ...commonTags({ reporter: 'destination', security: 'mutual_tls' }),
    ...serviceTags(service),
    request_protocol: 'udp',
  };
  const { DownstreamStart, DownstreamEnd } = AccessLogType;
  return [
    ...encodeSessionLog(settings.accessLog.format, {
      types: [DownstreamEnd],
      cluster: inboundUdpCluster(port),
      sourcePrincipal: '%DOWNSTREAM_PEER_URI_SAN%',
      destinationPrincipal: '%DOWNSTREAM_LOCAL_URI_SAN%',
    }),
    statsLog(
      { counters: [counter('istio_udp_sessions_opened_total', tags)] },
      logTypeFilter(DownstreamStart),
    ),
    statsLog(
      {
        counters: [
          counter('istio_udp_sessions_closed_total', tags),
          counter('istio_udp_received_bytes_total', tags, '%BYTES_RECEIVED%'),
          counter('istio_udp_sent_bytes_total', tags, '%BYTES_SENT%'),
        ],
      },
      logTypeFilter(DownstreamEnd),
    ),
  ];
}

const serviceTags = (service: SessionNames['service']): Tags => ({
  destination_service: service?.host ?? '-',
  destination_service_name: service?.name ?? '-',
  destination_service_namespace: service?.namespace ?? '-',
});
