// Where clients are. A place is a layer of its own beside each layer of a client, only for what depends on it.
import type { Collection, Graph, Index } from '@xebec/flow';
import { type NetworkSources, networkOf } from '@xebec/mesh';
import type { Destination, Layer, NetworkGateway, ProxyNode, TrafficPolicy } from '@xebec/model';
import type { Client } from './clients.ts';
import { labelOf, networkPlace, type Place } from './endpoints/place.ts';
import type { ProxySettings } from './inputs.ts';

export interface Places {
  /** By client; absent for those of whom nobody knows where they are. */
  readonly byClient: Collection<string, Place>;
  /** The places of the clients of each layer. */
  readonly byLayer: Index<Layer, string, Place>;
}

/** The layer for clients of `layer` in one place. */
export const placeLayer = <L extends string>(layer: L, { key }: Place): `${L}@${string}` => `${layer}@${key}`;

/** Narrowest first: what is the same in all places of a network is made once for the network. */
export const placesWithin = (place: Place): readonly Place[] =>
  place.network === undefined || place.isNetwork ? [place] : [place, networkPlace(place.network)];

interface PlaceInputs extends NetworkSources {
  readonly destinations: Collection<string, Destination>;
  readonly networkGateways: Collection<string, readonly NetworkGateway[]>;
  readonly settings: Collection<'mesh', ProxySettings>;
}

const nodeLabel = 'kubernetes.io/hostname';

export function buildPlaces(
  graph: Graph,
  clients: Collection<string, Client>,
  { destinations, networkPlans, namespaceNetworks, networkGateways, settings }: PlaceInputs,
): Places {
  const named = graph.derive({
    name: 'placeLabels',
    from: graph.group(graph.index(destinations, 'placeLabels', labelsNamed)),
    fn: (_destinations, label: string) => [[label, label] as const],
  });
  const all = graph.index(named, 'all', (): readonly 'all'[] => ['all']);
  const gatewayed = graph.index(networkGateways, 'all', (): readonly 'all'[] => ['all']);
  const byClient = graph.derive({
    name: 'places',
    from: clients,
    reads: { all, gatewayed, networkPlans, namespaceNetworks, settings },
    equals: (left: Place, right: Place) => left.key === right.key,
    fn: ({ proxy }, id: string, read) => {
      const network = networkOf(proxy, read);
      const place = placeOf(
        { ...proxy, network },
        read.all.at('all').map(([label]) => label),
        read.gatewayed.count('all') > 0 ? network : '',
      );
      return place === undefined ? [] : [[id, place] as const];
    },
  });
  return { byClient, byLayer: layersOfPlaces(graph, clients, byClient) };
}

/** Changes when the first client comes to a place or the last one leaves it, not with every client. */
function layersOfPlaces(
  graph: Graph,
  clients: Collection<string, Client>,
  byClient: Collection<string, Place>,
): Index<Layer, string, Place> {
  interface Placed {
    readonly layers: readonly Layer[];
    readonly place: Place;
  }
  const placed = graph.derive({
    name: 'placedClients',
    from: byClient,
    reads: { clients },
    equals: (left: Placed, right: Placed) =>
      left.place.key === right.place.key && left.layers.join() === right.layers.join(),
    fn: (place, id: string, read) => {
      const client = read.clients.get(id);
      return client === undefined ? [] : [[id, { layers: client.layers, place }] as const];
    },
  });
  const byPlace = graph.index(placed, 'byPlace', ({ layers, place }) =>
    layers.flatMap((layer) => placesWithin(place).map((each) => placeLayer(layer, each))),
  );
  const present = graph.derive({
    name: 'placeLayers',
    from: graph.group(byPlace),
    reads: { placed },
    equals: (left: Place, right: Place) => left.key === right.key,
    fn: (members, key: string, read) => {
      // They are all in the same place.
      const [first = ''] = members;
      const found = read.placed.get(first);
      if (found === undefined) return [];
      const place = placesWithin(found.place).find((each) => key.endsWith(`@${each.key}`));
      return place === undefined ? [] : [[key, place] as const];
    },
  });
  return graph.index(present, 'byLayer', (_place, key): readonly Layer[] => [
    key.slice(0, key.lastIndexOf('@')) as Layer,
  ]);
}

/** Labels whose values at the client matter to a destination. */
function labelsNamed({ service, policy, portPolicies, subsets }: Destination): readonly string[] {
  const sets = [{ policy, portPolicies }, ...subsets];
  const policies = sets.flatMap((set): readonly TrafficPolicy[] => [set.policy, ...set.portPolicies]);
  const written = policies.flatMap(({ locality }) => locality?.failoverPriority ?? []);
  const isLocal = service.internalTrafficPolicy === 'Local';
  return [...new Set([...written.filter((label) => !label.includes('=')), ...(isLocal ? [nodeLabel] : [])])];
}

function placeOf(proxy: ProxyNode, named: readonly string[], network: string): Place | undefined {
  const { locality, node } = proxy;
  const known = named.flatMap((label) => {
    const value = labelOf(label, proxy) ?? '';
    return value === '' ? [] : [[label, value] as const];
  });
  const isNowhere = locality === undefined || [locality.region, locality.zone].every((part) => part === '');
  if (isNowhere && known.length === 0) return network === '' ? undefined : networkPlace(network);
  const parts = isNowhere ? [] : [locality.region, locality.zone, locality.subzone];
  const labels = known.map(([label, value]) => `${encodeURIComponent(label)}=${encodeURIComponent(value)}`);
  return {
    key: [parts.map(encodeURIComponent).join('/'), ...labels, ...networkKeys(network)].join(';'),
    ...(network === '' ? {} : { network }),
    ...(isNowhere ? {} : { locality }),
    ...(node === undefined || !named.includes(nodeLabel) ? {} : { node }),
    labels: Object.fromEntries(known),
  };
}

const networkKeys = (network: string): readonly string[] =>
  network === '' ? [] : [networkPlace(network).key];
