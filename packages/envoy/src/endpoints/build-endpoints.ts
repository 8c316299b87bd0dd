// Endpoints as a collection: per layer, port, subset, and place of the client where that counts.
import type { Collection, Graph } from '@xebec/flow';
import type {
  Destination,
  EndpointSet,
  Host,
  Layer,
  Layered,
  LocalitySetting,
  NetworkGateway,
  Service,
  TrafficPolicy,
} from '@xebec/model';
import { isClassLayer, layerChain, splitLayered } from '@xebec/model';
import { namedCluster } from '../clusters/named-clusters.ts';
import type { NamingGateways } from '../clusters/naming-gateways.ts';
import type { HostPort, ResourceInputs } from '../inputs.ts';
import { outboundCluster } from '../names.ts';
import { type Places, placeLayer } from '../places.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import type { Arrangement } from './arrange.ts';
import { encodeEndpoints } from './assignment.ts';
import { isElsewhere, type Reach } from './networks.ts';
import type { Place } from './place.ts';

/** What endpoint selection reads of a destination; unchanged by most changes of its policy. */
interface Selection {
  readonly host: Host;
  readonly layer: Layer;
  /** Otherwise the cluster finds them by itself: they are looked up, or stand in the request. */
  readonly isListed: boolean;
  readonly isNodeLocal: boolean;
  /** Clients of gateways between networks may name it. */
  readonly isOfMesh: boolean;
  readonly subsets: readonly SelectedSubset[];
}

interface SelectedSubset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where the place of a client counts, by port. */
  readonly settings: Readonly<Record<number, LocalitySetting>>;
  /** Ports whose clients do not use mutual TLS of the mesh by its own server names: no gateway passes that on. */
  readonly unnamed: readonly number[];
}

type EndpointInputs = Pick<ResourceInputs, 'destinations' | 'endpointSets' | 'networkGateways'>;

interface EndpointSources {
  readonly places: Places;
  readonly naming: NamingGateways;
}

export function buildEndpoints(
  graph: Graph,
  { destinations, endpointSets, networkGateways }: EndpointInputs,
  { places: { byLayer: places }, naming: { byNetwork: naming } }: EndpointSources,
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
    reads: { byHost, endpointSets, places, networkGateways, naming },
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
      ].flatMap((selection) => (selection.isListed ? encodeSelection(selection, set, read) : []));
    },
    equals: equalResources,
  });
}

const selectionOf = ({ service, layer, subsets, ...whole }: Destination): Selection => ({
  host: service.host,
  layer,
  isListed: service.resolution === 'endpoints',
  isNodeLocal: service.internalTrafficPolicy === 'Local',
  isOfMesh: service.location === 'mesh',
  subsets: [
    { name: '', labels: {}, ...readOf(whole, service) },
    ...subsets.map((subset) => ({ name: subset.name, labels: subset.labels, ...readOf(subset, service) })),
  ],
});

function readOf(
  { policy, portPolicies }: Pick<Destination, 'policy' | 'portPolicies'>,
  { ports }: Service,
): Pick<SelectedSubset, 'settings' | 'unnamed'> {
  const policies = ports.map(({ number }) => ({
    number,
    policy: portPolicies.find(({ port }) => port === number) ?? policy,
  }));
  const settings = policies.flatMap(({ number, policy: { locality } }) =>
    locality === undefined ? [] : [[number, locality] as const],
  );
  const unnamed = policies.filter((each) => !isNamed(each.policy)).map(({ number }) => number);
  return { settings: Object.fromEntries(settings), unnamed };
}

/** The first bytes of a connection are mutual TLS, and its server name says the destination. */
function isNamed({ tls, proxyProtocol }: TrafficPolicy): boolean {
  const isOwn = tls.mode === 'auto' || (tls.mode === 'ISTIO_MUTUAL' && tls.sni === undefined);
  return isOwn && proxyProtocol === undefined;
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

interface PlaceReads {
  readonly places: { at(layer: Layer): readonly (readonly [string, Place])[] };
  readonly naming: { count(network: string): number };
  readonly networkGateways: { get(network: string): readonly NetworkGateway[] | undefined };
}

/** For everybody, and again for each place that sees something else. */
const encodeSelection = (selection: Selection, set: EndpointSet, read: PlaceReads): readonly Emission[] =>
  selection.subsets.flatMap((subset): Emission[] => {
    const { layer } = selection;
    const name = outboundCluster(set.port.number, subset.name, set.host);
    const { labels } = subset;
    return [
      [`${layer}|${name}`, encodeEndpoints({ name, labels, set })],
      ...read.places.at(layer).flatMap(([, place]) => {
        const options: PlacedOptions = { name, labels, set, place, selection, subset };
        return placed(options, read).map(
          (resource): Emission => [`${placeLayer(layer, place)}|${resource.name}`, resource],
        );
      }),
    ];
  });

interface PlacedOptions {
  readonly name: string;
  readonly labels: SelectedSubset['labels'];
  readonly set: EndpointSet;
  readonly place: Place;
  readonly selection: Selection;
  readonly subset: SelectedSubset;
}

/** What is different for clients in a place, and what gateways into its network lead to. */
function placed(options: PlacedOptions, read: PlaceReads): readonly EncodedResource[] {
  const { name, labels, set, place, selection, subset } = options;
  const reach = reachOf(options, read);
  const found = (arrangement: Arrangement) => encodeEndpoints({ name, labels, set, arrangement });
  const setting = subset.settings[set.port.number];
  const reached = { place, ...(reach === undefined ? {} : { reach }) };
  if (!place.isNetwork) {
    const { isNodeLocal } = selection;
    if (setting === undefined && !isNodeLocal) return [];
    return [found({ ...reached, isNodeLocal, ...(setting === undefined ? {} : { setting }) })];
  }
  const isChanged = reach !== undefined && set.endpoints.some((endpoint) => isElsewhere(endpoint, reach));
  const own = isChanged ? [found({ ...reached, ...(setting === undefined ? {} : { setting }) })] : [];
  return [...own, ...withinNetwork(options, read)];
}

function reachOf(
  { set, place: { network }, subset }: PlacedOptions,
  { networkGateways }: PlaceReads,
): Reach | undefined {
  if (network === undefined) return undefined;
  const gatewaysOf = (other: string) => networkGateways.get(other) ?? [];
  return { network, gatewaysOf, isMutual: !subset.unnamed.includes(set.port.number) };
}

/** For gateways into a network, under the names that their clients say. */
function withinNetwork(
  { set, place: { network = '' }, selection, subset, labels }: PlacedOptions,
  { naming }: PlaceReads,
): readonly EncodedResource[] {
  if (!selection.isOfMesh || naming.count(network) === 0) return [];
  const name = namedCluster(set.port.number, subset.name, set.host);
  // The connection is mutual TLS: who does not take it would get bytes that it cannot read.
  const endpoints = set.endpoints.filter(
    ({ network: own, tls }) => tls === 'istio' && (own === network || own === ''),
  );
  return [encodeEndpoints({ name, labels, set: { ...set, endpoints } })];
}
