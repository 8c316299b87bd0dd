// The PROXY protocol in front of whatever else the connection carries.
import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { ProxyProtocolConfig_Version } from '@xebec/protos/envoy/config/core/v3/proxy_protocol_pb';
import { ProxyProtocolUpstreamTransportSchema } from '@xebec/protos/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb';

/** The first bytes say who the client is; then comes the inner transport. */
export function behindProxyHeader(version: 'V1' | 'V2', transportSocket: TransportSocket): TransportSocket {
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    configType: {
      case: 'typedConfig',
      value: anyOf(ProxyProtocolUpstreamTransportSchema, {
        config: { version: ProxyProtocolConfig_Version[version] },
        transportSocket,
      }),
    },
  });
}
