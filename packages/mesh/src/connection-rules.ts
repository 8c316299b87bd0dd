// The `tcp` and `tls` rules of VirtualServices, bound: each match with the gateways and clients it is for.
import type {
  ObjectOf,
  TcpDestination,
  TcpMatchSpec,
  TcpRouteSpec,
  TlsMatchSpec,
  TlsRouteSpec,
} from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type {
  Cause,
  ConnectionDestination,
  Host,
  ObjectKey,
  TcpMatch,
  TcpRule,
  TlsMatch,
  TlsRule,
} from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { expandHost } from './host-names.ts';
import type { ExportedRule } from './host-rules.ts';
import type { HostView } from './hosts.ts';
import type { MeshInputs } from './inputs.ts';
import type { Labels } from './label-selectors.ts';
import { type RouteContext, targetOf } from './route-drafts.ts';
import { expandGateway, type GatewayName } from './route-sources.ts';
import { settingsOf } from './settings.ts';
import { exportOf } from './visibility.ts';

/** Who a match is for; empty gateways: all of the VirtualService. */
export interface ConnectionSource {
  readonly gateways: readonly GatewayName[];
  /** The client's namespace. */
  readonly namespace?: string;
  /** Labels the client must have. */
  readonly labels: Labels;
}

export interface BoundConnection<R extends TcpRule> {
  readonly rule: R;
  /** One for each match. */
  readonly sources: readonly ConnectionSource[];
}

/** The rules of one VirtualService that has any. */
export interface BoundConnections extends ExportedRule {
  readonly hosts: readonly Host[];
  /** Hosts as they were written, where that differs: a gateway's clients may use the short name. */
  readonly shortHosts: readonly Host[];
  readonly gateways: readonly GatewayName[];
  readonly tls: readonly BoundConnection<TlsRule>[];
  readonly tcp: readonly BoundConnection<TcpRule>[];
}

/** Beside the HTTP rules: a VirtualService that has only those is not even looked at. */
export function deriveConnections(
  graph: Graph,
  inputs: MeshInputs,
  hosts: Collection<Host, HostView>,
): Collection<ObjectKey, BoundConnections> {
  const { settings } = inputs;
  const withConnections = graph.index(
    inputs.virtualServices,
    'withConnections',
    ({ spec }, object): readonly ObjectKey[] => (spec.tls.length + spec.tcp.length > 0 ? [object] : []),
  );
  return graph.derive({
    name: 'mesh.connections',
    from: graph.group(withConnections),
    reads: { withConnections, hosts, settings },
    equals: deepEqual,
    fn: (_members, object, read) => {
      const settings = settingsOf(read.settings);
      const { clusterDomain } = settings;
      return read.withConnections.at(object).map(([, virtualService]) => {
        const { namespace } = virtualService.metadata;
        const context: RouteContext = { object, namespace, clusterDomain, settings, hosts: read.hosts };
        return [object, boundOf(virtualService, context)] as const;
      });
    },
  });
}

function boundOf({ spec }: ObjectOf<'VirtualService'>, context: RouteContext): BoundConnections {
  const { object, namespace } = context;
  const hosts = spec.hosts.map((host) => expandHost(host, context));
  return {
    object,
    namespace,
    ...exportOf(spec.exportTo, namespace, context.settings),
    hosts,
    shortHosts: spec.hosts.filter((host) => !hosts.includes(host)),
    gateways: spec.gateways.map((name) => expandGateway(name, namespace)),
    tls: bindTls(spec.tls, context),
    tcp: bindTcp(spec.tcp, context),
  };
}

/** Somebody whose rules are asked for; at gateways nothing is known of clients. */
export interface ConnectionClient {
  readonly gateway: GatewayName;
  readonly namespace?: string | undefined;
  readonly labels?: Labels | undefined;
}

const bindTcp = (routes: readonly TcpRouteSpec[], context: RouteContext): BoundConnection<TcpRule>[] =>
  routes.map(({ matches, destinations }, position) => {
    const field = `spec.tcp[${position}]`;
    const rule = { ...ruleOf(destinations, field, context), matches: matchesOf(matches, field, context) };
    return { rule, sources: sourcesOf(matches, context) };
  });

const bindTls = (routes: readonly TlsRouteSpec[], context: RouteContext): BoundConnection<TlsRule>[] =>
  routes.map(({ matches, destinations }, position) => {
    const field = `spec.tls[${position}]`;
    const common = matchesOf(matches, field, context);
    const named = common.map(
      (match, at): TlsMatch => ({ ...match, serverNames: matches[at]?.sniHosts ?? [] }),
    );
    return {
      rule: { ...ruleOf(destinations, field, context), matches: named },
      sources: sourcesOf(matches, context),
    };
  });

/** The rules that hold for somebody, in order; a rule loses the matches that are for others. */
export function connectionsFor<R extends TcpRule>(
  bound: readonly BoundConnection<R>[],
  client: ConnectionClient,
): readonly R[] {
  return bound.flatMap(({ rule, sources }) => {
    if (sources.every((source) => isFor(source, client))) return [rule];
    const matches = rule.matches.filter((_match, position) => {
      const source = sources[position];
      return source !== undefined && isFor(source, client);
    });
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}

function isFor({ gateways, namespace, labels }: ConnectionSource, client: ConnectionClient): boolean {
  const isPlace = gateways.length === 0 || gateways.includes(client.gateway);
  const isHome = namespace === undefined || namespace === client.namespace;
  return isPlace && isHome && Object.entries(labels).every(([key, value]) => client.labels?.[key] === value);
}

function ruleOf(
  specs: readonly TcpDestination[],
  field: string,
  context: RouteContext,
): Pick<TcpRule, 'destinations' | 'cause'> {
  const destinations = specs.map(
    ({ weight, ...to }, position): ConnectionDestination => ({
      ...targetOf(to, `${field}.route[${position}]`, context),
      weight,
    }),
  );
  return { destinations, cause: { object: context.object, field } };
}

const matchesOf = (
  specs: readonly (TcpMatchSpec | TlsMatchSpec)[],
  field: string,
  { object }: RouteContext,
): readonly TcpMatch[] =>
  specs.map(({ destinationSubnets, port }, position): TcpMatch => {
    const cause: Cause = { object, field: `${field}.match[${position}]` };
    return { destinationSubnets, ...(port === undefined ? {} : { port }), cause };
  });

const sourcesOf = (
  specs: readonly TcpMatchSpec[],
  { namespace }: RouteContext,
): readonly ConnectionSource[] =>
  specs.map(({ gateways, sourceNamespace, sourceLabels }) => ({
    gateways: gateways.map((name) => expandGateway(name, namespace)),
    ...(sourceNamespace === undefined ? {} : { namespace: sourceNamespace }),
    labels: sourceLabels,
  }));
