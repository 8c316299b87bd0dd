// VirtualServices, bound: hosts and gateways made fully qualified, rules translated once and shared by all who use them.
import type {
  DestinationRef,
  HttpActionSpec,
  HttpMatchSpec,
  HttpRouteSpec,
  ObjectOf,
  RetrySpec,
  VirtualServiceSpec,
} from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Cause, Host, HttpAction, HttpMatch, HttpRule, Mirror, ObjectKey, Retry } from '@xebec/model';
import { defaultRetry } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { expandHost, type HostContext } from './host-names.ts';
import type { HostRule } from './host-rules.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { MeshInputs } from './inputs.ts';
import type { Lookup } from './lookups.ts';
import { settingsOf } from './settings.ts';
import { layersOf } from './visibility.ts';

/** `mesh`, or a Gateway as `NAMESPACE/NAME`. */
export type GatewayName = string;

/** A rule, and for each of its matches the gateways it is for; empty where it is for all of the VirtualService. */
export interface BoundRule {
  readonly rule: HttpRule;
  readonly gatewaysByMatch: readonly (readonly GatewayName[])[];
}

/** A VirtualService ready for use. */
export interface BoundRoute extends HostRule {
  readonly hosts: readonly Host[];
  /** Hosts as they were written, where that differs: a gateway's clients may use the short name. */
  readonly shortHosts: readonly Host[];
  readonly gateways: readonly GatewayName[];
  readonly rules: readonly BoundRule[];
}

export function deriveRoutes(
  graph: Graph,
  inputs: MeshInputs,
  hosts: Collection<Host, HostView>,
): Collection<ObjectKey, BoundRoute> {
  const { settings } = inputs;
  return graph.derive({
    name: 'mesh.routes',
    from: inputs.virtualServices,
    reads: { hosts, settings },
    equals: deepEqual,
    fn: (object, key, read) => {
      const { clusterDomain } = settingsOf(read.settings);
      const context: RouteContext = {
        object: key,
        namespace: object.metadata.namespace,
        clusterDomain,
        hosts: read.hosts,
      };
      return [[key, routeOf(object, context)]];
    },
  });
}

/** The rules of a route that hold at a gateway, in order. */
export function rulesAt({ rules }: BoundRoute, gateway: GatewayName): readonly HttpRule[] {
  return rules.flatMap(({ rule, gatewaysByMatch }) => {
    const isAt = (gateways: readonly GatewayName[]) => gateways.length === 0 || gateways.includes(gateway);
    if (gatewaysByMatch.every(isAt)) return [rule];
    const matches = rule.matches.filter((_match, position) => isAt(gatewaysByMatch[position] ?? []));
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}

export interface RouteContext extends HostContext {
  readonly object: ObjectKey;
  readonly hosts: Lookup<Host, HostView>;
}

function routeOf({ spec }: ObjectOf<'VirtualService'>, context: RouteContext): BoundRoute {
  const { object, namespace } = context;
  const hosts = spec.hosts.map((host) => expandHost(host, context));
  return {
    object,
    namespace,
    layers: layersOf(spec.exportTo, namespace),
    hosts,
    shortHosts: spec.hosts.filter((host) => !hosts.includes(host)),
    gateways: spec.gateways.map((name) => expandGateway(name, namespace)),
    rules: rulesOf(spec, context),
  };
}

export const expandGateway = (name: string, namespace: string): GatewayName =>
  name === 'mesh' || name.includes('/') ? name : `${namespace}/${name}`;

function rulesOf({ http }: VirtualServiceSpec, context: RouteContext): readonly BoundRule[] {
  return http.map((spec, position) => ({
    rule: ruleOf(spec, `spec.http[${position}]`, context),
    gatewaysByMatch: spec.matches.map(({ gateways }) =>
      gateways.map((name) => expandGateway(name, context.namespace)),
    ),
  }));
}

function ruleOf(spec: HttpRouteSpec, field: string, context: RouteContext): HttpRule {
  const { matches, action, retry: retrySpec, mirrors, ...same } = spec;
  const { object } = context;
  const retry = retryOf(retrySpec);
  return {
    ...same,
    matches: matches.map((match, position) =>
      matchOf(match, { object, field: `${field}.match[${position}]` }),
    ),
    action: actionOf(action, field, context),
    ...(retry === undefined ? {} : { retry }),
    mirrors: mirrors.map(
      (mirror): Mirror => ({
        destination: targetOf(mirror.destination, `${field}.${mirror.field}`, context),
        percent: mirror.percent,
      }),
    ),
    cause: { object, field },
  };
}

function matchOf({ gateways: _gateways, ...match }: HttpMatchSpec, cause: Cause): HttpMatch {
  return { ...match, cause };
}

function actionOf(action: HttpActionSpec, field: string, context: RouteContext): HttpAction {
  if (action.kind !== 'forward') return action;
  return {
    kind: 'forward',
    destinations: action.destinations.map(({ weight, headers, ...destination }, position) => ({
      ...targetOf(destination, `${field}.route[${position}]`, context),
      weight,
      headers,
    })),
  };
}

/** Resolved as the VirtualService's own namespace sees it; the proxies find the cluster in their own layer. */
export function targetOf(
  destination: DestinationRef,
  field: string,
  context: RouteContext,
): Mirror['destination'] {
  const { object, namespace, hosts } = context;
  const host = expandHost(destination.host, context);
  const ports = holderIn(hosts.get(host), `ns:${namespace}`)?.service.ports ?? [];
  const only = ports.length === 1 ? ports[0]?.number : undefined;
  const port = destination.port ?? only ?? 'FROM_REQUEST_PORT';
  return { host, subset: destination.subset, port, cause: { object, field } };
}

function retryOf(spec: RetrySpec | undefined): Retry | undefined {
  if (spec === undefined) return defaultRetry;
  if (spec.attempts === 0) return undefined;
  return { ...spec, retryOn: spec.retryOn === '' ? defaultRetry.retryOn : spec.retryOn };
}
