// Patches as collections: which layers each set of patches changes, what it makes of them, and who sees it. Nothing is computed for proxies without patches.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { GatewayModel, ProxyNode } from '@xebec/model';
import { knownTypes } from '@xebec/protos';
import { deepEqual } from '@xebec/std';
import type { Client } from '../clients.ts';
import type { ResourceInputs } from '../inputs.ts';
import type { Places } from '../places.ts';
import { type EncodedResource, equalResources, type ResourceKey, typeUrls } from '../resource.ts';
import { proxyLayer, unpatchedView } from '../views.ts';
import { type Programs, typesOfProgram } from './build-programs.ts';
import { passGate } from './gate.ts';
import {
  addedHosts,
  addedResources,
  type PatchedResource,
  type PatchTask,
  patchResource,
} from './patch-resource.ts';
import { addedLayer, patchLayer } from './patched-view.ts';
import type { NearMiss, Place } from './place.ts';
import { type PatchProgram, type ReadyPatch, typesOf } from './program.ts';

type Resources = Collection<ResourceKey, EncodedResource>;
type Patched = Collection<ResourceKey, PatchedResource>;

export interface PatchCollections {
  /** What patches make, by type, in layers `patch:SET:LAYER` and `patch:SET`. */
  readonly candidates: ReadonlyMap<string, Patched>;
  /** The same, as far as it may leave. */
  readonly published: ReadonlyMap<string, Resources>;
  /** How many places a patch was applied at, by its id, over all types. */
  readonly placesOf: (id: string) => number;
  /** By set. */
  readonly programs: Collection<string, PatchProgram>;
  /** What a changed resource would be without the patches of some objects; undefined when nothing changes it then. Not for transforms. */
  readonly without: (
    typeUrl: string,
    key: ResourceKey,
    objects: ReadonlySet<string>,
  ) => PatchedResource | undefined;
}

export interface PatchSources {
  readonly inputs: ResourceInputs;
  readonly clients: Collection<string, Client>;
  readonly places: Places;
  /** The resources as the mesh alone makes them. */
  readonly made: readonly { readonly typeUrl: string; readonly resources: Resources }[];
  readonly programs: Programs;
}

/** The resource types that patches may change or add to; extension configurations are only added. */
const patchableTypes = [
  typeUrls.cluster,
  typeUrls.extension,
  typeUrls.listener,
  typeUrls.route,
  typeUrls.virtualHost,
] as const;

export function buildPatches(graph: Graph, sources: PatchSources): PatchCollections {
  const { inputs } = sources;
  const targets = buildTargets(graph, sources);
  const applied = new Map(
    sources.made
      .filter(
        ({ typeUrl }) => patchableTypes.some((each) => each === typeUrl) && typeUrl !== typeUrls.extension,
      )
      .map(({ typeUrl, resources }) => [
        typeUrl,
        applyToType(graph, { ...sources, typeUrl, targets }, resources),
      ]),
  );
  const { programs } = sources.programs;
  const candidates = new Map(
    patchableTypes.map((typeUrl) => [typeUrl, candidatesOf(graph, typeUrl, { applied, programs })]),
  );
  const hits = [...candidates].map(([typeUrl, patched]) =>
    graph.index(patched, `patchHits.${shortName(typeUrl)}`, (value) => value.hits),
  );
  const published = [...candidates].map(([typeUrl, patched]): readonly [string, Resources] => {
    const gate = inputs.patchGate === undefined ? {} : { gate: inputs.patchGate };
    return [typeUrl, passGate(graph, `patchesPublished.${shortName(typeUrl)}`, { patched, ...gate })];
  });
  return {
    candidates,
    published: new Map(published),
    placesOf: (id) => hits.reduce((sum, index) => sum + index.count(id), 0),
    programs,
    without: (typeUrl, key, objects) => patchWithout(sources, { typeUrl, key, objects }),
  };
}

const shortName = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

/** A layer that a set of patches is applied to. */
interface PatchTarget {
  readonly typeUrl: string;
  readonly layer: string;
  readonly set: string;
}

type Targets = Index<string, string, PatchTarget>;

