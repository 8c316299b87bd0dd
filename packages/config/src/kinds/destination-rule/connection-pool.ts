// Limits and lifetimes of the connections to a destination.
import { andThen, boolean, count, type Decoder, oneOf, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero, positiveDuration } from '../../values/duration.ts';
import type { ConnectionPool } from './spec.ts';

export const keepalive = andThen(
  object({
    probes: optional(uint32),
    time: optional(positiveDuration),
    interval: optional(positiveDuration),
  }),
  ({ probes, time, interval }) => ({
    ...(probes === undefined || probes === 0 ? {} : { probes }),
    ...(time === undefined ? {} : { timeMs: time }),
    ...(interval === undefined ? {} : { intervalMs: interval }),
  }),
);

const http2Keepalive = andThen(
  object({ interval: required(positiveDuration), timeout: required(positiveDuration) }),
  ({ interval, timeout }) => ({ intervalMs: interval, timeoutMs: timeout }),
);

const tcpShape = {
  maxConnections: optional(count),
  connectTimeout: optional(positiveDuration),
  maxConnectionDuration: optional(positiveDuration),
  idleTimeout: optional(durationOrZero),
  tcpKeepalive: optional(keepalive),
};

const httpShape = {
  http1MaxPendingRequests: optional(count),
  http2MaxRequests: optional(count),
  maxRequestsPerConnection: optional(count),
  maxRetries: optional(count),
  maxConcurrentStreams: optional(count),
  idleTimeout: optional(durationOrZero),
  h2UpgradePolicy: optional(oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE')),
  useClientProtocol: optional(boolean),
  http2KeepAlive: optional(http2Keepalive),
};

const limits = [
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRequestsPerConnection',
  'maxRetries',
  'maxConcurrentStreams',
] as const;

function tcpPool(value: Decoded<typeof tcpShape>): ConnectionPool {
  const { maxConnections, connectTimeout, maxConnectionDuration, idleTimeout, tcpKeepalive } = value;
  return {
    ...(maxConnections === undefined || maxConnections === 0 ? {} : { maxConnections }),
    ...(connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout }),
    ...(maxConnectionDuration === undefined ? {} : { maxConnectionDurationMs: maxConnectionDuration }),
    ...(idleTimeout === undefined ? {} : { idleTimeoutMs: idleTimeout }),
    ...(tcpKeepalive === undefined ? {} : { tcpKeepalive }),
  };
}

/** A limit of 0 is how protobuf writes "not set". */
function httpPool(value: Decoded<typeof httpShape>, walk: Walk): ConnectionPool | undefined {
  if (value.useClientProtocol && value.h2UpgradePolicy === 'UPGRADE') {
    const message = 'useClientProtocol and h2UpgradePolicy UPGRADE exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'useClientProtocol');
  }
  const pool: { -readonly [K in (typeof limits)[number]]?: number } = {};
  for (const name of limits) {
    const limit = value[name];
    if (limit !== undefined && limit > 0) pool[name] = limit;
  }
  const { idleTimeout, h2UpgradePolicy, useClientProtocol, http2KeepAlive: http2Keepalive } = value;
  return {
    ...pool,
    ...(idleTimeout === undefined ? {} : { httpIdleTimeoutMs: idleTimeout }),
    ...(h2UpgradePolicy === undefined ? {} : { h2UpgradePolicy }),
    ...(useClientProtocol === undefined ? {} : { useClientProtocol }),
    ...(http2Keepalive === undefined ? {} : { http2Keepalive }),
  };
}

export const connectionPool: Decoder<ConnectionPool> = andThen(
  object({
    tcp: optional(andThen(object(tcpShape), tcpPool)),
    http: optional(andThen(object(httpShape), httpPool)),
  }),
  ({ tcp, http }) => ({ ...tcp, ...http }),
);
