// ext_authz: asks a provider about the calls that its policies match, and nobody about the others.
import { create } from '@bufbuild/protobuf';
import {
  type Authorization,
  type AuthorizationPolicy,
  type AuthorizationProvider,
  isAskable,
  type TextPattern,
} from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { ApiVersion } from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import type { GrpcServiceSchema } from '@xebec/protos/envoy/config/core/v3/grpc_service_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import {
  ExtAuthzSchema as HttpExtAuthzSchema,
  type HttpServiceSchema,
} from '@xebec/protos/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '@xebec/protos/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { MetadataMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/metadata_pb';
import type { ListStringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import { durationOf } from '../duration.ts';
import { networkFilter } from '../listeners/addresses.ts';
import { outboundCluster, policyCluster } from '../names.ts';
import { type Fields, type ResourceReference, typeUrls } from '../resource.ts';
import { textMatcher } from './patterns.ts';
import { customPrefix, httpRbacNamespace, networkRbacNamespace } from './verdict-names.ts';

type Asked = Pick<AuthorizationProvider, 'host' | 'port' | 'isPolicyService'>;

const clusterOf = ({ host, port, isPolicyService }: Asked): string =>
  isPolicyService === true ? policyCluster(port, host) : outboundCluster(port, '', host);

/** What a proxy needs before it can ask. */
export function providerNeeds(authorization: Authorization): readonly ResourceReference[] {
  const clusters = authorization.flatMap(({ provider }) =>
    provider !== undefined && isAskable(provider) ? [clusterOf(provider)] : [],
  );
  return [...new Set(clusters)].map((name) => ({ typeUrl: typeUrls.cluster, name }));
}

/** Policies that ask, by their provider, in the order of the providers' names. */
export function policiesByProvider(
  authorization: Authorization,
): readonly (readonly [NonNullable<AuthorizationPolicy['provider']>, Authorization])[] {
  const asking = authorization.filter(({ action }) => action === 'CUSTOM');
  const names = [...new Set(asking.map(({ provider }) => provider?.name ?? ''))].sort();
  return names.flatMap((name) => {
    const policies = asking.filter(({ provider }) => (provider?.name ?? '') === name);
    const [provider] = policies.flatMap((policy) => policy.provider ?? []);
    return provider === undefined ? [] : [[provider, policies] as const];
  });
}

/** Set where one of the provider's policies matches. */
const isAsked = (
  filter: string,
  { name }: AuthorizationProvider,
): { readonly filterEnabledMetadata: Fields<typeof MetadataMatcherSchema> } => ({
  filterEnabledMetadata: {
    filter,
    path: [{ segment: { case: 'key', value: `${customPrefix(name)}shadow_effective_policy_id` } }],
    value: { matchPattern: { case: 'presentMatch', value: true } },
  },
});

/** How a provider is called; a stream of calls has no time limit. */
export const grpcServiceOf = (
  provider: Asked & Pick<AuthorizationProvider, 'metadata'>,
): Fields<typeof GrpcServiceSchema> => ({
  targetSpecifier: {
    case: 'envoyGrpc',
    value: { clusterName: clusterOf(provider), authority: provider.host },
  },
  ...(provider.metadata === undefined ? {} : { initialMetadata: headersOf(provider.metadata) }),
});

const timedService = (provider: AuthorizationProvider): Fields<typeof GrpcServiceSchema> => ({
  ...grpcServiceOf(provider),
  timeout: durationOf(provider.timeoutMs),
});

const headersOf = (metadata: Readonly<Record<string, string>>) =>
  Object.entries(metadata).map(([key, value]) => ({ key, value }));

const headers = (patterns: readonly TextPattern[]): Fields<typeof ListStringMatcherSchema> => ({
  patterns: patterns.map((pattern) => textMatcher(pattern)),
});

const some = <T extends object>(patterns: readonly TextPattern[], fields: T): T | Record<never, never> =>
  patterns.length === 0 ? {} : fields;

function httpService(
  provider: AuthorizationProvider,
  http: NonNullable<AuthorizationProvider['http']>,
): Fields<typeof HttpServiceSchema> {
  const { headersToUpstreamOnAllow: up, headersToDownstreamOnDeny: denied } = http;
  const allowed = http.headersToDownstreamOnAllow;
  return {
    serverUri: {
      uri: `http://${provider.host}:${provider.port}`,
      httpUpstreamType: { case: 'cluster', value: clusterOf(provider) },
      timeout: durationOf(provider.timeoutMs),
    },
    pathPrefix: http.pathPrefix,
    authorizationRequest: {
      headersToAdd: Object.entries(http.additionalHeaders).map(([key, value]) => ({ key, value })),
    },
    authorizationResponse: {
      ...some(up, { allowedUpstreamHeaders: headers(up) }),
      ...some(denied, { allowedClientHeaders: headers(denied) }),
      ...some(allowed, { allowedClientHeadersOnSuccess: headers(allowed) }),
    },
  };
}

/** The policy service is told who the end user is, and what the other end's proxy calls its workload. */
const toldMetadata = ({
  metadata,
}: AuthorizationProvider): { readonly metadataContextNamespaces?: string[] } =>
  metadata === undefined
    ? {}
    : {
        metadataContextNamespaces: [
          'envoy.filters.http.jwt_authn',
          'xebec.peer',
          // Which service is called, where no proxy of it can say so.
          ...(metadata['xebec-direction'] === 'inbound' ? [] : [httpRbacNamespace]),
        ],
      };

/** The policy service does not charge quotas that the proxy counts by itself. */
function withAssigned(provider: AuthorizationProvider, quotas: readonly string[]): AuthorizationProvider {
  const { metadata } = provider;
  if (metadata === undefined || quotas.length === 0) return provider;
  return { ...provider, metadata: { ...metadata, 'xebec-assigned-quotas': quotas.join(',') } };
}

/** Of one request. A header that is no header makes the answer an error, and nothing gets through. */
export function askAboutRequest(
  asked: AuthorizationProvider,
  assignedQuotas: readonly string[] = [],
): HttpFilter {
  const provider = withAssigned(asked, assignedQuotas);
  const { http, failOpen, clearRouteCache, statusOnError, body } = provider;
  const services: Fields<typeof HttpExtAuthzSchema>['services'] =
    http === undefined
      ? { case: 'grpcService', value: timedService(provider) }
      : { case: 'httpService', value: httpService(provider, http) };
  return create(HttpFilterSchema, {
    name: 'envoy.filters.http.ext_authz',
    configType: {
      case: 'typedConfig',
      value: anyOf(HttpExtAuthzSchema, {
        services,
        transportApiVersion: ApiVersion.V3,
        failureModeAllow: failOpen,
        clearRouteCache,
        validateMutations: true,
        ...toldMetadata(provider),
        ...(statusOnError === undefined ? {} : { statusOnError: { code: statusOnError } }),
        ...(body === undefined ? {} : { withRequestBody: body }),
        ...some(http?.requestHeaders ?? [], { allowedHeaders: headers(http?.requestHeaders ?? []) }),
        ...isAsked(httpRbacNamespace, provider),
      }),
    },
  });
}

/** Of a connection, at its client's first byte; only over gRPC. */
export const askAboutConnection = (provider: AuthorizationProvider): Filter =>
  networkFilter(
    'envoy.filters.network.ext_authz',
    anyOf(NetworkExtAuthzSchema, {
      statPrefix: 'tcp.',
      grpcService: timedService(provider),
      failureModeAllow: provider.failOpen,
      transportApiVersion: ApiVersion.V3,
      ...toldMetadata(provider),
      ...isAsked(networkRbacNamespace, provider),
    }),
  );
