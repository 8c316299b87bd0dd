// Hosts at their places: where a service's connections are taken, per layer; a headless service is at its endpoints.
import type { Collection, Graph } from '@xebec/flow';
import type { ConnectionTable, EndpointSet, Host, Layer, Layered, Service, ServicePort } from '@xebec/model';
import { hostOwner, seenIn } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { Demand } from '../demand.ts';
import type { HostPort, ResourceInputs } from '../inputs.ts';
import { type Branch, branchesOf, type Place, speaksTls } from './connection-branches.ts';
import type { ConnectionPoint } from './connection-listener.ts';
import { anyAddress, type ConnectionTraits } from './outbound.ts';
import { type DestinationLookup, traitsOfTarget } from './upstream-traits.ts';

export interface PlacedPoint extends ConnectionPoint {
  readonly layer: Layer;
  readonly bind: string;
  /** More specific places are tried first: the length of what is compared. */
  readonly rank: number;
}

type Points = Collection<string, PlacedPoint>;

interface EndpointLookup {
  get(key: Layered<HostPort>): EndpointSet | undefined;
}

export function buildPoints(graph: Graph, inputs: ResourceInputs, demand: Demand): Points {
  const { connectionTables, destinations, endpointSets } = inputs;
  const ofTables = graph.derive({
    name: 'connectionPoints',
    from: connectionTables,
    reads: { demand, destinations, endpointSets },
    equals: deepEqual,
    fn: (table, _key: Layered<Host>, read) => {
      if (read.demand.get('style:port') === undefined) return [];
      const { layer } = table;
      return pointsOf(table, { layer, destinations: read.destinations, endpointSets: read.endpointSets });
    },
  });
  const ofDestinations = graph.derive({
    name: 'destinationPoints',
    from: destinations,
    reads: { demand, connectionTables, destinations, endpointSets },
    equals: deepEqual,
    fn: (destination, key: Layered<Host>, read) => {
      const { layer, service } = destination;
      if (layer === '*' || read.demand.get('style:port') === undefined) return [];
      const shared = seenIn(read.connectionTables, layer, service.host);
      if (shared === undefined || read.connectionTables.get(key) !== undefined) return [];
      return pointsOf(shared, { layer, destinations: read.destinations, endpointSets: read.endpointSets });
    },
  });
  return graph.union('placedPoints', ofTables, ofDestinations);
}

export const carriesConnections = ({ protocol }: ServicePort): boolean =>
  ['tcp', 'mongo', 'redis', 'tls', 'https', 'auto'].includes(protocol);

interface PointContext {
  readonly layer: Layer;
  readonly destinations: DestinationLookup;
  readonly endpointSets: EndpointLookup;
}

function pointsOf(
  table: ConnectionTable,
  context: PointContext,
): readonly (readonly [string, PlacedPoint])[] {
  const { layer, destinations } = context;
  const { service, host } = table;
  return service.ports.filter(carriesConnections).flatMap((port) => {
    const traits = traitsOf(service, port);
    const isChosen = service.isHeadless === true && table.tcp.length + table.tls.length === 0;
    return placesOf(service, port, context).map((place): readonly [string, PlacedPoint] => {
      const bind = place.kind === 'address' ? place.address : anyAddress;
      const rank = rankOf(place, host);
      const point: PlacedPoint = {
        layer,
        bind,
        rank,
        host,
        port,
        branches: withPolicies(branchesOf(table, port, place), layer, destinations),
        traits: isChosen ? { ...traits, endpoint: bind } : traits,
        causes: table.causes,
        owner: hostOwner(port.number, service.namespace, host),
      };
      return [`${layer}|${bind}_${port.number}|${rank}|${host}`, point];
    });
  });
}

/** A service without an address is found by its port alone; one that may speak HTTP is left to HTTP there. */
function placesOf(service: Service, port: ServicePort, context: PointContext): readonly Place[] {
  const { addresses, platform, isHeadless, location, isAllocated } = service;
  if (isHeadless === true) return endpointPlaces(service, port, context);
  const singles = addresses.filter((address) => !address.includes('/'));
  const blocks = addresses.filter((address) => address.includes('/'));
  const isFound = addresses.length > 0 || platform === 'kubernetes' || port.protocol === 'auto';
  // Who resolves an outside host without asking the mesh goes to its real address.
  const isNamed = isAllocated === true && location === 'external' && speaksTls(port);
  return [
    ...singles.map((address): Place => ({ kind: 'address', address })),
    ...(blocks.length === 0 ? [] : [{ kind: 'blocks', blocks } as const]),
    ...(isFound && !isNamed ? [] : [{ kind: 'anywhere' } as const]),
  ];
}

/** Unready ones too: whoever has learned of one must not reach it past the mesh. */
function endpointPlaces(
  { host }: Service,
  { number }: ServicePort,
  { layer, endpointSets }: PointContext,
): readonly Place[] {
  const endpoints = seenIn(endpointSets, layer, `${host}|${number}`)?.endpoints ?? [];
  const addresses = new Set(endpoints.map(({ address }) => address).filter((text) => !text.startsWith('/')));
  return [...addresses].map((address): Place => ({ kind: 'address', address }));
}

/** Blocks before names, long prefixes and names before short ones, wildcards after names. */
function rankOf(place: Place, host: Host): number {
  const byName = host.startsWith('*') ? host.length : 300 + host.length;
  if (place.kind !== 'blocks') return byName;
  const longest = Math.max(...place.blocks.map((block) => Number(block.slice(block.indexOf('/') + 1))));
  return 1_000 * (1 + longest) + byName;
}

export function traitsOf({ location }: Service, port: ServicePort): ConnectionTraits {
  const isPlain = port.protocol === 'auto' && location === 'external';
  return { protocol: isPlain ? 'tcp' : port.protocol };
}

/** Each way with what the policy of its destination says. */
export const withPolicies = (
  branches: readonly Branch[],
  layer: Layer,
  destinations: DestinationLookup,
): readonly Branch[] =>
  branches.map((branch) => ({ ...branch, upstream: traitsOfTarget(branch.target, layer, destinations) }));
