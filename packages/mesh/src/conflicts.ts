// Conflicts between objects: derived beside the mesh from the same collections, so that asking for them changes nothing.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, Host, Layer, Layered, ObjectKey, RouteTable, Service } from '@xebec/model';
import { namespaceOfLayer } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRows as rows } from './conflict.ts';
import { deriveConnectionConflicts } from './connection-conflicts.ts';
import type { BoundConnections } from './connection-rules.ts';
import type { MeshConnectionSources } from './connection-tables.ts';
import type { BoundDestinationRule, DestinationRuleSources } from './destinations.ts';
import { foreignHostsOf } from './foreign-routes.ts';
import type { HostView } from './hosts.ts';
import type { PeersByNamespace } from './peer-policies.ts';
import { problemsOf } from './route-problems.ts';
import type { MeshRouteSources } from './route-tables.ts';
import { checkTarget } from './route-targets.ts';
import type { BoundRoute } from './routes.ts';
import { deriveShadowedRules } from './shadowed-rules.ts';
import { isVisible } from './visibility.ts';

export interface ConflictSources {
  readonly hosts: Collection<Host, HostView>;
  readonly services: Collection<Layered<Host>, Service>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly routes: Collection<ObjectKey, BoundRoute>;
  readonly meshRoutes: MeshRouteSources;
  readonly routeTables: Collection<Layered<Host>, RouteTable>;
  readonly connections: Collection<ObjectKey, BoundConnections>;
  readonly meshConnections: MeshConnectionSources;
  readonly destinationRules: DestinationRuleSources;
  readonly peersByNamespace: PeersByNamespace;
  readonly gatewayConflicts: Collection<string, Diagnostic>;
  readonly gatewayBindings: Collection<string, Diagnostic>;
  readonly authorizationConflicts: Collection<string, Diagnostic>;
}

type Conflicts = Collection<string, Diagnostic>;

export function deriveConflicts(graph: Graph, sources: ConflictSources): Conflicts {
  return graph.union(
    'mesh.conflicts',
    deriveHostConflicts(graph, sources),
    deriveConnectionConflicts(graph, sources),
    deriveRouteMerges(graph, sources),
    deriveShadowedRules(graph, sources.routeTables),
    deriveRouteTargets(graph, sources),
    deriveRuleMerges(graph, sources),
    derivePeerConflicts(graph, sources),
    sources.gatewayConflicts,
    sources.gatewayBindings,
    sources.authorizationConflicts,
  );
}

function deriveHostConflicts(graph: Graph, { hosts }: ConflictSources): Conflicts {
  return graph.derive({
    name: 'mesh.hostConflicts',
    from: hosts,
    equals: deepEqual,
    fn: ({ losers, ...view }, host) =>
      rows(
        [
          ...moves(view),
          ...losers.map(
            ({ owner, to, layer }): Conflict => ({
              code: 'host-claimed-twice',
              object: owner,
              message: `${host} belongs to ${to} ${forWhom(layer)}; this object does not count there`,
              remedy: 'give one of them another host, or limit exportTo',
            }),
          ),
        ],
        host,
      ),
  });
}

/** Two hosts whose names give the same address: connections by address were to be told apart. */
function moves({ host, holders, displacedBy }: Omit<HostView, 'losers'>): readonly Conflict[] {
  const [holder] = holders;
  if (displacedBy === undefined || holder === undefined) return [];
  const message = `${host} has the address ${holder.service.addresses[0] ?? ''}, since ${displacedBy} has the one of its name`;
  const remedy = 'write an address of its own, if clients must know it beforehand';
  return [{ code: 'address-moved', object: holder.owner, message, remedy }];
}

const forWhom = (layer: Layer): string =>
  layer === '*' ? 'for all namespaces' : `in namespace ${namespaceOfLayer(layer) ?? ''}`;

function deriveRouteMerges(graph: Graph, { meshRoutes }: ConflictSources): Conflicts {
  const { byHost } = meshRoutes;
  return graph.derive({
    name: 'mesh.routeMerges',
    from: graph.group(byHost),
    reads: { byHost },
    equals: deepEqual,
    fn: (keys, host, read) => (keys.size < 2 ? [] : rows(merges(host, read.byHost.at(host)), host)),
  });
}

