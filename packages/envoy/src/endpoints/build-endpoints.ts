// Endpoints as a collection: per layer, port, subset, and place of the client where that counts.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, EndpointSet, Host, Layer, Layered, LocalitySetting, Service } from '@xebec/model';
import { isClassLayer, layerChain, splitLayered } from '@xebec/model';
import type { HostPort, ResourceInputs } from '../inputs.ts';
import { outboundCluster } from '../names.ts';
import { type Places, placeLayer } from '../places.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { encodeEndpoints } from './assignment.ts';
import type { Place } from './place.ts';

/** What endpoint selection reads of a destination; unchanged by most changes of its policy. */
interface Selection {
  readonly host: Host;
  readonly layer: Layer;
  /** Otherwise the cluster finds them by itself: they are looked up, or stand in the request. */
  readonly isListed: boolean;
  readonly isNodeLocal: boolean;
  readonly subsets: readonly SelectedSubset[];
}

interface SelectedSubset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where the place of a client counts, by port. */
  readonly settings: Readonly<Record<number, LocalitySetting>>;
}

export function buildEndpoints(
  graph: Graph,
  { destinations, endpointSets }: Pick<ResourceInputs, 'destinations' | 'endpointSets'>,
  { byLayer: places }: Places,
): Collection<ResourceKey, EncodedResource> {
  const selections = graph.derive({
    name: 'endpointSelections',
    from: destinations,
    fn: (destination, key: Layered<Host>) => [[key, selectionOf(destination)] as const],
    equals: (left, right) => JSON.stringify(left) === JSON.stringify(right),
  });
  const byHost = graph.index(selections, 'byHost', ({ host }) => [host]);
  return graph.derive({
    name: 'endpoints',
    from: endpointSets,
    reads: { byHost, endpointSets, places },
    fn: (set: EndpointSet, key: Layered<HostPort>, read) => {
      const { layer, name: hostPort } = splitLayered(key);
      const candidates = read.byHost.at(set.host).map(([, selection]) => selection);
      const hasOwn = (other: Layer) =>
        read.endpointSets.get(`${other}|${hostPort}` as Layered<HostPort>) !== undefined;
      const wide = candidates.filter((each) => !isClassLayer(each.layer));
      const narrow = candidates.filter((each) => isClassLayer(each.layer));
      return [
        ...selectionsFor(layer, wide, hasOwn),
        ...narrow.flatMap((each) => selectionOfClass(each, { layer, wide, hasOwn })),
      ].flatMap((selection) => (selection.isListed ? encodeSelection(selection, set, read.places) : []));
    },
    equals: equalResources,
  });
}

const selectionOf = ({ service, layer, subsets, ...whole }: Destination): Selection => ({
  host: service.host,
  layer,
  isListed: service.resolution === 'endpoints',
  isNodeLocal: service.internalTrafficPolicy === 'Local',
  subsets: [
    { name: '', labels: {}, settings: settingsOf(whole, service) },
    ...subsets.map((subset) => ({
      name: subset.name,
      labels: subset.labels,
      settings: settingsOf(subset, service),
    })),
  ],
});

function settingsOf(
  { policy, portPolicies }: Pick<Destination, 'policy' | 'portPolicies'>,
  { ports }: Service,
): SelectedSubset['settings'] {
  const found = ports.flatMap(({ number }) => {
    const { locality } = portPolicies.find(({ port }) => port === number) ?? policy;
    return locality === undefined ? [] : [[number, locality] as const];
  });
  return Object.fromEntries(found);
}

/**
 * Destinations and endpoints are layered each by themselves: shared endpoints also serve a namespace's own
 * destination unless it has its own endpoints, and a namespace's own endpoints also serve the shared destination.
 */
function selectionsFor(
  layer: Layer,
  candidates: readonly Selection[],
  hasOwn: (layer: Layer) => boolean,
): readonly Selection[] {
  if (layer === '*') return candidates.filter((each) => each.layer === '*' || !hasOwn(each.layer));
  const own = candidates.filter((each) => each.layer === layer);
  return own.length > 0
    ? own
    : candidates.filter((each) => each.layer === '*').map((each) => ({ ...each, layer }));
}

/** Subsets that the class's namespace does not have so: the others are seen there. */
function selectionOfClass(
  selection: Selection,
  { layer, wide, hasOwn }: EndpointPlace,
): readonly Selection[] {
  const [, namespace = '*'] = layerChain(selection.layer);
  if (layer !== (hasOwn(namespace) ? namespace : '*')) return [];
  const wider = wide.find((each) => each.layer === namespace) ?? wide.find((each) => each.layer === '*');
  const known = new Set(wider?.subsets.map((subset) => JSON.stringify(subset)));
  return [
    { ...selection, subsets: selection.subsets.filter((subset) => !known.has(JSON.stringify(subset))) },
  ];
}

/** Where a set of endpoints is, and what else is there for its host. */
interface EndpointPlace {
  readonly layer: Layer;
  readonly wide: readonly Selection[];
  readonly hasOwn: (layer: Layer) => boolean;
}

type PlaceReads = { at(layer: Layer): readonly (readonly [string, Place])[] };

/** For everybody, and again for each place that sees something else. */
const encodeSelection = (
  { layer, subsets, isNodeLocal }: Selection,
  set: EndpointSet,
  places: PlaceReads,
): readonly Emission[] =>
  subsets.flatMap(({ name: subset, labels, settings }): Emission[] => {
    const name = outboundCluster(set.port.number, subset, set.host);
    const shared: Emission = [`${layer}|${name}`, encodeEndpoints({ name, labels, set })];
    const setting = settings[set.port.number];
    if (setting === undefined && !isNodeLocal) return [shared];
    const placed = places.at(layer).map(([, place]): Emission => {
      const arrangement = { place, isNodeLocal, ...(setting === undefined ? {} : { setting }) };
      return [`${placeLayer(layer, place)}|${name}`, encodeEndpoints({ name, labels, set, arrangement })];
    });
    return [shared, ...placed];
  });
