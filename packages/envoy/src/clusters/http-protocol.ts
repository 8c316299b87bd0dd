// Which HTTP version a sidecar speaks to a destination.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { ConnectionPool, Protocol } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { HttpProtocolOptionsSchema as CommonSchema } from '@xebec/protos/envoy/config/core/v3/protocol_pb';
import { HttpProtocolOptionsSchema } from '@xebec/protos/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { durationOf } from '../duration.ts';

export const httpProtocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

type HttpVersion = 'http1' | 'http2' | 'as-downstream' | 'none';

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
  return ['istio'];
}

/** The upstream HTTP options, or undefined where Envoy's default (HTTP/1.1) needs no saying. */
export function encodeHttpProtocol(version: HttpVersion, pool: ConnectionPool): Any | undefined {
  const common = commonOptions(pool);
  if (version === 'none' || (version === 'http1' && common === undefined)) return undefined;
  const http2 =
    pool.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: pool.maxConcurrentStreams };
  return anyOf(HttpProtocolOptionsSchema, {
    ...(common === undefined ? {} : { commonHttpProtocolOptions: common }),
    upstreamProtocolOptions:
      version === 'as-downstream'
        ? {
            case: 'useDownstreamProtocolConfig',
            value: { httpProtocolOptions: {}, http2ProtocolOptions: http2 },
          }
        : {
            case: 'explicitHttpConfig',
            value: {
              protocolConfig:
                version === 'http2'
                  ? { case: 'http2ProtocolOptions', value: http2 }
                  : { case: 'httpProtocolOptions', value: {} },
            },
          },
  });
}

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
