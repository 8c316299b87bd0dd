// Listeners as collections: shared outbound ones, and those of each proxy.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Service } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { mergeNeeds, type OutsideNeeds, outsideNeeds } from '../authorization/outside.ts';
import type { Demand } from '../demand.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { httpPorts, speaksHttp } from '../routes/virtual-hosts.ts';
import type { ScopesInUse } from '../scopes.ts';
import { grpcLayer, outboundLayer, proxyLayer } from '../views.ts';
import { buildConnectionListeners, type HttpPortSources } from './build-connections.ts';
import { buildConnectListeners } from './build-connects.ts';
import { buildDialedListeners } from './build-dialed.ts';
import { encodeGatewayListeners } from './gateway.ts';
import { encodeGrpcListener } from './grpc.ts';
import { encodeInbound } from './inbound.ts';
import { encodeHttpPortListener, encodeHttpProxyListener, encodeVirtualOutbound } from './outbound.ts';
import { takersOf } from './takers.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

export function buildListeners(
  graph: Graph,
  resources: ResourceInputs,
  { demand, scopes }: { readonly demand: Demand; readonly scopes: ScopesInUse },
): Resources {
  const inputs = { ...resources, settings: describeMesh(graph, resources) };
  const byPort = graph.index(inputs.services, 'httpPorts', (service) => httpPorts(service).map(String));
  const byDetectedPort = graph.index(inputs.services, 'detectedPorts', detectedPortsOf);
  const ports = { httpPorts: graph.group(byPort), detectedPorts: graph.group(byDetectedPort) };
  return graph.union(
    'listeners',
    buildHttpPorts(graph, inputs, { demand, ...ports }),
    buildVirtualOutbound(graph, inputs, demand),
    buildConnectionListeners(graph, inputs, { demand, scopes, ...ports }),
    buildDialedListeners(graph, inputs, scopes),
    buildConnectListeners(graph, { inputs, demand }),
    buildInbound(graph, inputs),
    buildGateways(graph, inputs),
    buildGrpc(graph, inputs, demand),
  );
}

/** The settings, with what every listener needs to know of all services. */
function describeMesh(
  graph: Graph,
  { services, settings, routeTables }: ResourceInputs,
): ResourceInputs['settings'] {
  const dynamicHosts = graph.group(
    graph.index(services, 'dynamicHosts', ({ resolution }): readonly 'any'[] =>
      resolution === 'dynamic-dns' || resolution === 'original-destination' ? ['any'] : [],
    ),
  );
  const hasAny = graph.derive({
    name: 'hasDynamicHosts',
    from: dynamicHosts,
    fn: (): readonly (readonly ['any', true])[] => [['any', true]],
  });
  const outside = describeOutside(graph, routeTables);
  return graph.derive({
    name: 'listenerSettings',
    from: settings,
    reads: { hasAny, outside },
    equals: deepEqual,
    fn: (current, key: 'mesh', read) => {
      const needs = mergeNeeds(read.outside.at('any').map(([, each]) => each));
      const hasDynamicHosts = read.hasAny.get('any') === true;
      const known = {
        ...(hasDynamicHosts ? { hasDynamicHosts } : {}),
        ...(needs === undefined ? {} : { outside: needs }),
      };
      return [[key, { ...current, ...known }] as const];
    },
  });
}

/** Different ones only, which are few: tables have them in common. */
function describeOutside(
  graph: Graph,
  routeTables: ResourceInputs['routeTables'],
): Index<'any', string, OutsideNeeds> {
  const written = graph.index(routeTables, 'outsideNeeds', ({ outside = [] }) => {
    const needs = outsideNeeds(outside);
    return needs === undefined ? [] : [JSON.stringify(needs)];
  });
  const needs = graph.derive({
    name: 'outsideNeeds',
    from: graph.group(written),
    fn: (_members, text: string) => [[text, JSON.parse(text) as OutsideNeeds] as const],
  });
  return graph.index(needs, 'any', () => ['any'] as const);
}

const emission = (layer: string, resource: EncodedResource): Emission => [
  `${layer}|${resource.name}`,
  resource,
];

