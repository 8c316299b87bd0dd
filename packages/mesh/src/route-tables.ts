// Route tables: the HTTP behaviour of every host, once for everybody and again only for namespaces that see something else.
import type { Collection, Graph, Index } from '@xebec/flow';
import type {
  Cause,
  ClassLayer,
  Host,
  HttpMatch,
  HttpRule,
  Layer,
  Layered,
  ObjectKey,
  RouteTable,
  Service,
} from '@xebec/model';
import { labelsOfLayer, layered, namespaceOfLayer } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { type ClassesByPair, classesHolding } from './classes.ts';
import type { Servers } from './endpoints.ts';
import { compareText } from './host-names.ts';
import { type HostRuleLookups, type HostRuleSources, indexHostRules, rulesByLevel } from './host-rules.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import { isSelected } from './label-selectors.ts';
import { hostsOfRules, type OutsideReads, outsideChecksOf } from './outside-checks.ts';
import type { PolicyRuleSources } from './policy-rules.ts';
import { type BoundRoute, rulesAt, selectorsOf } from './routes.ts';
import { type MeshSettings, settingsOf } from './settings.ts';
import { isVisible, layersFor, sortLayers } from './visibility.ts';

export type MeshRouteSources = HostRuleSources<BoundRoute>;

/** The routes that sidecars apply, by host. */
export const indexMeshRoutes = (graph: Graph, routes: Collection<ObjectKey, BoundRoute>): MeshRouteSources =>
  indexHostRules(graph, routes, ({ hosts, gateways, rules }) =>
    gateways.includes('mesh') && rules.length > 0 ? hosts : [],
  );

export interface RouteTableSources {
  readonly hosts: Collection<Host, HostView>;
  readonly routes: MeshRouteSources;
  readonly classesByPair: ClassesByPair;
  readonly policyRules: PolicyRuleSources;
  readonly serversByPort: Index<HostPort, Layered<HostPort>, Servers>;
}

export function deriveRouteTables(
  graph: Graph,
  { settings }: MeshInputs,
  { hosts, routes, classesByPair, policyRules, serversByPort }: RouteTableSources,
): Collection<Layered<Host>, RouteTable> {
  return graph.derive({
    name: 'mesh.routeTables',
    from: hosts,
    reads: { ...routes, classesByPair, settings, hosts, ...policyRules, serversByPort },
    equals: deepEqual,
    fn: (view, host, read) => {
      const settings = settingsOf(read.settings);
      const levels = levelsOf(view, read);
      const classes = classesHolding(levels.flat().flatMap(selectorsOf), read.classesByPair);
      return [...distinctChoices(view, levels), ...choicesOfClasses(classes, view, levels)].map((choice) => {
        const table = tableOf(host, choice, settings);
        return [layered(choice.layer, host), { ...table, ...outsideOf(table, read) }] as const;
      });
    },
  });
}

/** The rules of the host itself; without any, an alias has those of the service that it stands for. */
function levelsOf({ host, holders }: HostView, read: HostRuleLookups<BoundRoute>): Levels {
  const levels = rulesByLevel(host, read);
  const alias = holders.find(({ service }) => service.alias !== undefined)?.service.alias;
  return alias === undefined || levels.flat().length > 0 ? levels : rulesByLevel(alias, read);
}

/** What clients of a layer get. */
interface Choice {
  readonly layer: Layer;
  readonly service: Service | undefined;
  readonly routes: readonly BoundRoute[];
}

type Levels = readonly (readonly BoundRoute[])[];

function distinctChoices(view: HostView, levels: Levels): readonly Choice[] {
  const layers = sortLayers([
    ...view.holders.map(({ layer }) => layer),
    ...levels.flat().flatMap((route) => [...route.layers, ...layersFor(route, undefined)]),
    ...levels.flatMap(layersOfRivals),
    ...levels.flat().flatMap(({ sourceNamespaces }) => sourceNamespaces.map((name): Layer => `ns:${name}`)),
  ]);
  const choices = layers.map((layer) => choiceIn(layer, view, levels)).filter(isServed);
  const shared = choices.find(({ layer }) => layer === '*');
  return choices.filter((choice) => choice === shared || !isSameChoice(choice, shared));
}

/** Clients of a class see the routes of their namespace; what is theirs alone are the matches on their labels. */
const choicesOfClasses = (
  classes: readonly ClassLayer[],
  view: HostView,
  levels: Levels,
): readonly Choice[] =>
  classes
    .map((layer) => choiceIn(layer, view, levels))
    .filter(({ layer, routes }) => {
      const labels = labelsOfLayer(layer);
      return routes.some((route) => selectorsOf(route).some((selector) => isSelected(selector, labels)));
    });

