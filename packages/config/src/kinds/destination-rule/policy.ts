// Traffic policies: load balancing, connection pools and TLS towards a host or one of its ports.
import { andThen, boolean, count, type Decoder, list, oneOf, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero, positiveDuration } from '../../values/duration.ts';
import { port } from '../../values/numbers.ts';
import { loadBalancer } from './load-balancer.ts';
import type { ClientTlsMode, ConnectionPool, PortTrafficPolicy, TrafficPolicySpec } from './spec.ts';

const keepalive = andThen(
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
  const { idleTimeout, h2UpgradePolicy, useClientProtocol } = value;
  return {
    ...pool,
    ...(idleTimeout === undefined ? {} : { httpIdleTimeoutMs: idleTimeout }),
    ...(h2UpgradePolicy === undefined ? {} : { h2UpgradePolicy }),
    ...(useClientProtocol === undefined ? {} : { useClientProtocol }),
  };
}

const connectionPool: Decoder<ConnectionPool> = andThen(
  object({
    tcp: optional(andThen(object(tcpShape), tcpPool)),
    http: optional(andThen(object(httpShape), httpPool)),
  }),
  ({ tcp, http }) => ({ ...tcp, ...http }),
);

const tlsFiles = [
  'caCertificates',
  'caCrl',
  'clientCertificate',
  'credentialName',
  'insecureSkipVerify',
  'privateKey',
  'sni',
  'subjectAltNames',
];

const tls: Decoder<ClientTlsMode> = andThen(
  object(
    { mode: withDefault(oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'), 'DISABLE') },
    { later: tlsFiles },
  ),
  ({ mode }, walk) => {
    if (mode === 'DISABLE' || mode === 'ISTIO_MUTUAL') return mode;
    const message = `mode ${mode} is not yet supported`;
    return refuse(
      walk,
      { code: 'not-yet-supported', message, remedy: 'write ISTIO_MUTUAL or DISABLE' },
      'mode',
    );
  },
);

const policyShape = {
  loadBalancer: optional(loadBalancer),
  connectionPool: optional(connectionPool),
  tls: optional(tls),
};

const normalize = (value: Decoded<typeof policyShape>): PortTrafficPolicy => ({
  ...(value.loadBalancer === undefined ? {} : { loadBalancer: value.loadBalancer }),
  ...(value.connectionPool === undefined ? {} : { connectionPool: value.connectionPool }),
  ...(value.tls === undefined ? {} : { tls: value.tls }),
});

const portPolicy = andThen(
  object(
    { ...policyShape, port: required(object({ number: required(port) })) },
    { later: ['outlierDetection'] },
  ),
  ({ port: written, ...value }) => ({ ...normalize(value), port: written.number }),
);

type PortPolicies = TrafficPolicySpec['portLevelSettings'];

function checkPorts(policies: PortPolicies, walk: Walk): PortPolicies | undefined {
  const seen = new Set<number>();
  for (const [index, { port: number }] of policies.entries()) {
    if (seen.has(number)) {
      const message = `port ${number} has settings twice`;
      return refuse(walk, { code: 'duplicate', message, remedy: 'merge them' }, index);
    }
    seen.add(number);
  }
  return policies;
}

export const trafficPolicy: Decoder<TrafficPolicySpec> = andThen(
  object(
    {
      ...policyShape,
      portLevelSettings: withDefault<PortPolicies>(
        andThen(list(portPolicy, { most: 4_096 }), checkPorts),
        [],
      ),
    },
    { later: ['outlierDetection', 'proxyProtocol', 'retryBudget', 'tunnel'] },
  ),
  ({ portLevelSettings, ...value }) => ({ ...normalize(value), portLevelSettings }),
);
