// Mutual TLS from a client's sidecar: chosen per endpoint when the rule does not say.
import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import {
  type Cluster_TransportSocketMatch,
  Cluster_TransportSocketMatchSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { RawBufferSchema } from '@xebec/protos/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { UpstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { agentSecret } from '../config-source.ts';

export interface ClientTlsOptions {
  readonly serverName: string;
  /** URI SANs of which the server must present one; empty accepts any identity of the trusted roots. */
  readonly identities: readonly string[];
  readonly alpn: readonly string[];
}

/** Plaintext. */
export const rawSocket = create(TransportSocketSchema, {
  name: 'envoy.transport_sockets.raw_buffer',
  configType: { case: 'typedConfig', value: anyOf(RawBufferSchema, {}) },
});

/** The transport socket of Istio mutual TLS. */
export function mutualTlsSocket(options: ClientTlsOptions): TransportSocket {
  const context = anyOf(UpstreamTlsContextSchema, {
    sni: options.serverName,
    commonTlsContext: {
      alpnProtocols: [...options.alpn],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      tlsCertificateSdsSecretConfigs: [agentSecret('default')],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          validationContextSdsSecretConfig: agentSecret('ROOTCA'),
          defaultValidationContext: {
            matchTypedSubjectAltNames: options.identities.map((identity) => ({
              sanType: SubjectAltNameMatcher_SanType.URI,
              matcher: { matchPattern: { case: 'exact' as const, value: identity } },
            })),
          },
        },
      },
    },
  });
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: context },
  });
}

/** Endpoints that say `tlsMode: istio` get mutual TLS, all others plaintext: peers outside the mesh go on working. */
export function automaticTls(
  options: ClientTlsOptions,
  wrap: (socket: TransportSocket) => TransportSocket,
): Cluster_TransportSocketMatch[] {
  return [
    create(Cluster_TransportSocketMatchSchema, {
      name: 'tlsMode-istio',
      match: { tlsMode: 'istio' },
      transportSocket: wrap(mutualTlsSocket(options)),
    }),
    create(Cluster_TransportSocketMatchSchema, {
      name: 'tlsMode-disabled',
      match: {},
      transportSocket: wrap(rawSocket),
    }),
  ];
}