/** Where several routes meet, each namespace puts its own first. */
const layersOfRivals = (level: readonly BoundRoute[]): readonly Layer[] =>
  level.length < 2 ? [] : level.map(({ namespace }): Layer => `ns:${namespace}`);

function choiceIn(layer: Layer, view: HostView, levels: Levels): Choice {
  const service = holderIn(view, layer)?.service;
  const visible = levels.map((level) =>
    level.filter((route) => isVisible(layersFor(route, service?.namespace), layer)),
  );
  const routes = visible.find((level) => level.length > 0) ?? [];
  return { layer, service, routes: orderRoutes(routes, [namespaceOfLayer(layer), service?.namespace]) };
}

/** The client's own, then the service's own, then by name. */
export function orderRoutes(
  routes: readonly BoundRoute[],
  namespaces: readonly (string | undefined)[],
): readonly BoundRoute[] {
  const rank = ({ namespace }: BoundRoute) => {
    const position = namespaces.indexOf(namespace);
    return position === -1 ? namespaces.length : position;
  };
  return routes.toSorted((left, right) => rank(left) - rank(right) || compareText(left.object, right.object));
}

const speaksHttp = ({ ports }: Service): boolean =>
  ports.some(({ protocol }) => ['http', 'http2', 'grpc', 'grpc-web', 'auto'].includes(protocol));

function isServed({ service, routes }: Choice): boolean {
  return routes.length > 0 || (service !== undefined && speaksHttp(service));
}

function isSameChoice(choice: Choice, shared: Choice | undefined): boolean {
  if (shared === undefined || choice.service !== shared.service) return false;
  const namespace = namespaceOfLayer(choice.layer);
  const isSource = ({ sourceNamespaces }: BoundRoute) =>
    namespace !== undefined && sourceNamespaces.includes(namespace);
  if (choice.routes.some(isSource)) return false;
  return (
    choice.routes.length === shared.routes.length &&
    choice.routes.every((route, position) => route === shared.routes[position])
  );
}

function tableOf(host: Host, { layer, service, routes }: Choice, settings: MeshSettings): RouteTable {
  const causes = [...(service?.causes ?? []), ...routes.map(({ object }): Cause => ({ object }))];
  const namespace = namespaceOfLayer(layer);
  const labels = labelsOfLayer(layer);
  const client = { gateway: 'mesh', labels, ...(namespace === undefined ? {} : { namespace }) };
  const rules = mergeRules(routes.map((route) => rulesAt(route, client)));
  const { defaultRetry } = settings;
  return {
    layer,
    host,
    ...(service === undefined ? {} : { service }),
    rules,
    ...(defaultRetry === undefined || rules.length > 0 ? {} : { retry: defaultRetry }),
    causes,
  };
}

/** What clients enforce themselves, as nobody behind it does. */
function outsideOf({ layer, host, rules }: RouteTable, read: OutsideReads): Pick<RouteTable, 'outside'> {
  const hosts = rules.length === 0 ? [host] : hostsOfRules(rules);
  const outside = outsideChecksOf(hosts, { layer, decidedBy: 'client' }, read);
  return outside.length === 0 ? {} : { outside };
}

/** The rules of several routes for one host: in order, but what matches everything comes after the rest. */
export function mergeRules(lists: readonly (readonly HttpRule[])[]): readonly HttpRule[] {
  const [first = []] = lists;
  if (lists.length < 2) return first;
  const rules = lists.flat();
  return [...rules.filter((rule) => !isCatchAll(rule)), ...rules.filter(isCatchAll)];
}

const isCatchAll = ({ matches }: HttpRule): boolean =>
  matches.length === 0 || matches.some(matchesEverything);

function matchesEverything({ uri, ...match }: HttpMatch): boolean {
  const isEveryPath =
    uri === undefined ||
    uri.kind === 'present' ||
    (uri.kind === 'prefix' && uri.value === '/') ||
    isAnyRegex(uri);
  const conditions = [match.scheme, match.method, match.authority, match.port];
  const maps = [match.headers, match.withoutHeaders, match.queryParams];
  return (
    isEveryPath &&
    conditions.every((condition) => condition === undefined) &&
    maps.every((map) => Object.keys(map).length === 0)
  );
}

const isAnyRegex = ({ kind, value }: { readonly kind: string; readonly value?: string }): boolean =>
  kind === 'regex' && (value === '.*' || value === '/.*');