/** One listener for each port on which some service speaks HTTP, however many services share it. */
function buildHttpPorts(
  graph: Graph,
  { settings }: ResourceInputs,
  { demand, httpPorts: ports, detectedPorts }: HttpPortSources & { readonly demand: Demand },
): Resources {
  return graph.derive({
    name: 'httpPortListeners',
    from: ports,
    reads: { settings, demand, detectedPorts },
    fn: (_services, port: string, read): Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined || read.demand.get('style:port') === undefined) return [];
      const isDetected = read.detectedPorts.get(port) !== undefined;
      return takersOf(read.demand).flatMap(({ taker, ...how }) =>
        variants(current, isDetected).map(({ layer, settings: own }) =>
          emission(
            outboundLayer(taker, layer),
            encodeHttpPortListener(Number(port), { ...how, settings: own, isDetected }),
          ),
        ),
      );
    },
    equals: equalResources,
  });
}

interface Variant {
  /** Absent: as the mesh has it. */
  readonly layer?: ProxySettings['outboundTrafficPolicy'];
  readonly settings: ProxySettings;
}

/** What passes traffic on that no service names differs for sidecars that treat it in another way than the mesh does. */
function variants(settings: ProxySettings, passesUnknown: boolean): readonly Variant[] {
  const other = settings.outboundTrafficPolicy === 'ALLOW_ANY' ? 'REGISTRY_ONLY' : 'ALLOW_ANY';
  if (!passesUnknown) return [{ settings }];
  return [{ settings }, { layer: other, settings: { ...settings, outboundTrafficPolicy: other } }];
}

const detectedPortsOf = ({ ports }: Service): readonly string[] =>
  ports.filter(({ protocol }) => protocol === 'auto').map(({ number }) => String(number));

function buildVirtualOutbound(graph: Graph, { settings }: ResourceInputs, demand: Demand): Resources {
  return graph.derive({
    name: 'virtualOutbound',
    from: settings,
    reads: { demand },
    fn: (current, _key, read) =>
      takersOf(read.demand).flatMap(({ taker, ...how }) =>
        variants(current, true).map(({ layer, settings: own }) =>
          emission(outboundLayer(taker, layer), encodeVirtualOutbound({ ...how, settings: own })),
        ),
      ),
    equals: equalResources,
  });
}

/** The listeners on a sidecar's own address. */
function buildInbound(graph: Graph, { inbounds, settings }: ResourceInputs): Resources {
  return graph.derive({
    name: 'inboundListeners',
    from: inbounds,
    reads: { settings },
    fn: (inbound, id: string, read): Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined) return [];
      const { proxy } = inbound;
      const outbound =
        proxy.capture === 'explicit'
          ? [
              encodeHttpProxyListener(proxy, {
                settings: current,
                isOnDemand: proxy.discovery === 'on-demand',
              }),
            ]
          : [];
      return [...encodeInbound(inbound, current), ...outbound].map((each) => emission(proxyLayer(id), each));
    },
    equals: equalResources,
  });
}

function buildGateways(graph: Graph, { gateways, settings }: ResourceInputs): Resources {
  return graph.derive({
    name: 'gatewayListeners',
    from: gateways,
    reads: { settings },
    fn: (model, id: string, read): Emission[] => {
      const current = read.settings.get('mesh');
      return current === undefined
        ? []
        : encodeGatewayListeners(model, current).map((each) => emission(proxyLayer(id), each));
    },
    equals: equalResources,
  });
}

function buildGrpc(graph: Graph, { destinations }: ResourceInputs, demand: Demand): Resources {
  return graph.derive({
    name: 'grpcListeners',
    from: destinations,
    reads: { demand },
    fn: (destination, _key, read): Emission[] => {
      if (read.demand.get('role:grpc') === undefined || destination.service.resolution !== 'endpoints')
        return [];
      return destination.service.ports
        .filter(speaksHttp)
        .map((port) => emission(grpcLayer(destination.layer), encodeGrpcListener(destination, port)));
    },
    equals: equalResources,
  });
}
