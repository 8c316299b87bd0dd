// Where a gateway gets the tokens of those who log in. Only the issuer itself is asked: its name is verified.
import { create } from '@bufbuild/protobuf';
import type { Collection, Graph } from '@xebec/flow';
import type { BrowserLogin, GatewayModel, LoginIssuer } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { type TransportSocket, TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { TlsParameters_TlsProtocol } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { UpstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { alternativeName } from '../clusters/tls-origination.ts';
import { adsSecret, agentFiles } from '../config-source.ts';
import { durationOf } from '../duration.ts';
import { causeMetadata } from '../metadata.ts';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
} from '../resource.ts';
import { proxyLayer } from '../views.ts';

/** `login||BrowserLogin/istio-system/shop`. */
export const tokenClusterName = ({ cause }: Pick<BrowserLogin, 'cause'>): string => `login||${cause.object}`;

export function buildTokenClusters(
  graph: Graph,
  gateways: Collection<string, GatewayModel>,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'tokenClusters',
    from: gateways,
    fn: ({ logins = [] }, id: string): Emission[] =>
      logins.flatMap((login): Emission[] => {
        if (login.issuer === undefined) return [];
        const encoded = encodeTokenCluster(login, login.issuer);
        return [[`${proxyLayer(id)}|${encoded.name}`, encoded]];
      }),
    equals: equalResources,
  });
}

function encodeTokenCluster(login: BrowserLogin, issuer: LoginIssuer): EncodedResource {
  const name = tokenClusterName(login);
  const { protocol, hostname, port } = new URL(issuer.token);
  const isTls = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const portValue = port === '' ? (isTls ? 443 : 80) : Number(port);
  const socket = { address: host, portSpecifier: { case: 'portValue' as const, value: portValue } };
  const address = { address: { case: 'socketAddress' as const, value: socket } };
  return encodeResource(
    ClusterSchema,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STRICT_DNS },
      dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
      connectTimeout: durationOf(5_000),
      loadAssignment: {
        clusterName: name,
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
      },
      metadata: causeMetadata([login.cause]),
      ...(isTls ? { transportSocket: verified(host, issuer) } : {}),
    },
    { name, causes: [login.cause] },
  );
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

function verified(host: string, { roots }: LoginIssuer): TransportSocket {
  const context = anyOf(UpstreamTlsContextSchema, {
    ...(isAddress(host) ? {} : { sni: host }),
    commonTlsContext: {
      alpnProtocols: ['http/1.1'],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          validationContextSdsSecretConfig:
            roots === undefined ? agentFiles('file-root:system') : adsSecret(roots),
          defaultValidationContext: { matchTypedSubjectAltNames: [...alternativeName(host)] },
        },
      },
    },
  });
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: context },
  });
}
