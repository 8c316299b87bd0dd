// Which HTTP version a sidecar speaks to a destination.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { ConnectionPool, HashKey, OutlierDetection, Protocol } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { HttpProtocolOptionsSchema as CommonSchema } from '@xebec/protos/envoy/config/core/v3/protocol_pb';
import { HttpProtocolOptionsSchema } from '@xebec/protos/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';
import { encodeHashPolicy } from './hash-policy.ts';
import { errorMatcher } from './outlier-detection.ts';

export const httpProtocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export type HttpVersion = 'http1' | 'http2' | 'as-downstream' | 'none';

export function httpVersion(protocol: Protocol, pool: ConnectionPool): HttpVersion {
  const isHttp = ['http', 'http2', 'grpc', 'grpc-web'].includes(protocol);
  if (isHttp && pool.useClientProtocol === true) return 'as-downstream';
  switch (protocol) {
    case 'http2':
    case 'grpc':
      return 'http2';
    case 'http':
    case 'grpc-web':
      return pool.h2UpgradePolicy === 'UPGRADE' ? 'http2' : 'http1';
    case 'auto':
      return 'as-downstream';
    default:
      return 'none';
  }
}

/** ALPN that tells the server's sidecar what it gets inside mutual TLS, in Istio's words. */
export function meshAlpn(version: HttpVersion): readonly string[] {
  if (version === 'http2') return ['istio-h2', 'istio', 'h2'];
  if (version === 'http1') return ['istio-http/1.1', 'istio', 'http/1.1'];
  // Which HTTP version the client speaks shows in the bytes; a connection that is no HTTP replaces this by `istio`.
  if (version === 'as-downstream') return ['istio-http/1.1', 'istio-h2', 'istio'];
  return ['istio'];
}

/** What of a policy shows in the HTTP options beside the pool. */
export interface HttpPolicy {
  readonly pool?: ConnectionPool;
  readonly hash?: HashKey;
  readonly outlierDetection?: OutlierDetection;
  /** The name that TLS asks for, and must be shown, is the one that the client called. */
  readonly serverName?: { readonly isAsked: boolean; readonly isVerified: boolean };
}

/** The upstream HTTP options, or undefined where Envoy's default (HTTP/1.1) needs no saying. */
export function encodeHttpProtocol(version: HttpVersion, policy: HttpPolicy = {}): Any | undefined {
  const { pool = {}, hash, serverName } = policy;
  const common = commonOptions(pool);
  const errors = errorMatcher(policy.outlierDetection);
  const isPlain = [common, hash, errors, serverName].every((part) => part === undefined);
  if (version === 'none' || (version === 'http1' && isPlain)) return undefined;
  return anyOf(HttpProtocolOptionsSchema, {
    ...(common === undefined ? {} : { commonHttpProtocolOptions: common }),
    ...(serverName === undefined
      ? {}
      : {
          upstreamHttpProtocolOptions: {
            autoSni: serverName.isAsked,
            autoSanValidation: serverName.isVerified,
          },
        }),
    ...(hash === undefined ? {} : { hashPolicy: [encodeHashPolicy(hash)] }),
    ...(errors === undefined ? {} : { outlierDetection: errors }),
    upstreamProtocolOptions: protocolOf(version, pool),
  });
}

function protocolOf(
  version: Exclude<HttpVersion, 'none'>,
  pool: ConnectionPool,
): NonNullable<Fields<typeof HttpProtocolOptionsSchema>['upstreamProtocolOptions']> {
  const http2 = http2Options(pool);
  if (version === 'as-downstream') {
    return {
      case: 'useDownstreamProtocolConfig',
      value: { httpProtocolOptions: {}, http2ProtocolOptions: http2 },
    };
  }
  return {
    case: 'explicitHttpConfig',
    value: {
      protocolConfig:
        version === 'http2'
          ? { case: 'http2ProtocolOptions', value: http2 }
          : { case: 'httpProtocolOptions', value: {} },
    },
  };
}

const http2Options = ({ maxConcurrentStreams, http2Keepalive }: ConnectionPool) => ({
  ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
  ...(http2Keepalive === undefined
    ? {}
    : {
        connectionKeepalive: {
          interval: durationOf(http2Keepalive.intervalMs),
          timeout: durationOf(http2Keepalive.timeoutMs),
        },
      }),
});

function commonOptions(pool: ConnectionPool): MessageInitShape<typeof CommonSchema> | undefined {
  const limits = [pool.httpIdleTimeoutMs, pool.maxRequestsPerConnection, pool.maxConnectionDurationMs];
  if (limits.every((limit) => limit === undefined)) return undefined;
  return {
    ...(pool.maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDuration: durationOf(pool.maxConnectionDurationMs) }),
    ...(pool.httpIdleTimeoutMs === undefined ? {} : { idleTimeout: durationOf(pool.httpIdleTimeoutMs) }),
    ...(pool.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: pool.maxRequestsPerConnection }),
  };
}
