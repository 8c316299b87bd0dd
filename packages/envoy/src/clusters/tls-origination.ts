// TLS that a proxy originates itself. Whoever cannot be verified is not talked to: without a name to check there is no connection.
import { create } from '@bufbuild/protobuf';
import type { Service, ServicePort, TlsMaterial, TlsOrigination } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  SubjectAltNameMatcher_SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol,
} from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { SdsSecretConfig } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { agentFiles, namespaceSecret } from '../config-source.ts';
import type { Fields } from '../resource.ts';
import type { HttpPolicy, HttpVersion } from './http-protocol.ts';

export interface OriginationOptions {
  readonly tls: TlsOrigination;
  readonly service: Service;
  readonly port: ServicePort;
  readonly version: HttpVersion;
}

/** The transport socket of TLS to the application itself. */
export function originationSocket(options: OriginationOptions): TransportSocket {
  const { tls, version } = options;
  const sni = tls.sni ?? (version === 'none' ? nameOf(options) : undefined);
  const context = anyOf(UpstreamTlsContextSchema, {
    ...(sni === undefined ? {} : { sni }),
    commonTlsContext: {
      alpnProtocols: version === 'http2' ? ['h2'] : version === 'http1' ? ['http/1.1'] : [],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      tlsCertificateSdsSecretConfigs: presented(tls),
      ...(tls.isUnverified ? {} : { validationContextType: validation(options) }),
    },
  });
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: context },
  });
}

/** What HTTP clients call is the name to ask for and to verify, unless the rule names one. */
export function serverNameOf({
  tls,
  service,
}: Pick<OriginationOptions, 'tls' | 'service'>): NonNullable<HttpPolicy['serverName']> {
  const isNamed = tls.subjectAltNames.length > 0 || service.subjectAltNames.length > 0;
  return {
    isAsked: tls.sni === undefined,
    isVerified: !tls.isUnverified && !isNamed && tls.sni === undefined,
  };
}

function presented({ mode, material }: TlsOrigination): SdsSecretConfig[] {
  if (mode === 'SIMPLE') return [];
  return [
    material.kind === 'secret'
      ? namespaceSecret(material.name)
      : agentFiles(`file-cert:${material.certificate}~${material.key}`),
  ];
}

type Validation = NonNullable<Fields<typeof CommonTlsContextSchema>['validationContextType']>;

function validation(options: OriginationOptions): Validation {
  return {
    case: 'combinedValidationContext',
    value: {
      validationContextSdsSecretConfig: authoritiesOf(options.tls.material),
      defaultValidationContext: { matchTypedSubjectAltNames: namesOf(options).flatMap(alternativeName) },
    },
  };
}

function authoritiesOf(material: TlsMaterial): SdsSecretConfig {
  if (material.kind === 'secret') return namespaceSecret(`${material.name}-cacert`);
  const { authorities, revoked } = material;
  return agentFiles(`file-root:${authorities}${revoked === undefined ? '' : `~${revoked}`}`);
}

/** The rule's names, else the service's; else the one name there is: what is asked for, or the host without HTTP. */
function namesOf(options: OriginationOptions): readonly string[] {
  const { tls, service, version } = options;
  if (tls.subjectAltNames.length > 0) return tls.subjectAltNames;
  if (service.subjectAltNames.length > 0) return service.subjectAltNames;
  if (tls.sni !== undefined) return [tls.sni];
  return version === 'none' ? [service.host] : [];
}

const nameOf = ({ service }: OriginationOptions): string | undefined =>
  service.host.startsWith('*') ? undefined : service.host;

type Matcher = Fields<typeof SubjectAltNameMatcherSchema>;

/** `*.example.com` stands for any name below it. */
export function alternativeName(name: string): readonly Matcher[] {
  if (name.startsWith('*.')) {
    return [dnsMatcher({ case: 'suffix', value: name.slice(1) })];
  }
  const exact = { case: 'exact', value: name } as const;
  if (name.includes('://'))
    return [{ sanType: SubjectAltNameMatcher_SanType.URI, matcher: { matchPattern: exact } }];
  if (/^[\d.]+$/.test(name) || name.includes(':')) {
    return [{ sanType: SubjectAltNameMatcher_SanType.IP_ADDRESS, matcher: { matchPattern: exact } }];
  }
  return [dnsMatcher(exact)];
}

const dnsMatcher = (matchPattern: {
  readonly case: 'exact' | 'suffix';
  readonly value: string;
}): Matcher => ({ sanType: SubjectAltNameMatcher_SanType.DNS, matcher: { matchPattern } });
