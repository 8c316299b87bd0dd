// The edge of the mesh: what a gateway believes of the requests it takes, and what it says of itself.
import { create } from '@bufbuild/protobuf';
import type { EdgeTopology } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { HeaderMutationSchema as MutationSchema } from '@xebec/protos/envoy/config/common/mutation_rules/v3/mutation_rules_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  type HttpConnectionManagerSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { HeaderMutationSchema } from '@xebec/protos/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb';
import type { Fields } from '../resource.ts';

/** A gateway that nobody stands before: the address of the connection is the client's. */
export const openEdge: EdgeTopology = {
  trustedProxies: 0,
  forwardClientCert: 'SANITIZE_SET',
  isProxyProtocol: false,
};

const forwarding = {
  SANITIZE: ForwardDetails.SANITIZE,
  FORWARD_ONLY: ForwardDetails.FORWARD_ONLY,
  APPEND_FORWARD: ForwardDetails.APPEND_FORWARD,
  SANITIZE_SET: ForwardDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: ForwardDetails.ALWAYS_FORWARD_ONLY,
} as const;

const removeAll = (prefix: string): Fields<typeof MutationSchema> => ({
  action: {
    case: 'removeOnMatch',
    value: { keyMatcher: { matchPattern: { case: 'prefix', value: prefix } } },
  },
});

/** What proxies tell each other is not for clients to say, before anything else reads it. */
const sanitize = (prefixes: readonly string[]) =>
  create(TypedExtensionConfigSchema, {
    name: 'envoy.http.early_header_mutation.header_mutation',
    typedConfig: anyOf(HeaderMutationSchema, { mutations: prefixes.map(removeAll) }),
  });
const fromOutside = sanitize(['x-envoy-', 'x-xebec-']);
/** A sidecar that has proven who it is tells which workload it is for. */
const fromMesh = sanitize(['x-envoy-']);

/** Part of a gateway's HTTP connection manager. */
export function edgeOptions(
  topology: EdgeTopology,
  options: { readonly isMesh: boolean },
): Fields<typeof HttpConnectionManagerSchema> {
  return {
    useRemoteAddress: true,
    xffNumTrustedHops: topology.trustedProxies,
    forwardClientCertDetails: forwarding[topology.forwardClientCert],
    setCurrentClientCertDetails: { subject: true, dns: true, uri: true, cert: true },
    earlyHeaderMutationExtensions: [options.isMesh ? fromMesh : fromOutside],
    serverName: 'istio-envoy',
    httpProtocolOptions: { acceptHttp10: true },
  };
}
