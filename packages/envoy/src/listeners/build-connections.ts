// Listeners of connections as collections: every host at its places, then one listener for each place and layer.
import type { Collection, Graph } from '@xebec/flow';
import type { ConnectionTable, Destination, Host, Layer, Layered, Service, ServicePort } from '@xebec/model';
import { layerChain, seenIn } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { policyFor } from '../clusters/outbound-cluster.ts';
import type { Demand } from '../demand.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { addressLayer } from '../views.ts';
import { branchesOf, type Place } from './connection-branches.ts';
import { type ConnectionPoint, encodeConnectionListener } from './connection-listener.ts';
import { anyAddress, type ConnectionTraits } from './outbound.ts';

const discoveries = ['on-demand', 'eager'] as const;

interface PlacedPoint extends ConnectionPoint {
  readonly layer: Layer;
  readonly bind: string;
  /** More specific places are tried first: the length of what is compared. */
  readonly rank: number;
}

/** Ports on which some service speaks HTTP, and those of them where it is looked for. */
export interface HttpPortSources {
  readonly httpPorts: Collection<string, unknown>;
  readonly detectedPorts: Collection<string, unknown>;
}

export function buildConnectionListeners(
  graph: Graph,
  inputs: ResourceInputs,
  { demand, httpPorts, detectedPorts }: HttpPortSources & { readonly demand: Demand },
): Collection<ResourceKey, EncodedResource> {
  const points = buildPoints(graph, inputs, demand);
  const byPlace = graph.index(points, 'byPlace', ({ bind, port }) => [`${bind}|${port.number}` as const]);
  return graph.derive({
    name: 'connectionListeners',
    from: graph.group(byPlace),
    reads: { byPlace, settings: inputs.settings, httpPorts, detectedPorts },
    fn: (_points, anchor: `${string}|${number}`, read): readonly Emission[] => {
      const settings = read.settings.get('mesh');
      if (settings === undefined) return [];
      const members = read.byPlace.at(anchor).map(([, point]) => point);
      const port = anchor.slice(anchor.lastIndexOf('|') + 1);
      const isShared = anchor.startsWith(`${anyAddress}|`) && read.httpPorts.get(port) !== undefined;
      const http = isShared ? { isDetected: read.detectedPorts.get(port) !== undefined } : undefined;
      return listenersOf(members, { settings, http });
    },
    equals: equalResources,
  });
}

interface ListenerContext {
  readonly settings: ProxySettings;
  readonly http: { readonly isDetected: boolean } | undefined;
}

/** One listener for each layer in which the place is not as in the one below. */
function listenersOf(members: readonly PlacedPoint[], { settings, http }: ListenerContext): Emission[] {
  const layers = [...new Set(members.map(({ layer }) => layer))];
  return layers.flatMap((layer) => {
    const points = pointsIn(layer, members);
    const [first] = points;
    if (first === undefined) return [];
    const listener = {
      bind: first.bind,
      port: first.port.number,
      points,
      ...(http === undefined ? {} : { http }),
    };
    const isAlike = http === undefined && points.every(({ port }) => port.protocol !== 'auto');
    const shared = isAlike ? encodeConnectionListener(listener, { settings, isOnDemand: false }) : undefined;
    return discoveries.map((discovery): Emission => {
      const isOnDemand = discovery === 'on-demand';
      const encoded = shared ?? encodeConnectionListener(listener, { settings, isOnDemand });
      return [`${addressLayer(discovery, layer)}|${encoded.name}`, encoded];
    });
  });
}

/** Each host as the layer sees it, the most specific place first, then by name. */
function pointsIn(layer: Layer, members: readonly PlacedPoint[]): readonly PlacedPoint[] {
  const byHost = new Map<string, PlacedPoint>();
  for (const below of layerChain(layer).toReversed()) {
    for (const member of members) if (member.layer === below) byHost.set(placeKey(member), member);
  }
  return [...byHost.values()].sort(
    (left, right) => right.rank - left.rank || compareText(placeKey(left), placeKey(right)),
  );
}

