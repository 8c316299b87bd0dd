// TLS on the server's side: mutual TLS of the mesh, and certificates of gateways.
import { create } from '@bufbuild/protobuf';
import type { SecretReference, ServerTls, TlsLimits } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  CertificateValidationContext_TrustChainVerification,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { DownstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { adsSecret, agentFiles, agentSecret } from '../config-source.ts';

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

export interface MutualTlsOptions extends Partial<TlsLimits> {
  /** Of which the peer must have one; empty accepts every identity of the trust domain. */
  readonly subjectAltNames?: readonly string[];
}

/** The peer must present an identity of one of these trust domains, issued by a root the mesh trusts. */
export function mutualTlsServer(
  trustDomains: readonly string[],
  options: MutualTlsOptions = {},
): TransportSocket {
  const { subjectAltNames = [], cipherSuites: suites = [], ...limits } = options;
  const anyIdentity = trustDomains.map((name) => ({
    sanType: SubjectAltNameMatcher_SanType.URI,
    matcher: { matchPattern: { case: 'prefix' as const, value: `spiffe://${name}/` } },
  }));
  return tlsSocket({
    requireClientCertificate: true,
    commonTlsContext: {
      alpnProtocols: ['h2', 'http/1.1'],
      tlsParams: limitsOf({ ...limits, cipherSuites: suites }),
      tlsCertificateSdsSecretConfigs: [agentSecret('default')],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          validationContextSdsSecretConfig: agentSecret('ROOTCA'),
          defaultValidationContext: {
            matchTypedSubjectAltNames:
              subjectAltNames.length > 0 ? subjectAltNames.map(subjectAltName) : anyIdentity,
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

const limitsOf = (tls: TlsLimits) => ({
  tlsMinimumProtocolVersion: versions[tls.minVersion ?? 'TLSV1_2'],
  ...(tls.maxVersion === undefined ? {} : { tlsMaximumProtocolVersion: versions[tls.maxVersion] }),
  cipherSuites: tls.cipherSuites.length > 0 ? [...tls.cipherSuites] : cipherSuites,
});

/** What a client may ask to speak inside TLS; what is not HTTP is not said. */
const httpProtocols = ['h2', 'http/1.1'];

/** TLS of one gateway server; none where it is plaintext or passes through. */
export function gatewayTlsServer(
  tls: ServerTls,
  options: { readonly trustDomains: readonly string[]; readonly isHttp: boolean },
): TransportSocket | undefined {
  switch (tls.kind) {
    case 'none':
    case 'passthrough':
      return undefined;
    case 'mesh':
      return mutualTlsServer(options.trustDomains, { ...options, ...tls });
    case 'certificate':
      return certificateServer(tls, options.isHttp);
  }
}

/** Certificates that the control plane sends and replaces without draining the listener. */
function certificateServer(
  tls: Extract<ServerTls, { kind: 'certificate' }>,
  isHttp: boolean,
): TransportSocket {
  const { client } = tls;
  return tlsSocket({
    requireClientCertificate: client?.isRequired ?? false,
    commonTlsContext: {
      alpnProtocols: isHttp ? httpProtocols : [],
      tlsParams: limitsOf(tls),
      tlsCertificateSdsSecretConfigs: tls.certificates.map(secretSource),
      ...(client === undefined ? {} : { validationContextType: clientValidation(client) }),
    },
  });
}

const secretSource = ({ from, name }: SecretReference) =>
  from === 'agent' ? agentFiles(name) : adsSecret(name);

type ClientOf<T> = T extends { readonly client?: infer C } ? NonNullable<C> : never;

/** The roots come by themselves; what else is asked of a client's certificate stands here. */
function clientValidation(client: ClientOf<Extract<ServerTls, { kind: 'certificate' }>>) {
  return {
    case: 'combinedValidationContext' as const,
    value: {
      validationContextSdsSecretConfig: secretSource(client.authority),
      defaultValidationContext: {
        matchTypedSubjectAltNames: client.subjectAltNames.map(subjectAltName),
        verifyCertificateHash: [...client.certificateHashes],
        verifyCertificateSpki: [...client.keyHashes],
        ...(client.isLenient
          ? { trustChainVerification: CertificateValidationContext_TrustChainVerification.ACCEPT_UNTRUSTED }
          : {}),
      },
    },
  };
}

/** What a name is can be seen from its form. */
function subjectAltName(value: string) {
  const { URI, EMAIL, IP_ADDRESS, DNS } = SubjectAltNameMatcher_SanType;
  const isAddress = /^[\d.]+$/.test(value) || /^[\da-f]*:[\da-f:.]+$/i.test(value);
  const sanType = value.includes('://') ? URI : value.includes('@') ? EMAIL : isAddress ? IP_ADDRESS : DNS;
  return { sanType, matcher: { matchPattern: { case: 'exact' as const, value } } };
}