function merges(host: Host, members: readonly (readonly [ObjectKey, BoundRoute])[]): readonly Conflict[] {
  return members.slice(1).flatMap(([object, route], position) => {
    const earlier = members
      .slice(0, position + 1)
      .find(([, other]) => areBothSeen(route.layers, other.layers));
    if (earlier === undefined) return [];
    return [
      {
        code: 'virtual-services-merged',
        object,
        field: 'spec.hosts',
        message: `${host} is also routed by ${earlier[0]}; the rules of both apply: those of the client's namespace first, then of the service's, then by name; what matches everything comes last`,
        remedy: 'put all rules of the host into one VirtualService',
      },
    ];
  });
}

const areBothSeen = (left: readonly Layer[], right: readonly Layer[]): boolean =>
  left.some((layer) => isVisible(right, layer)) || right.some((layer) => isVisible(left, layer));

/** Delegation that fails, and destinations that are not there: requests to them are answered 503, the rest of the rules goes on. */
function deriveRouteTargets(graph: Graph, { routes, hosts, destinations }: ConflictSources): Conflicts {
  const byDelegate = graph.index(routes, 'byDelegate', ({ delegates }) => delegates);
  return graph.derive({
    name: 'mesh.routeTargets',
    from: routes,
    reads: { hosts, destinations, byDelegate },
    equals: deepEqual,
    fn: (route, object, read) =>
      rows(
        [
          ...problemsOf(route, read.byDelegate.count(object)),
          ...(isDelegated(route, read.byDelegate.count(object)) ? [] : targetsOf(route)).flatMap((target) =>
            checkTarget(route, target, read),
          ),
          ...foreignHostsOf(route, read.hosts),
        ],
        object,
      ),
  });
}

/** Its targets are told with the rules that delegate to it. */
const isDelegated = ({ hosts }: BoundRoute, delegators: number): boolean =>
  hosts.length === 0 && delegators > 0;

const targetsOf = ({ rules }: BoundRoute) =>
  rules.flatMap(({ rule: { action, mirrors } }) => [
    ...(action.kind === 'forward' ? action.destinations : []),
    ...mirrors.map(({ destination }) => destination),
  ]);

function deriveRuleMerges(graph: Graph, { destinationRules }: ConflictSources): Conflicts {
  const { byHost } = destinationRules;
  return graph.derive({
    name: 'mesh.ruleMerges',
    from: graph.group(byHost),
    reads: { byHost },
    equals: deepEqual,
    fn: (keys, host, read) => {
      if (keys.size < 2) return [];
      const members = read.byHost.at(host).map(([, rule]) => rule);
      return rows(
        members.flatMap((rule, position) => {
          const first = members.slice(0, position).find((other) => areMerged(rule, other));
          if (first === undefined) return [];
          return [
            {
              code: 'destination-rules-merged',
              object: rule.object,
              field: 'spec.host',
              message: `${host} also has ${first.object}: subsets of both count, the first one's traffic policy holds`,
              remedy: 'put all that concerns the host into one DestinationRule',
            },
          ];
        }),
        host,
      );
    },
  });
}

/** Rules for other workloads are not merged: one that selects stands alone. */
const areMerged = (rule: BoundDestinationRule, other: BoundDestinationRule): boolean =>
  rule.namespace === other.namespace && deepEqual(rule.selector, other.selector);

function derivePeerConflicts(graph: Graph, { peersByNamespace }: ConflictSources): Conflicts {
  return graph.derive({
    name: 'mesh.peerConflicts',
    from: graph.group(peersByNamespace),
    reads: { peersByNamespace },
    equals: deepEqual,
    fn: (keys, namespace, read) => {
      if (keys.size < 2) return [];
      const [first, ...others] = read.peersByNamespace.at(namespace).map(([key]) => key);
      return rows(
        others.map((object) => ({
          code: 'peer-authentication-ignored',
          object,
          message: `namespace ${namespace} already has ${first ?? ''}, which holds; this one does not count`,
          remedy: 'keep one PeerAuthentication without a selector in a namespace',
        })),
        namespace,
      );
    },
  });
}