/** By `TYPE|LAYER`: the sets that change the layer, each once however many proxies have it. */
function buildTargets(
  graph: Graph,
  { clients, places, programs: { programs, holders } }: PatchSources,
): Targets {
  const perProxy = graph.derive({
    name: 'patchTargetsOfProxies',
    from: holders,
    reads: { clients, programs, places: places.byClient },
    equals: deepEqual,
    fn: ({ proxy, set }, key: string, read) => {
      const client = read.clients.get(proxy);
      const program = read.programs.get(set.id);
      if (client === undefined || program === undefined) return [];
      const { layers } = unpatchedView({ ...client, place: read.places.get(proxy) });
      const targets = typesOfProgram(program).flatMap((typeUrl) =>
        (layers[typeUrl] ?? []).map(({ layer }) => `${typeUrl}|${layer}|${set.id}`),
      );
      return [[key, targets] as const];
    },
  });
  const targets = graph.derive({
    name: 'patchTargets',
    from: graph.group(graph.index(perProxy, 'byTarget', (each) => each)),
    fn: (_proxies, key: string) => {
      const [typeUrl = '', layer = '', set = ''] = key.split('|');
      return [[key, { typeUrl, layer, set }] as const];
    },
    equals: deepEqual,
  });
  return graph.index(targets, 'byLayer', ({ typeUrl, layer }) => [`${typeUrl}|${layer}`]);
}

/** Everything that patches make of one type: of its resources, of tables that get hosts, and out of nothing. */
function candidatesOf(graph: Graph, typeUrl: string, { applied, programs }: CandidateSources): Patched {
  const short = shortName(typeUrl);
  const own = graph.derive({
    name: `patchAdditions.${short}`,
    from: programs,
    fn: ({ patches }, set: string) =>
      addedResources(patches)
        .filter((each) => each.typeUrl === typeUrl)
        .map((each): PatchedEmission => [`${addedLayer(set)}|${each.resource.name}`, each]),
    equals: equalPatched,
  });
  const changed = [...applied].flatMap(([from, collection]) => {
    if (from !== typeUrl && !(from === typeUrls.route && typeUrl === typeUrls.virtualHost)) return [];
    return [
      graph.derive({
        name: `patchChanges.${shortName(from)}.${short}`,
        from: collection,
        fn: (each, key: string): PatchedEmission[] =>
          each.typeUrl === typeUrl ? [[key as ResourceKey, each]] : [],
        equals: equalPatched,
      }),
    ];
  });
  return graph.union(`patched.${short}`, own, ...changed);
}

interface CandidateSources {
  readonly applied: ReadonlyMap<string, Collection<string, TypedPatched>>;
  readonly programs: Collection<string, PatchProgram>;
}

interface TypedPatched extends PatchedResource {
  readonly typeUrl: string;
}

type PatchedEmission = readonly [ResourceKey, PatchedResource];

const equalPatched = (left: PatchedResource, right: PatchedResource): boolean =>
  equalResources(left.resource, right.resource) && left.hits.join() === right.hits.join();

const layerOf = (key: string): string => key.slice(0, key.indexOf('|'));

interface PlaceReads {
  readonly proxies: { get(id: string): ProxyNode | undefined };
  readonly gateways: { get(id: string): GatewayModel | undefined };
}

/** What the layer tells about whose resource it is: only a proxy's own layers know its ports and Gateways. */
function placeOf(
  layer: string,
  role: PatchProgram['role'],
  read: PlaceReads,
): Omit<Place, 'hit'> | undefined {
  const registry = knownTypes();
  if (registry === undefined) return undefined;
  const id = layer.startsWith(proxyLayer('')) ? layer.slice(proxyLayer('').length) : undefined;
  const proxy = id === undefined ? undefined : read.proxies.get(id);
  const gateway = id === undefined || role !== 'router' ? undefined : read.gateways.get(id);
  return { role, registry, gatewayPorts: proxy?.gatewayPorts ?? {}, gateways: gatewaysOf(gateway) };
}

function gatewaysOf(model: GatewayModel | undefined): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { servers } of model?.listeners ?? []) {
    for (const { traffic, causes } of servers) {
      if (traffic.kind !== 'http') continue;
      const names = causes.flatMap(({ object }) =>
        object.startsWith('Gateway/') ? [object.slice('Gateway/'.length)] : [],
      );
      found.set(traffic.routeName, [...(found.get(traffic.routeName) ?? []), ...names]);
    }
  }
  return found;
}

