// Listeners as collections: shared outbound ones, and those of each proxy.
import type { Collection, Graph } from '@xebec/flow';
import type { Host, Layered, Service } from '@xebec/model';
import { splitLayered } from '@xebec/model';
import type { Demand } from '../demand.ts';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { httpPorts } from '../routes/virtual-hosts.ts';
import { grpcLayer, outboundLayer, proxyLayer, tcpLayer } from '../views.ts';
import { encodeGatewayListeners } from './gateway.ts';
import { encodeGrpcListener } from './grpc.ts';
import { encodeInbound } from './inbound.ts';
import {
  encodeHttpPortListener,
  encodeHttpProxyListener,
  encodeTcpServiceListener,
  encodeVirtualOutbound,
} from './outbound.ts';

type Resources = Collection<ResourceKey, EncodedResource>;
const discoveries = ['on-demand', 'eager'] as const;

export function buildListeners(graph: Graph, inputs: ResourceInputs, demand: Demand): Resources {
  return graph.union(
    'listeners',
    buildHttpPorts(graph, inputs, demand),
    buildVirtualOutbound(graph, inputs),
    buildTcpServices(graph, inputs, demand),
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
  return graph.derive({
    name: 'httpPortListeners',
    from: graph.group(byPort),
    reads: { settings, demand },
    fn: (_services, port: string, read): Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined || read.demand.get('style:port') === undefined) return [];
      return discoveries.map((discovery) =>
        emission(
          outboundLayer(discovery),
          encodeHttpPortListener(Number(port), { settings: current, isOnDemand: discovery === 'on-demand' }),
        ),
      );
    },
    equals: equalResources,
  });
}

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

function buildTcpServices(graph: Graph, { services, settings }: ResourceInputs, demand: Demand): Resources {
  const captured = graph.derive({
    name: 'tcpAddresses',
    from: services,
    reads: { demand },
    fn: (service, key: Layered<Host>, read) =>
      read.demand.get('style:port') === undefined ? [] : tcpAddresses(service, splitLayered(key).layer),
    equals: (left, right) => left.service === right.service,
  });
  const byAddress = graph.index(captured, 'byAddress', (target) => [target.anchor]);
  return graph.derive({
    name: 'tcpListeners',
    from: graph.group(byAddress),
    reads: { byAddress, settings },
    fn: (_targets, anchor: string, read): Emission[] => {
      const current: ProxySettings | undefined = read.settings.get('mesh');
      const [first] = read.byAddress.at(anchor);
      if (current === undefined || first === undefined) return [];
      const [, target] = first;
      return [
        emission(
          tcpLayer(target.layer),
          encodeTcpServiceListener(target, { settings: current, isOnDemand: false }),
        ),
      ];
    },
    equals: equalResources,
  });
}

/** Two services at one address and port: the first by name has it. */
function tcpAddresses(service: Service, layer: string) {
  return service.ports
    .filter(({ protocol }) => ['tcp', 'tls', 'https'].includes(protocol))
    .flatMap((port) =>
      service.addresses
        .filter((address) => !address.includes('/'))
        .map((address) => {
          const anchor = `${layer}|${address}|${port.number}`;
          return [`${anchor}|${service.host}`, { service, port, address, layer, anchor }] as const;
        }),
    );
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
      if (destination.layer !== '*' || read.demand.get('role:grpc') === undefined) return [];
      const ports = httpPorts(destination.service);
      return destination.service.ports
        .filter(({ number }) => ports.includes(number))
        .map((port) => emission(grpcLayer, encodeGrpcListener(destination, port)));
    },
    equals: equalResources,
  });
}
