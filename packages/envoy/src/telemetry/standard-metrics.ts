// The Istio standard metrics, made by the proxy itself from its access log events.
// Names get an `envoy_` prefix on the proxy's own page; the agent's merged page has them without.
import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import {
  type AccessLog,
  type AccessLogFilterSchema,
  AccessLogSchema,
} from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  Config_Histogram_Unit,
  ConfigSchema,
} from '@xebec/protos/envoy/extensions/access_loggers/stats/v3/stats_pb';
import type { Fields } from '../resource.ts';
import { ownField, type PeerField, peerField } from './peer.ts';

export type Reporter = 'source' | 'destination';

export interface MetricsOptions {
  readonly reporter: Reporter;
  /** What is known of the connection's encryption where the metric is made. */
  readonly security: 'mutual_tls' | 'none' | 'unknown';
  /** Tunnels are counted as the connections they are, not as requests. */
  readonly takesConnect?: boolean;
}

export type Tags = Readonly<Record<string, string>>;
type FilterInit = Fields<typeof AccessLogFilterSchema>;

const workloadLabels: readonly (readonly [string, PeerField, string])[] = [
  ['workload', 'workload', 'workload'],
  ['workload_namespace', 'namespace', 'namespace'],
  ['app', 'app', 'app'],
  ['version', 'version', 'version'],
  ['canonical_service', 'canonicalService', 'canonical_service'],
  ['canonical_revision', 'canonicalRevision', 'canonical_revision'],
];

function workloadTags({ reporter }: MetricsOptions): Tags {
  const entries = workloadLabels.flatMap(([label, field, endpointKey]) =>
    reporter === 'source'
      ? [
          [`source_${label}`, ownField(field)],
          [`destination_${label}`, `%UPSTREAM_METADATA(istio:${endpointKey})%`],
        ]
      : [
          [`source_${label}`, peerField(field)],
          [`destination_${label}`, ownField(field)],
        ],
  );
  return Object.fromEntries(entries);
}

export function commonTags(options: MetricsOptions): Tags {
  const isSource = options.reporter === 'source';
  return {
    reporter: options.reporter,
    ...workloadTags(options),
    source_principal: isSource ? '%UPSTREAM_LOCAL_URI_SAN%' : '%DOWNSTREAM_PEER_URI_SAN%',
    destination_principal: isSource ? '%UPSTREAM_PEER_URI_SAN%' : '%DOWNSTREAM_LOCAL_URI_SAN%',
    destination_service: '%CLUSTER_METADATA(istio:service_host)%',
    destination_service_name: '%CLUSTER_METADATA(istio:service_name)%',
    destination_service_namespace: '%CLUSTER_METADATA(istio:service_namespace)%',
    response_flags: '%RESPONSE_FLAGS%',
    connection_security_policy: options.security,
  };
}

/** Requests, durations and sizes of HTTP and gRPC. */
export function encodeHttpMetrics(options: MetricsOptions): readonly AccessLog[] {
  const tags = { ...commonTags(options), response_code: '%RESPONSE_CODE%' };
  const grpc = { ...tags, request_protocol: 'grpc', grpc_response_status: '%GRPC_STATUS_NUMBER%' };
  const http = { ...tags, request_protocol: 'http' };
  return [
    statsLog(requestMetrics(grpc), contentTypeFilter(false)),
    statsLog(
      requestMetrics(http),
      options.takesConnect === true ? both(contentTypeFilter(true), noTunnel) : contentTypeFilter(true),
    ),
  ];
}

/** Connections and bytes of TCP: opened when a connection is established, the rest when it ends. */
export function encodeTcpMetrics(options: MetricsOptions): readonly AccessLog[] {
  const tags = { ...commonTags(options), request_protocol: 'tcp' };
  return [
    statsLog(
      { counters: [counter('istio_tcp_connections_opened_total', tags)] },
      logTypeFilter(AccessLogType.TcpUpstreamConnected),
    ),
    statsLog(
      {
        counters: [
          counter('istio_tcp_connections_closed_total', tags),
          counter('istio_tcp_received_bytes_total', tags, '%BYTES_RECEIVED%'),
          counter('istio_tcp_sent_bytes_total', tags, '%BYTES_SENT%'),
        ],
      },
      logTypeFilter(AccessLogType.TcpConnectionEnd),
    ),
  ];
}

type StatsInit = Fields<typeof ConfigSchema>;

function requestMetrics(tags: Tags): StatsInit {
  return {
    counters: [counter('istio_requests_total', tags)],
    histograms: [
      histogram('istio_request_duration_milliseconds', tags, [
        '%DURATION%',
        Config_Histogram_Unit.Milliseconds,
      ]),
      histogram('istio_request_bytes', tags, ['%BYTES_RECEIVED%', Config_Histogram_Unit.Bytes]),
      histogram('istio_response_bytes', tags, ['%BYTES_SENT%', Config_Histogram_Unit.Bytes]),
    ],
  };
}

const stat = (name: string, tags: Tags) => ({
  name,
  tags: Object.entries(tags).map(([tag, valueFormat]) => ({ name: tag, valueFormat })),
});

export const counter = (name: string, tags: Tags, valueFormat?: string) => ({
  stat: stat(name, tags),
  ...(valueFormat === undefined ? { valueFixed: 1n } : { valueFormat }),
});

const histogram = (
  name: string,
  tags: Tags,
  [valueFormat, unit]: readonly [string, Config_Histogram_Unit],
) => ({
  stat: stat(name, tags),
  valueFormat,
  unit,
});

export function statsLog(metrics: StatsInit, filter: FilterInit): AccessLog {
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stats',
    filter,
    configType: {
      case: 'typedConfig',
      value: anyOf(ConfigSchema, { ...metrics, statsScope: { prefix: '' } }),
    },
  });
}

function contentTypeFilter(invertMatch: boolean): FilterInit {
  const header = {
    name: 'content-type',
    invertMatch,
    headerMatchSpecifier: {
      case: 'stringMatch' as const,
      value: { matchPattern: { case: 'prefix' as const, value: 'application/grpc' } },
    },
    ...(invertMatch ? { treatMissingHeaderAsEmpty: true } : {}),
  };
  return { filterSpecifier: { case: 'headerFilter', value: { header } } };
}

const noTunnel: FilterInit = {
  filterSpecifier: {
    case: 'headerFilter',
    value: {
      header: {
        name: ':method',
        invertMatch: true,
        headerMatchSpecifier: {
          case: 'stringMatch',
          value: { matchPattern: { case: 'exact', value: 'CONNECT' } },
        },
      },
    },
  },
};

const both = (left: FilterInit, right: FilterInit): FilterInit => ({
  filterSpecifier: { case: 'andFilter', value: { filters: [left, right] } },
});

export const logTypeFilter = (type: AccessLogType): FilterInit => ({
  filterSpecifier: { case: 'logTypeFilter', value: { types: [type] } },
});
