// Socket addresses and filters as Envoy writes them.

import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { SocketAddress_Protocol } from '@xebec/protos/envoy/config/core/v3/address_pb';
import {
  type Filter,
  FilterSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { HttpInspectorSchema } from '@xebec/protos/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb';
import { OriginalDstSchema } from '@xebec/protos/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb';
import { OriginalSrcSchema } from '@xebec/protos/envoy/extensions/filters/listener/original_src/v3/original_src_pb';
import { ProxyProtocolSchema } from '@xebec/protos/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb';
import { TlsInspectorSchema } from '@xebec/protos/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { durationOf } from '../duration.ts';

export const socketAddress = (address: string, port: number, protocol = SocketAddress_Protocol.TCP) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address, portSpecifier: { case: 'portValue' as const, value: port }, protocol },
  },
});

/** The same port for IPv6: listeners for all addresses are of one family each. */
export const alsoIpv6 = (proxy: { readonly hasIpv6?: true }, port: number) =>
  proxy.hasIpv6 === true ? { additionalAddresses: [{ address: socketAddress('::', port) }] } : {};

/** `10.0.0.0/8`, or one address. */
export function addressRange(written: string) {
  const [addressPrefix = '', length] = written.split('/');
  return {
    addressPrefix,
    prefixLen: length === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(length),
  };
}

/** A Unix socket; `@NAME` has no file. */
export const socketPath = (path: string) => ({ address: { case: 'pipe' as const, value: { path } } });

export const networkFilter = (name: string, config: Any): Filter =>
  create(FilterSchema, { name, configType: { case: 'typedConfig', value: config } });

export const listenerFilter = (name: string, config: Any): ListenerFilter =>
  create(ListenerFilterSchema, { name, configType: { case: 'typedConfig', value: config } });

export const originalDestinationFilter = listenerFilter(
  'envoy.filters.listener.original_dst',
  anyOf(OriginalDstSchema, {}),
);
/** The application sees the client's address; the mark tells capture that the connection is the proxy's. */
export const originalSourceFilter = listenerFilter(
  'envoy.filters.listener.original_src',
  anyOf(OriginalSrcSchema, { mark: 1337 }),
);
export const tlsInspector = listenerFilter(
  'envoy.filters.listener.tls_inspector',
  anyOf(TlsInspectorSchema, {}),
);
/** A balancer before the proxy tells whose connection it is; without that there is none. */
export const proxyProtocol = listenerFilter(
  'envoy.filters.listener.proxy_protocol',
  anyOf(ProxyProtocolSchema, {}),
);
/** What the HTTP inspector calls plaintext HTTP. */
export const plainHttpProtocols = ['http/1.0', 'http/1.1', 'h2c'] as const;

/** Detection may hold a connection this long; then it counts as plain TCP, so that servers may speak first. */
export const detectionLimit = {
  listenerFiltersTimeout: durationOf(100),
  continueOnListenerFiltersTimeout: true,
};

/** Where the client speaks first whatever it speaks, a late word is still its first. */
export const patientLimit = { ...detectionLimit, listenerFiltersTimeout: durationOf(15_000) };

export const httpInspector = listenerFilter(
  'envoy.filters.listener.http_inspector',
  anyOf(HttpInspectorSchema, {}),
);
