// What a connection pool says of connections, whatever they carry: for destinations and for one's own application.
import type { ConnectionPool, RetryBudget } from '@xebec/model';
import type { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { durationOf, unlimited } from '../duration.ts';
import type { Fields } from '../resource.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

const defaultConnectTimeoutMs = 10_000;

export const encodeConnectionLimits = (pool: ConnectionPool, retryBudget?: RetryBudget): ClusterInit => ({
  connectTimeout: durationOf(pool.connectTimeoutMs ?? defaultConnectTimeoutMs),
  circuitBreakers: { thresholds: [thresholds(pool, retryBudget)] },
  ...tcpKeepalive(pool),
});

function thresholds(pool: ConnectionPool, retryBudget: RetryBudget | undefined) {
  return {
    maxConnections: pool.maxConnections ?? unlimited,
    maxPendingRequests: pool.http1MaxPendingRequests ?? unlimited,
    maxRequests: pool.http2MaxRequests ?? unlimited,
    maxRetries: pool.maxRetries ?? unlimited,
    ...(retryBudget === undefined ? {} : { retryBudget: encodeRetryBudget(retryBudget) }),
    trackRemaining: true,
  };
}

function encodeRetryBudget({ percent, minConcurrency, intervalMs }: RetryBudget) {
  return {
    budgetPercent: { value: percent },
    minRetryConcurrency: minConcurrency,
    ...(intervalMs === 0 ? {} : { budgetInterval: durationOf(intervalMs) }),
  };
}

function tcpKeepalive({ tcpKeepalive: keepalive }: ConnectionPool): ClusterInit {
  if (keepalive === undefined) return {};
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(keepalive.probes === undefined ? {} : { keepaliveProbes: keepalive.probes }),
        ...(keepalive.timeMs === undefined ? {} : { keepaliveTime: Math.ceil(keepalive.timeMs / 1000) }),
        ...(keepalive.intervalMs === undefined
          ? {}
          : { keepaliveInterval: Math.ceil(keepalive.intervalMs / 1000) }),
      },
    },
  };
}
