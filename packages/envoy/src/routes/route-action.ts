// What a rule does with a request: forward, redirect or answer.
import type { HashKey, HttpRule, Mirror, WeightedDestination } from '@xebec/model';
import {
  RedirectAction_RedirectResponseCode,
  type RouteAction_RequestMirrorPolicySchema,
  type RouteActionSchema,
  type RouteSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { FilterOverrides } from '../authorization/outside.ts';
import { durationOf } from '../duration.ts';
import { outboundCluster } from '../names.ts';
import type { Fields } from '../resource.ts';
import { withoutFault } from './fault-headers.ts';
import { isAtDestination, percentOf } from './filter-overrides.ts';
import { encodeHashKey } from './hash-key.ts';
import { authorityOf, encodeHeaderPolicy } from './header-policy.ts';
import type { RequestPoint } from './request-point.ts';
import { encodeRetryPolicy } from './retry-policy.ts';
import { layOut } from './sticky-shares.ts';

type RouteInit = Fields<typeof RouteSchema>;
type ActionInit = Fields<typeof RouteActionSchema>;
type Forward = Extract<HttpRule['action'], { kind: 'forward' }>;
type Redirect = Extract<HttpRule['action'], { kind: 'redirect' }>;

/** The cluster of a destination, for a request that came to `requestPort`. */
export function destinationCluster(
  destination: Pick<WeightedDestination, 'host' | 'port' | 'subset'>,
  requestPort: number,
): string {
  const port = destination.port === 'FROM_REQUEST_PORT' ? requestPort : destination.port;
  return outboundCluster(port, destination.subset, destination.host);
}

/** Names of all clusters a rule can send to. */
export function clustersOf(rule: HttpRule, { port }: RequestPoint): readonly string[] {
  const mirrors = rule.mirrors
    .filter(({ percent }) => percent > 0)
    .map(({ destination }) => destinationCluster(destination, port));
  if (rule.action.kind !== 'forward') return mirrors;
  return [
    ...rule.action.destinations.filter(isUsed).map((each) => destinationCluster(each, port)),
    ...mirrors,
  ];
}

/** What is enforced for a service without a proxy where a route has one destination; where it has several, each has its own. */
export function outsideOf(
  { action }: HttpRule,
  { outside }: Pick<RequestPoint, 'outside'>,
): FilterOverrides | undefined {
  if (action.kind !== 'forward' || action.destinations.length !== 1) return undefined;
  return outside?.get(action.destinations[0]?.host ?? '');
}

const isUsed = ({ weight }: WeightedDestination): boolean => weight > 0;

export function encodeAction(rule: HttpRule, point: RequestPoint): RouteInit {
  const { action } = rule;
  switch (action.kind) {
    case 'forward':
      return { action: { case: 'route', value: forward(rule, action, point) } };
    case 'redirect':
      return { action: { case: 'redirect', value: redirect(action, point) } };
    case 'respond':
      return {
        action: {
          case: 'directResponse',
          value: {
            status: action.status,
            ...(action.body === undefined
              ? {}
              : { body: { specifier: { case: 'inlineBytes', value: action.body } } }),
          },
        },
      };
  }
}

function forward(rule: HttpRule, action: Forward, point: RequestPoint): ActionInit {
  const { port, client } = point;
  const authority = rule.rewrite?.authority ?? authorityOf(rule.headers);
  return {
    clusterSpecifier: clusterSpecifier(action, point),
    ...(isSticky(action, client) ? { hashPolicy: [encodeHashKey(action.hash)] } : {}),
    timeout: durationOf(rule.timeoutMs),
    ...(client === 'grpc' && rule.timeoutMs > 0
      ? { maxStreamDuration: { maxStreamDuration: durationOf(rule.timeoutMs) } }
      : {}),
    ...(rule.retry === undefined || rule.retry.attempts === 0
      ? {}
      : { retryPolicy: encodeRetryPolicy(rule.retry) }),
    ...rewriteOf(rule),
    ...(authority === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
    requestMirrorPolicies: rule.mirrors
      .filter(({ percent }) => percent > 0)
      .map((mirror) => mirrorPolicy(mirror, { port, hasFault: isAtDestination(rule, client) })),
  };
}

/** Proxyless gRPC clients draw by chance. */
const isSticky = (
  action: Forward,
  client: RequestPoint['client'],
): action is Forward & { readonly hash: HashKey } =>
  action.hash !== undefined && action.destinations.length > 1 && client === 'envoy';

function clusterSpecifier(action: Forward, point: RequestPoint): NonNullable<ActionInit['clusterSpecifier']> {
  const { destinations } = action;
  const { port: requestPort, client } = point;
  const [only] = destinations;
  if (only !== undefined && destinations.length === 1 && !hasOwnHeaders(only)) {
    return { case: 'cluster', value: destinationCluster(only, requestPort) };
  }
  if (isSticky(action, client)) {
    const pieces = layOut(destinations.map(({ weight }) => weight));
    const clusters = pieces.flatMap(({ destination, weight }) => {
      const found = destinations[destination];
      return found === undefined ? [] : [weighted({ ...found, weight }, point)];
    });
    const randomValueSpecifier = { case: 'useHashPolicy', value: { value: true } } as const;
    return { case: 'weightedClusters', value: { clusters, randomValueSpecifier } };
  }
  return {
    case: 'weightedClusters',
    value: {
      clusters: destinations.filter(isUsed).map((each) => weighted(each, point)),
    },
  };
}

function hasOwnHeaders({ headers: { request, response } }: WeightedDestination): boolean {
  return [request, response].some(
    ({ set, add, remove }) => remove.length > 0 || Object.keys(set).length > 0 || Object.keys(add).length > 0,
  );
}

function weighted(
  destination: WeightedDestination,
  { port: requestPort, outside }: RequestPoint,
): Fields<typeof WeightedCluster_ClusterWeightSchema> {
  const enforced = outside?.get(destination.host);
  const authority = authorityOf(destination.headers);
  return {
    name: destinationCluster(destination, requestPort),
    weight: destination.weight,
    ...encodeHeaderPolicy(destination.headers),
    ...(enforced === undefined ? {} : { typedPerFilterConfig: { ...enforced } }),
    ...(authority === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
  };
}

/** Envoy's prefix rewrite replaces a matched prefix, and the whole path where an exact path or a regex matched. */
function rewriteOf({ rewrite }: HttpRule): ActionInit {
  if (rewrite?.regex !== undefined) {
    return { regexRewrite: { pattern: { regex: rewrite.regex.match }, substitution: rewrite.regex.rewrite } };
  }
  return rewrite?.uri === undefined ? {} : { prefixRewrite: rewrite.uri };
}

function mirrorPolicy(
  { destination, percent }: Mirror,
  { port, hasFault }: { readonly port: number; readonly hasFault: boolean },
): Fields<typeof RouteAction_RequestMirrorPolicySchema> {
  return {
    cluster: destinationCluster(destination, port),
    runtimeFraction: { defaultValue: percentOf(percent) },
    ...(hasFault ? { requestHeadersMutations: withoutFault } : {}),
  };
}

const redirectCodes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

function redirect(action: Redirect, point: RequestPoint) {
  const port = redirectPort(action, point);
  const path = redirectPath(action);
  return {
    responseCode: redirectCodes[action.status] ?? RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
    ...(path === undefined ? {} : { pathRewriteSpecifier: path }),
    ...(action.authority === undefined ? {} : { hostRedirect: action.authority }),
    ...(action.scheme === undefined
      ? {}
      : { schemeRewriteSpecifier: { case: 'schemeRedirect' as const, value: action.scheme } }),
    ...(port === undefined ? {} : { portRedirect: port }),
  };
}

function redirectPath({ uri, prefixRewrite }: Redirect) {
  if (prefixRewrite !== undefined) return { case: 'prefixRewrite' as const, value: prefixRewrite };
  return uri === undefined ? undefined : { case: 'pathRedirect' as const, value: uri };
}

/**
 * Envoy keeps the port of the request's host, unless another host or port is set. So the protocol's default must be
 * written out where the host stays, and the request's own port where the host or the scheme changes.
 */
function redirectPort({ port, authority, scheme }: Redirect, point: RequestPoint): number | undefined {
  switch (port) {
    case 'FROM_PROTOCOL_DEFAULT':
      if (authority !== undefined) return undefined;
      return (scheme ?? point.scheme) === 'https' ? 443 : 80;
    case 'FROM_REQUEST_PORT':
      return authority === undefined && scheme === undefined ? undefined : point.clientPort;
    default:
      return port;
  }
}
