// TLS on the server's side: mutual TLS of the mesh, and certificates of gateways.
import { create } from '@bufbuild/protobuf';
import type { ServerTls } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { DownstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { adsSecret, agentSecret } from '../config-source.ts';

/** Forward secrecy only. */
const cipherSuites = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
];

/** Client ALPN by which a sidecar says that the connection is mutual TLS of the mesh, in Istio's words. */
export const meshProtocols = {
  any: ['istio-peer-exchange', 'istio', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'],
  http: ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'],
} as const;

type Context = Parameters<typeof anyOf<typeof DownstreamTlsContextSchema>>[1];

const tlsSocket = (context: Context): TransportSocket =>
  create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: anyOf(DownstreamTlsContextSchema, context) },
  });

/** The peer must present an identity of this trust domain, issued by a root the mesh trusts. */
export function mutualTlsServer(trustDomain: string): TransportSocket {
  return tlsSocket({
    requireClientCertificate: true,
    commonTlsContext: {
      alpnProtocols: ['h2', 'http/1.1'],
      tlsParams: { tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2, cipherSuites },
      tlsCertificateSdsSecretConfigs: [agentSecret('default')],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          validationContextSdsSecretConfig: agentSecret('ROOTCA'),
          defaultValidationContext: {
            matchTypedSubjectAltNames: [
              {
                sanType: SubjectAltNameMatcher_SanType.URI,
                matcher: { matchPattern: { case: 'prefix', value: `spiffe://${trustDomain}/` } },
              },
            ],
          },
        },
      },
    },
  });
}

const versions = {
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
} as const;

/** A gateway's certificate, which the control plane sends and replaces without draining the listener. */
export function simpleTlsServer(tls: Extract<ServerTls, { kind: 'simple' }>): TransportSocket {
  return tlsSocket({
    requireClientCertificate: false,
    commonTlsContext: {
      alpnProtocols: ['h2', 'http/1.1'],
      tlsParams: {
        tlsMinimumProtocolVersion: versions[tls.minVersion ?? 'TLSV1_2'],
        ...(tls.maxVersion === undefined ? {} : { tlsMaximumProtocolVersion: versions[tls.maxVersion] }),
        cipherSuites: tls.cipherSuites.length > 0 ? [...tls.cipherSuites] : cipherSuites,
      },
      tlsCertificateSdsSecretConfigs: [adsSecret(tls.secret)],
    },
  });
}
