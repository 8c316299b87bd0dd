// HTTP connection managers: what is the same for sidecars and gateways, inbound and outbound.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { PathNormalization } from '@xebec/config';
import type { EdgeTopology } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { CorsSchema } from '@xebec/protos/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '@xebec/protos/envoy/extensions/filters/http/fault/v3/fault_pb';
import { GrpcWebSchema } from '@xebec/protos/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb';
import { OnDemandSchema } from '@xebec/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
  type ResponseMapper,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { dynamicDnsFilter } from '../clusters/dynamic-dns.ts';
import { adsSource } from '../config-source.ts';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';
import { faultHeaderGuard } from '../routes/fault-headers.ts';
import { corsFilter, faultFilter, percentOf } from '../routes/filter-overrides.ts';
import { memberFilter } from '../routes/member-names.ts';
import { peerFilter } from '../telemetry/peer.ts';
import { networkFilter } from './addresses.ts';
import { edgeOptions, openEdge } from './edge.ts';

export interface HttpConnectionOptions {
  readonly statPrefix: string;
  readonly routes:
    | { readonly kind: 'named'; readonly name: string }
    | { readonly kind: 'inline'; readonly config: Fields<typeof RouteConfigurationSchema> };
  readonly accessLog: readonly AccessLog[];
  /** `…-mutual`: the peer has proven its identity. */
  readonly place:
    | 'sidecar-outbound'
    | 'sidecar-inbound-mutual'
    | 'sidecar-inbound-plain'
    | 'gateway'
    | 'gateway-mutual';
  readonly isOnDemand: boolean;
  /** Before routes and policies compare them. */
  readonly paths?: PathNormalization | undefined;
  /** What verifies end users' tokens; see `authentication/token-filters.ts`. */
  readonly authentication?: readonly HttpFilter[];
  /** What enforces authorization policies; see `authorization/filters.ts`. */
  readonly authorization?: readonly HttpFilter[];
  /** What reads answers on their way from the application; see `reports/usage-filter.ts`. */
  readonly readers?: readonly HttpFilter[];
  /** What requests are answered with that policies refuse; see `authorization/refusals.ts`. */
  readonly refusals?: readonly ResponseMapper[];
  /** Some service of the mesh is a host that each request names itself. */
  readonly hasDynamicHosts?: boolean;
  /** Its routes may end tunnels; a route that does not say so refuses them. */
  readonly takesConnect?: boolean;
  /** gRPC-Web of browsers becomes gRPC. */
  readonly isGrpcWeb?: boolean;
  /** Gateways: who stands before them. */
  readonly topology?: EdgeTopology;
}

type ManagerInit = Fields<typeof HttpConnectionManagerSchema>;

export function httpConnectionManager(options: HttpConnectionOptions): Filter {
  return networkFilter(
    'envoy.filters.network.http_connection_manager',
    anyOf(HttpConnectionManagerSchema, {
      statPrefix: options.statPrefix,
      routeSpecifier:
        options.routes.kind === 'named'
          ? { case: 'rds', value: { routeConfigName: options.routes.name, configSource: adsSource() } }
          : { case: 'routeConfig', value: options.routes.config },
      accessLog: [...options.accessLog],
      httpFilters: httpFilters(options),
      ...upgrades(options),
      ...ownWords(options),
      streamIdleTimeout: durationOf(0),
      stripTrailingHostDot: true,
      ...pathHandling(options.paths),
      ...peerHandling(options),
    }),
  );
}

const pathHandling = (paths: PathNormalization = 'BASE'): ManagerInit => ({
  normalizePath: paths !== 'NONE',
  mergeSlashes: paths === 'MERGE_SLASHES' || paths === 'DECODE_AND_MERGE_SLASHES',
  pathWithEscapedSlashesAction:
    paths === 'DECODE_AND_MERGE_SLASHES'
      ? EscapedSlashes.UNESCAPE_AND_FORWARD
      : EscapedSlashes.KEEP_UNCHANGED,
});