interface TypeSources extends PatchSources {
  readonly typeUrl: string;
  readonly targets: Targets;
}

/** What patches make of the resources of a type; nothing for layers that no proxy with patches has. */
function applyToType(
  graph: Graph,
  { typeUrl, targets, programs, inputs }: TypeSources,
  base: Resources,
): Collection<string, TypedPatched> {
  return graph.derive({
    name: `patchedLayers.${shortName(typeUrl)}`,
    from: base,
    reads: { targets, programs: programs.programs, proxies: inputs.proxies, gateways: inputs.gateways },
    equals: equalPatched,
    fn: (resource, key: ResourceKey, read): (readonly [string, TypedPatched])[] => {
      const layer = layerOf(key);
      return read.targets.at(`${typeUrl}|${layer}`).flatMap(([, { set }]) => {
        const program = read.programs.get(set);
        const place = program === undefined ? undefined : placeOf(layer, program.role, read);
        if (program === undefined || place === undefined) return [];
        return applySet({ typeUrl, resource, patches: program.patches, place }, { set, layer });
      });
    },
  });
}

/** The resource as the set leaves it, and hosts that the set adds to a table whose hosts travel alone. */
function applySet(
  task: PatchTask,
  { set, layer }: { readonly set: string; readonly layer: string },
): (readonly [string, TypedPatched])[] {
  const patched = patchResource(task);
  const { typeUrl, resource } = task;
  const changed: (readonly [string, TypedPatched])[] =
    patched === undefined ? [] : [[`${patchLayer(set, layer)}|${resource.name}`, { ...patched, typeUrl }]];
  const added = addedHosts(task).map((each): readonly [string, TypedPatched] => [
    `${addedLayer(set)}|${each.resource.name}`,
    { ...each, typeUrl: typeUrls.virtualHost },
  ]);
  return [...changed, ...added];
}

interface Omission {
  readonly typeUrl: string;
  readonly key: ResourceKey;
  readonly objects: ReadonlySet<string>;
}

function patchWithout(
  { inputs, made, programs }: PatchSources,
  { typeUrl, key, objects }: Omission,
): PatchedResource | undefined {
  const [, set = '', layer] = /^patch:([^:|]+)(?::(.*?))?\|/.exec(key) ?? [];
  const name = key.slice(key.indexOf('|') + 1);
  const resource = made
    .find((each) => each.typeUrl === typeUrl)
    ?.resources.get(`${layer ?? ''}|${name}` as ResourceKey);
  const program = programs.programs.get(set);
  if (layer === undefined || resource === undefined || program === undefined) return undefined;
  const place = placeOf(layer, program.role, inputs);
  const patches = program.patches.filter(({ object }) => !objects.has(object));
  return place && patchResource({ typeUrl, resource, patches, place });
}

/** What came nearest to a patch's conditions among resources of its kind; for people who ask why it has no effect. */
export function nearMisses(
  ready: ReadyPatch,
  role: PatchProgram['role'],
  resources: Iterable<readonly [string, EncodedResource]>,
): { readonly depth: number; readonly what: string; readonly seen: readonly string[] } | undefined {
  const misses: NearMiss[] = [];
  const registry = knownTypes();
  if (registry === undefined) return undefined;
  const types = typesOf(ready.patch);
  for (const [typeUrl, resource] of resources) {
    if (!types.includes(typeUrl) || resource.isAbsent === true) continue;
    const miss = (_ready: ReadyPatch, each: NearMiss): void => void misses.push(each);
    const place = { role, registry, gatewayPorts: {}, gateways: gatewaysOf(undefined), miss };
    patchResource({ typeUrl, resource, patches: [ready], place });
  }
  const depth = Math.max(0, ...misses.map((each) => each.depth));
  const deepest = misses.filter((each) => each.depth === depth);
  const [first] = deepest;
  return (
    first && { depth, what: first.what, seen: [...new Set(deepest.map(({ seen }) => seen))].slice(0, 8) }
  );
}
