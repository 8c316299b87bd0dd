// TCP to one cluster or several by share, with access log and metrics.

import { create } from '@bufbuild/protobuf';
import type { ConnectionPool, Tunnel } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { type AccessLog, AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  TcpProxySchema,
  UpstreamConnectMode,
} from '@xebec/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import type { ConnectionAuthorization } from '../authorization/connections.ts';
import { durationOf } from '../duration.ts';
import { blackHoleCluster } from '../names.ts';
import { networkFilter } from './addresses.ts';
import { type ConnectionTarget, clusterSpecifier } from './connection-target.ts';

export type TcpLimits = Pick<ConnectionPool, 'idleTimeoutMs' | 'maxConnectionDurationMs'>;

export interface TcpProxyOptions {
  readonly statPrefix: string;
  /** One cluster, or several by share. */
  readonly cluster: ConnectionTarget;
  /** Lines for people: one a connection, when it ends. */
  readonly accessLog: readonly AccessLog[];
  readonly metrics: readonly AccessLog[];
  /** Who calls must have proven who it is before the upstream hears of it, and before the connection is counted. */
  readonly isMutualTls?: boolean;
  /** When policies have decided about the connection: before it, nobody dials; see `authorization/connections.ts`. */
  readonly decided?: ConnectionAuthorization['decided'];
  /** Milliseconds; an idle timeout of 0 is none. Absent: Envoy's one hour, and no limit of the duration. */
  readonly limits?: TcpLimits;
  /** Clients are told apart by their address where the cluster hashes. */
  readonly isSourceHashed?: boolean;
  /** The upstream is an HTTP proxy that is asked for the target. */
  readonly tunnel?: Tunnel;
  /** An endpoint that cannot be reached, or refuses the handshake, is not the end: see {@link dialedAgain}. */
  readonly isDialedAgain?: boolean;
  /** The address of the one endpoint that may serve; it is one of a headless service. */
  readonly endpoint?: string | undefined;
}

/** The endpoint of a headless service that the client has chosen. */
const chosen = (endpoint: string | undefined) =>
  endpoint === undefined ? {} : { metadataMatch: { filterMetadata: { 'envoy.lb': { address: endpoint } } } };

export function tcpProxy(options: TcpProxyOptions): Filter {
  const { statPrefix, cluster, accessLog, metrics, isMutualTls = false, decided, limits = {} } = options;
  const { idleTimeoutMs, maxConnectionDurationMs } = limits;
  const { isSourceHashed = false, tunnel } = options;
  return networkFilter(
    'envoy.filters.network.tcp_proxy',
    anyOf(TcpProxySchema, {
      statPrefix,
      // Without a word that it may, it goes nowhere.
      clusterSpecifier: clusterSpecifier(decided === 'handshake' ? blackHoleCluster : cluster),
      accessLog: [...accessLog.map(atEnd), ...metrics],
      accessLogOptions: { flushAccessLogOnConnected: true },
      ...chosen(options.endpoint),
      ...(options.isDialedAgain === true ? dialedAgain : {}),
      ...(isSourceHashed ? { hashPolicy: [bySource] } : {}),
      ...(tunnel === undefined ? {} : { tunnelingConfig: tunnelTo(tunnel) }),
      ...(decided === 'first-byte'
        ? afterFirstByte
        : isMutualTls || decided !== undefined
          ? afterHandshake
          : {}),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeout: durationOf(idleTimeoutMs) }),
      ...(maxConnectionDurationMs === undefined
        ? {}
        : { maxDownstreamConnectionDuration: durationOf(maxConnectionDurationMs) }),
    }),
  );
}

/**
 * Nothing of the client's bytes has left when a connection fails, so dialing again is safe. Another endpoint may answer;
 * and while a port goes from clear text to mutual TLS, or back, both sides learn of it at nearly the same time: the
 * pauses (of random length, half a second together on average) let them meet.
 */
const dialedAgain = {
  maxConnectAttempts: 4,
  backoffOptions: { baseInterval: durationOf(100), maxInterval: durationOf(1_000) },
};

const bySource = { policySpecifier: { case: 'sourceIp' as const, value: {} } };

const tunnelTo = ({ method, host, port }: Tunnel) => ({
  hostname: `${host.includes(':') ? `[${host}]` : host}:${port}`,
  usePost: method === 'POST',
});

/** What arrives before the upstream is connected waits, and the client beyond this many bytes. */
const earlyDataBytes = 16_384;

const afterHandshake = {
  upstreamConnectMode: UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE,
  maxEarlyDataBytes: earlyDataBytes,
};

const afterFirstByte = {
  upstreamConnectMode: UpstreamConnectMode.ON_DOWNSTREAM_DATA,
  maxEarlyDataBytes: earlyDataBytes,
};

const atEnd = (log: AccessLog): AccessLog =>
  create(AccessLogSchema, {
    name: log.name,
    configType: log.configType,
    filter: {
      filterSpecifier: { case: 'logTypeFilter' as const, value: { types: [AccessLogType.TcpConnectionEnd] } },
    },
  });