/** A client on the same machine has read all long before a second is over, and hears of the end of a tunnel sooner. */
const tunnelEndMs = 50;

const upgrades = ({ takesConnect = false }: HttpConnectionOptions): ManagerInit => ({
  upgradeConfigs: [{ upgradeType: 'websocket' }, ...(takesConnect ? [{ upgradeType: 'CONNECT' }] : [])],
  ...(takesConnect ? { delayedCloseTimeout: durationOf(tunnelEndMs) } : {}),
});

const ownWords = ({ refusals = [] }: HttpConnectionOptions): ManagerInit =>
  refusals.length === 0 ? {} : { localReplyConfig: { mappers: [...refusals] } };

const httpFilter = (name: string, config: Any): HttpFilter =>
  create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value: config } });

/**
 * Fetches a virtual host at its first request. Its clusters are sent along with it; a request that is faster than
 * a cluster's certificates waits for the cluster.
 */
const onDemand = httpFilter(
  'envoy.filters.http.on_demand',
  anyOf(OnDemandSchema, { odcds: { source: adsSource(), timeout: durationOf(5_000) } }),
);
const fault = httpFilter(faultFilter, anyOf(HTTPFaultSchema, {}));
/** Does what the headers of `routes/fault-headers.ts` say. Only for connections whose peer has proven who it is. */
const requestedFault = httpFilter(
  faultFilter,
  anyOf(HTTPFaultSchema, {
    abort: { errorType: { case: 'headerAbort', value: {} }, percentage: percentOf(100) },
    delay: { faultDelaySecifier: { case: 'headerDelay', value: {} }, percentage: percentOf(100) },
  }),
);
const cors = httpFilter(corsFilter, anyOf(CorsSchema, {}));
const grpcWeb = httpFilter('envoy.filters.http.grpc_web', anyOf(GrpcWebSchema, {}));
const router = httpFilter('envoy.filters.http.router', anyOf(RouterSchema, {}));

export { router as routerFilter };

function httpFilters({
  place,
  isOnDemand,
  isGrpcWeb = false,
  hasDynamicHosts = false,
  authentication = [],
  authorization: policies = [],
  readers = [],
}: HttpConnectionOptions): HttpFilter[] {
  const authorization = [...authentication, ...policies];
  const translated = isGrpcWeb ? [grpcWeb] : [];
  const dynamic = hasDynamicHosts ? [dynamicDnsFilter] : [];
  switch (place) {
    case 'sidecar-inbound-mutual':
      return [peerFilter, ...authorization, ...translated, requestedFault, ...readers, router];
    case 'sidecar-inbound-plain':
      return [...authorization, ...translated, ...readers, router];
    case 'gateway-mutual':
      return [peerFilter, ...authorization, ...translated, cors, fault, ...readers, ...dynamic, router];
    case 'sidecar-outbound':
    case 'gateway':
      return [
        ...(isOnDemand ? [onDemand] : []),
        ...(place === 'sidecar-outbound' ? [memberFilter] : []),
        ...authorization,
        ...translated,
        cors,
        fault,
        ...readers,
        ...dynamic,
        router,
      ];
  }
}

/** Who the client is believed to be, and which of its headers are. */
function peerHandling({ place, topology = openEdge }: HttpConnectionOptions): ManagerInit {
  switch (place) {
    case 'sidecar-outbound':
      return { useRemoteAddress: false, earlyHeaderMutationExtensions: [faultHeaderGuard] };
    case 'sidecar-inbound-mutual':
    case 'sidecar-inbound-plain':
      return {
        useRemoteAddress: false,
        forwardClientCertDetails: ForwardDetails.APPEND_FORWARD,
        setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
      };
    case 'gateway':
    case 'gateway-mutual':
      return edgeOptions(topology, { isMesh: place === 'gateway-mutual' });
  }
}
