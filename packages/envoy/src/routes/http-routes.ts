// The rules of a host as Envoy routes, in order; a rule with several matches becomes several routes.
import type { Cause, HttpMatch, HttpRule, Retry } from '@xebec/model';
import { defaultRetry } from '@xebec/model';
import type { RouteSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { FilterOverrides } from '../authorization/outside.ts';
import { durationOf } from '../duration.ts';
import { causeMetadata } from '../metadata.ts';
import type { Fields } from '../resource.ts';
import { faultHeadersOf } from './fault-headers.ts';
import { filterOverrides, isAtDestination } from './filter-overrides.ts';
import { encodeHeaderPolicy } from './header-policy.ts';
import type { RequestPoint } from './request-point.ts';
import { encodeRetryPolicy } from './retry-policy.ts';
import { clustersOf, encodeAction, outsideOf } from './route-action.ts';
import { encodeRouteMatch, matchEverything } from './route-match.ts';

type RouteInit = Fields<typeof RouteSchema>;

export interface EncodedRoutes {
  readonly routes: RouteInit[];
  /** Clusters the routes send to. */
  readonly clusters: readonly string[];
}

/** Routes for requests to `host` that arrive at `point`; none when every rule is for other ports. */
export function encodeRules(rules: readonly HttpRule[], host: string, point: RequestPoint): EncodedRoutes {
  const { port } = point;
  const routes: RouteInit[] = [];
  const clusters = new Set<string>();
  for (const rule of rules) {
    const alternatives = rule.matches.filter((match) => match.port === undefined || match.port === port);
    if (rule.matches.length > 0 && alternatives.length === 0) continue;
    for (const name of clustersOf(rule, point)) clusters.add(name);
    if (alternatives.length === 0) routes.push(encodeRoute({ rule, host, point }));
    else for (const match of alternatives) routes.push(encodeRoute({ rule, host, point, match }));
  }
  return { routes, clusters: [...clusters] };
}

function encodeRoute({
  rule,
  host,
  point,
  match,
}: {
  rule: HttpRule;
  host: string;
  point: RequestPoint;
  match?: HttpMatch;
}): RouteInit {
  const name = [rule.name, match?.name].filter((part) => part !== undefined).join('.');
  const overrides = { ...filterOverrides(rule, point.client), ...outsideOf(rule, point) };
  return {
    ...(name === '' ? {} : { name }),
    match: match === undefined ? matchEverything : encodeRouteMatch(match),
    metadata: causeMetadata(match === undefined ? [rule.cause] : [match.cause]),
    decorator: { operation: `${host}:${point.port}/*` },
    ...headersOf(rule, point),
    ...(match?.statPrefix === undefined ? {} : { statPrefix: match.statPrefix }),
    ...encodeAction(rule, point),
    ...(Object.keys(overrides).length === 0 ? {} : { typedPerFilterConfig: overrides }),
  };
}

function headersOf(rule: HttpRule, { client }: RequestPoint) {
  const policy = encodeHeaderPolicy(rule.headers);
  if (rule.fault === undefined || !isAtDestination(rule, client)) return policy;
  return {
    ...policy,
    requestHeadersToAdd: [...policy.requestHeadersToAdd, ...faultHeadersOf(rule.fault)],
  };
}

/** The one route of a host that no rule speaks of. */
export function encodeDefaultRoute(options: {
  host: string;
  port: number;
  cluster: string;
  causes: readonly Cause[];
  retry?: Retry | undefined;
  enforced?: FilterOverrides | undefined;
}): RouteInit {
  return {
    name: 'default',
    match: matchEverything,
    metadata: causeMetadata(options.causes),
    decorator: { operation: `${options.host}:${options.port}/*` },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: options.cluster },
        timeout: durationOf(0),
        retryPolicy: encodeRetryPolicy(options.retry ?? defaultRetry),
      },
    },
    ...(options.enforced === undefined ? {} : { typedPerFilterConfig: { ...options.enforced } }),
  };
}
