// Listeners of connections as collections: one for each place and layer, with every host that is found there.
import type { Collection, Graph } from '@xebec/flow';
import type { Layer } from '@xebec/model';
import { isImported, layerChain } from '@xebec/model';
import type { Demand } from '../demand.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import type { ScopesInUse, ScopeUse } from '../scopes.ts';
import { addressLayer, scopeLayer } from '../views.ts';
import { encodeConnectionListener } from './connection-listener.ts';
import { buildPoints, type PlacedPoint } from './connection-points.ts';
import { anyAddress } from './outbound.ts';
import { type TakerOptions, takersOf } from './takers.ts';

/** Ports on which some service speaks HTTP, and those of them where it is looked for. */
export interface HttpPortSources {
  readonly httpPorts: Collection<string, unknown>;
  readonly detectedPorts: Collection<string, unknown>;
}

export function buildConnectionListeners(
  graph: Graph,
  inputs: ResourceInputs,
  sources: HttpPortSources & { readonly demand: Demand; readonly scopes: ScopesInUse },
): Collection<ResourceKey, EncodedResource> {
  const { demand, scopes, httpPorts, detectedPorts } = sources;
  const points = buildPoints(graph, inputs, demand);
  const byPlace = graph.index(points, 'byPlace', ({ bind, port }) => [`${bind}|${port.number}` as const]);
  return graph.derive({
    name: 'connectionListeners',
    from: graph.group(byPlace),
    reads: {
      byPlace,
      settings: inputs.settings,
      httpPorts,
      detectedPorts,
      demand,
      scopes: scopes.byNeed,
    },
    fn: (_points, anchor: `${string}|${number}`, read): readonly Emission[] => {
      const settings = read.settings.get('mesh');
      if (settings === undefined) return [];
      const members = read.byPlace.at(anchor).map(([, point]) => point);
      const port = anchor.slice(anchor.lastIndexOf('|') + 1);
      const isShared = anchor.startsWith(`${anyAddress}|`) && read.httpPorts.get(port) !== undefined;
      const http = isShared ? { isDetected: read.detectedPorts.get(port) !== undefined } : undefined;
      // Only listeners for all addresses are different for who also takes IPv6.
      const takers = takersOf(read.demand).filter(
        ({ hasIpv6 }) => hasIpv6 === undefined || anchor.startsWith(`${anyAddress}|`),
      );
      const context = { settings, http, takers };
      const uses = read.scopes.at('all').map(([, use]) => use);
      return [
        ...listenersOf(members, context),
        ...uses.flatMap((use) => listenerOfScope(members, use, context)),
      ];
    },
    equals: equalResources,
  });
}

interface ListenerContext {
  readonly settings: ProxySettings;
  readonly http: { readonly isDetected: boolean } | undefined;
  readonly takers: readonly TakerOptions[];
}

/** One listener for each layer in which the place is not as in the one below. */
function listenersOf(
  members: readonly PlacedPoint[],
  { settings, http, takers }: ListenerContext,
): Emission[] {
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
    return takers.map(({ taker, ...how }): Emission => {
      const encoded =
        (how.hasIpv6 === true ? undefined : shared) ??
        encodeConnectionListener(listener, { ...how, settings });
      return [`${addressLayer(taker, layer)}|${encoded.name}`, encoded];
    });
  });
}

/** A place that some hosts of are hidden at is made anew; where all are hidden or none is, there is nothing to make. */
function listenerOfScope(
  members: readonly PlacedPoint[],
  { scope, layer, taker }: ScopeUse,
  { settings, http, takers }: ListenerContext,
): Emission[] {
  const points = pointsIn(layer, members);
  const shown = points.filter((point) => isImported(scope, point.owner));
  const [first] = shown;
  if (first === undefined || shown.length === points.length) return [];
  const own = scope.outboundMode ?? settings.outboundTrafficPolicy;
  const { hasIpv6 } = takers.find((each) => each.taker === taker) ?? {};
  const encoded = encodeConnectionListener(
    { bind: first.bind, port: first.port.number, points: shown, ...(http === undefined ? {} : { http }) },
    {
      settings: { ...settings, outboundTrafficPolicy: own },
      isOnDemand: taker.startsWith('on-demand'),
      ...(hasIpv6 === undefined ? {} : { hasIpv6 }),
    },
  );
  return [[`${scopeLayer(taker, scope, layer)}|${encoded.name}`, encoded]];
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
