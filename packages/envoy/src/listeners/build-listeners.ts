// Listeners as collections: shared outbound ones, and those of each proxy.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, Host, Layer, Layered, Service } from '@xebec/model';
import { policyFor } from '../clusters/outbound-cluster.ts';
import type { Demand } from '../demand.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { httpPorts, speaksHttp } from '../routes/virtual-hosts.ts';
import { addressLayer, grpcLayer, outboundLayer, proxyLayer } from '../views.ts';
import { encodeGatewayListeners } from './gateway.ts';
import { encodeGrpcListener } from './grpc.ts';
import { encodeInbound } from './inbound.ts';
import {
  encodeHttpPortListener,
  encodeHttpProxyListener,
  encodeServiceListener,
  encodeVirtualOutbound,
  type ServiceAddress,
} from './outbound.ts';

type Resources = Collection<ResourceKey, EncodedResource>;
const discoveries = ['on-demand', 'eager'] as const;

export function buildListeners(graph: Graph, inputs: ResourceInputs, demand: Demand): Resources {
  return graph.union(
    'listeners',
    buildHttpPorts(graph, inputs, demand),
    buildVirtualOutbound(graph, inputs),
    buildServiceAddresses(graph, inputs, demand),
    buildInbound(graph, inputs),
    buildGateways(graph, inputs),
    buildGrpc(graph, inputs, demand),
  );
}

const emission = (layer: string, resource: EncodedResource): Emission => [
  `${layer}|${resource.name}`,
  resource,
];

/** One listener for each port on which some service speaks HTTP, however many services share it. */
function buildHttpPorts(graph: Graph, { services, settings }: ResourceInputs, demand: Demand): Resources {
  const byPort = graph.index(services, 'httpPorts', (service) => httpPorts(service).map(String));
  const detectedPorts = graph.group(graph.index(services, 'detectedPorts', detectedPortsOf));
  return graph.derive({
    name: 'httpPortListeners',
    from: graph.group(byPort),
    reads: { settings, demand, detectedPorts },
    fn: (_services, port: string, read): Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined || read.demand.get('style:port') === undefined) return [];
      return discoveries.map((discovery) =>
        emission(
          outboundLayer(discovery),
          encodeHttpPortListener(Number(port), {
            settings: current,
            isOnDemand: discovery === 'on-demand',
            isDetected: read.detectedPorts.get(port) !== undefined,
          }),
        ),
      );
    },
    equals: equalResources,
  });
}

const detectedPortsOf = ({ ports }: Service): readonly string[] =>
  ports.filter(({ protocol }) => protocol === 'auto').map(({ number }) => String(number));

function buildVirtualOutbound(graph: Graph, { settings }: ResourceInputs): Resources {
  return graph.derive({
    name: 'virtualOutbound',
    from: settings,
    fn: (current) =>
      discoveries.map((discovery) =>
        emission(outboundLayer(discovery), encodeVirtualOutbound({ settings: current })),
      ),
    equals: equalResources,
  });
}

function buildServiceAddresses(
  graph: Graph,
  { destinations, settings }: ResourceInputs,
  demand: Demand,
): Resources {
  const captured = graph.derive({
    name: 'serviceAddresses',
    from: destinations,
    reads: { demand },
    fn: (destination, _key: Layered<Host>, read) =>
      read.demand.get('style:port') === undefined ? [] : addressesOf(destination),
    equals: (left, right) => left.service === right.service && left.limitText === right.limitText,
  });
  const byAddress = graph.index(captured, 'byAddress', (target) => [target.anchor]);
  return graph.derive({
    name: 'serviceAddressListeners',
    from: graph.group(byAddress),
    reads: { byAddress, settings },
    fn: (_targets, anchor: string, read): readonly Emission[] => {
      const current: ProxySettings | undefined = read.settings.get('mesh');
      const [first] = read.byAddress.at(anchor);
      if (current === undefined || first === undefined) return [];
      return serviceEmissions(first[1], current);
    },
    equals: equalResources,
  });
}

/** Only HTTP differs between clients that are told everything and those that ask. */
function serviceEmissions(target: CapturedAddress, settings: ProxySettings): readonly Emission[] {
  if (target.port.protocol !== 'auto') {
    const encoded = encodeServiceListener(target, { settings, isOnDemand: false });
    return discoveries.map((discovery) => emission(addressLayer(discovery, target.layer), encoded));
  }
  return discoveries.map((discovery) => {
    const isOnDemand = discovery === 'on-demand';
    return emission(
      addressLayer(discovery, target.layer),
      encodeServiceListener(target, { settings, isOnDemand }),
    );
  });
}

interface CapturedAddress extends ServiceAddress {
  readonly layer: Layer;
  readonly anchor: string;
  readonly limitText: string;
}

/** Two services at one address and port: the first by name has it. */
function addressesOf(destination: Destination) {
  const { service, layer } = destination;
  const singles = service.addresses.filter((address) => !address.includes('/'));
  return service.ports
    .filter(({ protocol }) => ['tcp', 'tls', 'https', 'auto'].includes(protocol))
    .flatMap((port) => {
      const { idleTimeoutMs, maxConnectionDurationMs } = policyFor({ destination, port }).connectionPool;
      const limits = {
        ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
        ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDurationMs }),
      };
      return singles.map((address): readonly [string, CapturedAddress] => {
        const anchor = `${layer}|${address}|${port.number}`;
        const limitText = JSON.stringify(limits);
        return [`${anchor}|${service.host}`, { service, port, address, layer, anchor, limits, limitText }];
      });
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
