// Classes: clients of a namespace that no selector tells apart. Only label pairs that selectors mention divide them.

import type { KindName, ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { ClassLayer, Layer, ProxyNode } from '@xebec/model';
import { classLayer, isClassLayer, labelsOfLayer, layerChain } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs, ObjectsOf } from './inputs.ts';
import { isSelected, type Labels } from './label-selectors.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { layersOf } from './visibility.ts';

/** `KEY=VALUE`. */
export type LabelPair = `${string}=${string}`;
/** `LAYER|KEY=VALUE`: clients of the layer are told apart by the pair. */
type Mention = `${Layer}|${LabelPair}`;
type Mentions = Collection<Mention, true>;

/** Classes that connected clients are in, by each pair they hold. */
export type ClassesByPair = Index<LabelPair, ClassLayer, Labels>;

export interface Classes {
  readonly clientLayers: Collection<string, readonly Layer[]>;
  readonly classesByPair: ClassesByPair;
}

export function deriveClasses(graph: Graph, inputs: MeshInputs): Classes {
  const byRoutes = mentions(graph, 'mesh.routeLabels', {
    objects: inputs.virtualServices,
    of: mentionsOfRoute,
  });
  const byRules = mentions(graph, 'mesh.ruleLabels', {
    objects: inputs.destinationRules,
    of: mentionsOfRule,
  });
  const clientLayers = graph.derive({
    name: 'mesh.clientLayers',
    from: inputs.proxies,
    reads: { byRoutes, byRules },
    equals: deepEqual,
    fn: (proxy, id, read) => [[id, layersOfClient(proxy, [read.byRoutes, read.byRules])]],
  });
  const byClass = graph.index(clientLayers, 'byClass', (layers) => layers.filter(isClassLayer));
  const classes = graph.derive({
    name: 'mesh.classes',
    from: graph.group(byClass),
    equals: deepEqual,
    fn: (_clients, layer): readonly (readonly [ClassLayer, Labels])[] => [[layer, labelsOfLayer(layer)]],
  });
  return { clientLayers, classesByPair: graph.index(classes, 'byPair', pairsOf) };
}

/** Those of the classes in which clients hold all labels of one of the selectors, sorted. */
export function classesHolding(
  selectors: readonly Labels[],
  classes: AnchorLookup<LabelPair, ClassLayer, Labels>,
): readonly ClassLayer[] {
  const found = selectors.flatMap((selector) => {
    const [anchor] = pairsOf(selector);
    if (anchor === undefined) return [];
    return classes
      .at(anchor)
      .filter(([, labels]) => isSelected(selector, labels))
      .map(([layer]) => layer);
  });
  return [...new Set(found)].sort();
}

const pairsOf = (labels: Labels): readonly LabelPair[] =>
  Object.entries(labels)
    .map(([key, value]): LabelPair => `${key}=${value}`)
    .sort();

/** The pairs that objects of one kind mention, as keys that change only when the first comes or the last one goes. */
function mentions<K extends KindName>(
  graph: Graph,
  name: string,
  {
    objects,
    of,
  }: { readonly objects: ObjectsOf<K>; readonly of: (object: ObjectOf<K>) => readonly Mention[] },
): Mentions {
  return graph.derive({
    name,
    from: graph.group(graph.index(objects, 'mentions', (object) => new Set(of(object)))),
    fn: (_objects, mention): readonly (readonly [Mention, true])[] => [[mention, true]],
  });
}

const mentionsIn = (layers: readonly Layer[], selectors: readonly Labels[]): readonly Mention[] =>
  selectors.flatMap(pairsOf).flatMap((pair) => layers.map((layer): Mention => `${layer}|${pair}`));

/** Who sees the rules of a delegate is up to those that delegate to it. */
const mentionsOfRoute = ({ metadata, spec }: ObjectOf<'VirtualService'>): readonly Mention[] =>
  mentionsIn(
    spec.hosts.length === 0 ? ['*'] : layersOf(spec.exportTo, metadata.namespace),
    [...spec.http, ...spec.tls, ...spec.tcp].flatMap(({ matches }) =>
      matches.map(({ sourceLabels }) => sourceLabels),
    ),
  );

/** It is for its own namespace only, whoever it is exported to. */
const mentionsOfRule = ({ metadata, spec }: ObjectOf<'DestinationRule'>): readonly Mention[] =>
  mentionsIn([`ns:${metadata.namespace}`], [spec.workloadSelector ?? {}]);

function layersOfClient(
  { namespace, labels }: ProxyNode,
  mentioned: readonly Lookup<Mention, true>[],
): readonly Layer[] {
  const isMentioned = (pair: LabelPair): boolean =>
    mentioned.some(
      (of) => of.get(`*|${pair}`) !== undefined || of.get(`ns:${namespace}|${pair}`) !== undefined,
    );
  const held = Object.entries(labels).filter(([key, value]) => isMentioned(`${key}=${value}`));
  return layerChain(held.length === 0 ? `ns:${namespace}` : classLayer(namespace, Object.fromEntries(held)));
}
