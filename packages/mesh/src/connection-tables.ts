// Connection tables: how TCP and TLS to every host is routed, once for everybody and again only for who sees something else.
import type { Collection, Graph } from '@xebec/flow';
import type {
  Cause,
  ClassLayer,
  ConnectionTable,
  Host,
  Layer,
  Layered,
  ObjectKey,
  ServicePort,
  TcpRule,
} from '@xebec/model';
import { labelsOfLayer, layered, namespaceOfLayer } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { type ClassesByPair, classesHolding } from './classes.ts';
import { type BoundConnections, connectionsFor } from './connection-rules.ts';
import { compareText, isWildcard, wildcardsOf } from './host-names.ts';
import { type HostRuleSources, indexHostRules, rulesByLevel } from './host-rules.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { Labels } from './label-selectors.ts';
import type { Lookup } from './lookups.ts';
import { isVisible, layersFor, sortLayers } from './visibility.ts';

export type MeshConnectionSources = HostRuleSources<BoundConnections>;

/** The rules that sidecars apply, by host. */
export const indexMeshConnections = (
  graph: Graph,
  connections: Collection<ObjectKey, BoundConnections>,
): MeshConnectionSources =>
  indexHostRules(graph, connections, ({ hosts, gateways }) => (gateways.includes('mesh') ? hosts : []));

export function deriveConnectionTables(
  graph: Graph,
  hosts: Collection<Host, HostView>,
  connections: MeshConnectionSources,
  classesByPair: ClassesByPair,
): Collection<Layered<Host>, ConnectionTable> {
  return graph.derive({
    name: 'mesh.connectionTables',
    from: hosts,
    reads: { ...connections, hosts, classesByPair },
    equals: deepEqual,
    fn: (view, host, read) => {
      const levels = rulesByLevel(host, read);
      const serving = view.holders.length > 0 ? view : coveringView(host, levels, read.hosts);
      if (serving === undefined) return [];
      const classes = classesHolding(levels.flat().flatMap(selectorsOf), read.classesByPair);
      return [
        ...distinctTables(host, serving, levels),
        ...classes.flatMap((layer) => tableOfClass(layer, host, { view: serving, levels })),
      ].map((table) => [layered(table.layer, host), table] as const);
    },
  });
}

/** HTTP is routed by its own rules, request by request; an undeclared port may carry either. */
const carriesConnections = ({ protocol }: ServicePort): boolean =>
  !['http', 'http2', 'grpc', 'grpc-web', 'udp'].includes(protocol);

type Levels = readonly (readonly BoundConnections[])[];

/**
 * A host that only rules name may be one of those a wildcard service stands for; else it is reached where the first
 * other host of its rule is.
 */
function coveringView(host: Host, levels: Levels, hosts: Lookup<Host, HostView>): HostView | undefined {
  const rule = levels[0]?.find((candidate) => candidate.hosts.includes(host));
  if (rule === undefined || isWildcard(host)) return undefined;
  return [...wildcardsOf(host), ...rule.hosts]
    .map((name) => hosts.get(name))
    .find((view) => view !== undefined && view.holders.length > 0);
}

function distinctTables(host: Host, view: HostView, levels: Levels): readonly ConnectionTable[] {
  const rules = levels.flat();
  const layers = sortLayers([
    ...view.holders.map(({ layer }) => layer),
    ...rules.flatMap((rule) => [...rule.layers, ...layersFor(rule, undefined)]),
    ...rules.flatMap(layersOfSources),
    ...(rules.length < 2 ? [] : rules.map(({ namespace }): Layer => `ns:${namespace}`)),
  ]);
  const tables = layers.flatMap((layer) => tableIn(layer, host, { view, levels }));
  const shared = tables.find(({ layer }) => layer === '*');
  return tables.filter((table) => table === shared || !isSameTable(table, shared));
}

const selectorsOf = ({ tls, tcp }: BoundConnections): readonly Labels[] =>
  [...tls, ...tcp].flatMap(({ sources }) => sources.map(({ labels }) => labels));

/** What a class gets, where its namespace gets something else. */
function tableOfClass(
  layer: ClassLayer,
  host: Host,
  context: { readonly view: HostView; readonly levels: Levels },
): readonly ConnectionTable[] {
  const [wider] = tableIn(`ns:${namespaceOfLayer(layer) ?? ''}`, host, context);
  return tableIn(layer, host, context).filter((table) => !isSameTable(table, wider));
}

/** Namespaces that a match names see something of their own. */
const layersOfSources = ({ tls, tcp }: BoundConnections): readonly Layer[] =>
  [...tls, ...tcp].flatMap(({ sources }) =>
    sources.flatMap(({ namespace }): Layer[] => (namespace === undefined ? [] : [`ns:${namespace}`])),
  );

function tableIn(
  layer: Layer,
  host: Host,
  { view, levels }: { readonly view: HostView; readonly levels: Levels },
): readonly ConnectionTable[] {
  const service = holderIn(view, layer)?.service;
  if (service === undefined || !service.ports.some(carriesConnections)) return [];
  const visible = levels.map((level) =>
    level.filter((rule) => isVisible(layersFor(rule, service.namespace), layer)),
  );
  const found = visible.find((level) => level.length > 0) ?? [];
  const rules = orderRules(found, [namespaceOfLayer(layer), service.namespace]);
  const client = { gateway: 'mesh', namespace: namespaceOfLayer(layer), labels: labelsOfLayer(layer) };
  const tls = inOrder(rules.map((rule) => connectionsFor(rule.tls, client)));
  const tcp = inOrder(rules.map((rule) => connectionsFor(rule.tcp, client)));
  const causes = [...service.causes, ...rules.map(({ object }): Cause => ({ object }))];
  if (host !== service.host && tls.length + tcp.length === 0) return [];
  return [{ layer, host, service, tls, tcp, causes }];
}

/** The client's own, then the service's own, then by name. */
function orderRules(
  rules: readonly BoundConnections[],
  namespaces: readonly (string | undefined)[],
): readonly BoundConnections[] {
  const rank = ({ namespace }: BoundConnections) => {
    const position = namespaces.indexOf(namespace);
    return position === -1 ? namespaces.length : position;
  };
  return rules.toSorted((left, right) => rank(left) - rank(right) || compareText(left.object, right.object));
}

/** The rules of several objects: in order, but what matches everything comes after the rest. */
function inOrder<R extends TcpRule>(lists: readonly (readonly R[])[]): readonly R[] {
  const rules = lists.flat();
  if (lists.length < 2) return rules;
  const isCatchAll = ({ matches }: R) => matches.length === 0;
  return [...rules.filter((rule) => !isCatchAll(rule)), ...rules.filter(isCatchAll)];
}

function isSameTable(table: ConnectionTable, shared: ConnectionTable | undefined): boolean {
  if (shared === undefined || table.service !== shared.service) return false;
  return deepEqual([table.tls, table.tcp, table.causes], [shared.tls, shared.tcp, shared.causes]);
}
