// VirtualServices, bound: hosts and gateways made fully qualified, rules translated once and shared by all who use them.
import type { HttpRouteSpec, ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Destination, Host, HttpRule, Layered, ObjectKey } from '@xebec/model';
import { defaultRetry } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { Conflict } from './conflict.ts';
import { type FinalDraft, resolveDelegate } from './delegates.ts';
import type { Servers } from './endpoints.ts';
import { type FaultReads, faultPlaceAnnotation, faultPlaceOf } from './fault-place.ts';
import { expandHost } from './host-names.ts';
import type { ExportedRule } from './host-rules.ts';
import type { HostView } from './hosts.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import type { Labels } from './label-selectors.ts';
import type { Lookup } from './lookups.ts';
import { draftOf, finishRule, type RouteContext } from './route-drafts.ts';
import {
  expandGateway,
  type GatewayName,
  isFor,
  type MatchSource,
  type RuleClient,
} from './route-sources.ts';
import { settingsOf } from './settings.ts';
import { keepUsers } from './sticky.ts';
import { exportOf } from './visibility.ts';

export type { GatewayName } from './route-sources.ts';

/** A rule, and for each of its matches whom it is for. */
export interface BoundRule {
  readonly rule: HttpRule;
  readonly sources: readonly MatchSource[];
}

/** A VirtualService ready for use. */
export interface BoundRoute extends ExportedRule {
  readonly hosts: readonly Host[];
  /** Hosts as they were written, where that differs: a gateway's clients may use the short name. */
  readonly shortHosts: readonly Host[];
  readonly gateways: readonly GatewayName[];
  readonly rules: readonly BoundRule[];
  /** Namespaces that some match is for: their sidecars see other rules than everybody. */
  readonly sourceNamespaces: readonly string[];
  /** VirtualServices that some of the rules are from. */
  readonly delegates: readonly ObjectKey[];
  readonly problems: readonly Conflict[];
}

export function deriveRoutes(
  graph: Graph,
  inputs: MeshInputs,
  { hosts, destinations, serversByPort }: RouteSources,
): Collection<ObjectKey, BoundRoute> {
  const { settings, virtualServices } = inputs;
  const destinationsByHost = graph.index(destinations, 'byHost', ({ service }) => [service.host]);
  return graph.derive({
    name: 'mesh.routes',
    from: virtualServices,
    reads: { hosts, settings, virtualServices, destinationsByHost, serversByPort },
    equals: deepEqual,
    fn: (object, key, read) => {
      const settings = settingsOf(read.settings);
      const context: RouteContext = {
        object: key,
        namespace: object.metadata.namespace,
        clusterDomain: settings.clusterDomain,
        settings,
        hosts: read.hosts,
      };
      return [[key, routeOf(object, context, read)]];
    },
  });
}

export interface RouteSources {
  readonly hosts: Collection<Host, HostView>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly serversByPort: Index<HostPort, Layered<HostPort>, Servers>;
}

interface RouteReads extends FaultReads {
  readonly virtualServices: Lookup<ObjectKey, ObjectOf<'VirtualService'>>;
}

/** The rules of a route that hold for a client, in order. */
export function rulesAt({ rules }: BoundRoute, client: RuleClient): readonly HttpRule[] {
  return rules.flatMap(({ rule, sources }) => {
    if (sources.every((source) => isFor(source, client))) return [rule];
    const matches = rule.matches.filter((_match, position) => isFor(sources[position] ?? noSource, client));
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}

/** The labels by which the rules of a route tell clients apart. */
export const selectorsOf = ({ rules }: BoundRoute): readonly Labels[] =>
  rules.flatMap(({ sources }) => sources.map(({ labels }) => labels ?? {}));

const noSource: MatchSource = { gateways: [] };

function routeOf(
  { spec, metadata }: ObjectOf<'VirtualService'>,
  context: RouteContext,
  read: RouteReads,
): BoundRoute {
  const { object, namespace } = context;
  const hosts = spec.hosts.map((host) => expandHost(host, context));
  const resolved = spec.http.map((route, position) => resolveRoute(route, position, { context, read }));
  const place = metadata.annotations[faultPlaceAnnotation];
  const rules = resolved
    .flatMap((each) => each.rules)
    .map((draft): BoundRule => {
      const at = place === 'client' ? 'client' : faultPlaceOf(draft, read);
      const action =
        draft.action.kind === 'forward'
          ? keepUsers(draft.action, `ns:${namespace}`, read.destinationsByHost)
          : draft.action;
      return {
        rule: finishRule(
          { ...draft, action },
          { faultAt: at, retry: context.settings.defaultRetry ?? defaultRetry },
        ),
        sources: draft.matches.map(({ source }) => source),
      };
    });
  return {
    object,
    namespace,
    ...exportOf(spec.exportTo, namespace, context.settings),
    hosts,
    shortHosts: spec.hosts.filter((host) => !hosts.includes(host)),
    gateways: spec.gateways.map((name) => expandGateway(name, namespace)),
    rules,
    sourceNamespaces: namespacesOf(rules),
    delegates: [...new Set(resolved.flatMap(({ delegate }) => delegate ?? []))],
    problems: resolved.flatMap(({ problems }) => problems),
  };
}

function resolveRoute(
  route: HttpRouteSpec,
  position: number,
  { context, read }: { readonly context: RouteContext; readonly read: RouteReads },
): {
  readonly rules: readonly FinalDraft[];
  readonly delegate?: ObjectKey;
  readonly problems: readonly Conflict[];
} {
  return resolveDelegate(draftOf(route, position, context), context, read.virtualServices);
}

const namespacesOf = (rules: readonly BoundRule[]): readonly string[] => [
  ...new Set(rules.flatMap(({ sources }) => sources.flatMap(({ namespace }) => namespace ?? []))),
];
