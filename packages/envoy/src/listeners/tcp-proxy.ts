// TCP to one cluster, with access log and metrics.

import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import { type AccessLog, AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { TcpProxySchema } from '@xebec/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { networkFilter } from './addresses.ts';

export interface TcpProxyOptions {
  readonly statPrefix: string;
  readonly cluster: string;
  /** Lines for people: one a connection, when it ends. */
  readonly accessLog: readonly AccessLog[];
  readonly metrics: readonly AccessLog[];
}

export function tcpProxy({ statPrefix, cluster, accessLog, metrics }: TcpProxyOptions): Filter {
  return networkFilter(
    'envoy.filters.network.tcp_proxy',
    anyOf(TcpProxySchema, {
      statPrefix,
      clusterSpecifier: { case: 'cluster', value: cluster },
      accessLog: [...accessLog.map(atEnd), ...metrics],
      accessLogOptions: { flushAccessLogOnConnected: true },
    }),
  );
}

const atEnd = (log: AccessLog): AccessLog =>
  create(AccessLogSchema, {
    name: log.name,
    configType: log.configType,
    filter: {
      filterSpecifier: { case: 'logTypeFilter' as const, value: { types: [AccessLogType.TcpConnectionEnd] } },
    },
  });