const placeKey = ({ host, rank }: PlacedPoint): string => `${host}|${rank}`;
const compareText = (left: string, right: string): number => (left < right ? -1 : Number(left > right));

type Points = Collection<string, PlacedPoint>;

function buildPoints(graph: Graph, inputs: ResourceInputs, demand: Demand): Points {
  const { connectionTables, destinations } = inputs;
  const ofTables = graph.derive({
    name: 'connectionPoints',
    from: connectionTables,
    reads: { demand, destinations },
    equals: deepEqual,
    fn: (table, _key: Layered<Host>, read) => {
      if (read.demand.get('style:port') === undefined) return [];
      const { host } = table.service;
      const destination = seenIn(read.destinations, table.layer, host);
      return pointsOf(table, table.layer, destination);
    },
  });
  const ofDestinations = graph.derive({
    name: 'destinationPoints',
    from: destinations,
    reads: { demand, connectionTables },
    equals: deepEqual,
    fn: (destination, key: Layered<Host>, read) => {
      const { layer, service } = destination;
      if (layer === '*' || read.demand.get('style:port') === undefined) return [];
      const shared = seenIn(read.connectionTables, layer, service.host);
      if (shared === undefined || read.connectionTables.get(key) !== undefined) return [];
      return pointsOf(shared, layer, destination);
    },
  });
  return graph.union('placedPoints', ofTables, ofDestinations);
}

export const carriesConnections = ({ protocol }: ServicePort): boolean =>
  ['tcp', 'mongo', 'redis', 'tls', 'https', 'auto'].includes(protocol);

function pointsOf(
  table: ConnectionTable,
  layer: Layer,
  destination: Destination | undefined,
): readonly (readonly [string, PlacedPoint])[] {
  return table.service.ports.filter(carriesConnections).flatMap((port) =>
    placesOf(table.service, port).map((place): readonly [string, PlacedPoint] => {
      const bind = place.kind === 'address' ? place.address : anyAddress;
      const rank = rankOf(place, table.host);
      const point: PlacedPoint = {
        layer,
        bind,
        rank,
        host: table.host,
        port,
        branches: branchesOf(table, port, place),
        traits: traitsOf(table.service, port, destination),
        causes: table.causes,
      };
      return [`${layer}|${bind}_${port.number}|${rank}|${table.host}`, point];
    }),
  );
}

/** A service without an address is found by its port alone; one that may speak HTTP is left to HTTP there. */
function placesOf({ addresses, platform }: Service, { protocol }: ServicePort): readonly Place[] {
  const singles = addresses.filter((address) => !address.includes('/'));
  const blocks = addresses.filter((address) => address.includes('/'));
  const isFound = addresses.length > 0 || platform === 'kubernetes' || protocol === 'auto';
  return [
    ...singles.map((address): Place => ({ kind: 'address', address })),
    ...(blocks.length === 0 ? [] : [{ kind: 'blocks', blocks } as const]),
    ...(isFound ? [] : [{ kind: 'anywhere' } as const]),
  ];
}

/** Blocks before names, long prefixes and names before short ones, wildcards after names. */
function rankOf(place: Place, host: Host): number {
  const byName = host.startsWith('*') ? host.length : 300 + host.length;
  if (place.kind !== 'blocks') return byName;
  const longest = Math.max(...place.blocks.map((block) => Number(block.slice(block.indexOf('/') + 1))));
  return 1_000 * (1 + longest) + byName;
}

export function traitsOf(
  service: Service,
  port: ServicePort,
  destination: Destination | undefined,
): ConnectionTraits {
  const pool = destination === undefined ? {} : policyFor({ destination, port }).connectionPool;
  const limits = {
    ...(pool.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: pool.idleTimeoutMs }),
    ...(pool.maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDurationMs: pool.maxConnectionDurationMs }),
  };
  const isPlain = port.protocol === 'auto' && service.location === 'external';
  return { limits, protocol: isPlain ? 'tcp' : port.protocol };
}
