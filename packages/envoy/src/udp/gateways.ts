// Datagrams at a gateway: taken at its port, sent on as a sidecar's would be, in a tunnel of mutual TLS where the service takes one.
import type { Collection, Graph } from '@xebec/flow';
import type { GatewayModel, GatewayServer } from '@xebec/model';
import { hostPort, isDecisive, seenIn } from '@xebec/model';
import type { ProxySettings, ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import { proxyLayer } from '../views.ts';
import { encodeOutboundUdpListener, type Place } from './listeners.ts';
import type { UdpTargets } from './targets.ts';

export function buildGatewayUdp(
  graph: Graph,
  { gateways, settings }: Pick<ResourceInputs, 'gateways' | 'settings'>,
  targets: UdpTargets,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'gatewayUdpListeners',
    from: gateways,
    reads: { settings, targets },
    fn: (model, id: string, read): readonly Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined) return [];
      return listenersOf(model, { settings: current, targets: read.targets }).map(
        (encoded): Emission => [`${proxyLayer(id)}|${encoded.name}`, encoded],
      );
    },
    equals: equalResources,
  });
}

interface Context {
  readonly settings: ProxySettings;
  readonly targets: Pick<UdpTargets, 'get'>;
}

/** None where policies ask who it is: a datagram cannot say. */
function listenersOf(
  { proxy, listeners, authorization }: GatewayModel,
  context: Context,
): readonly EncodedResource[] {
  if (authorization.some(isDecisive)) return [];
  return listeners.flatMap(({ bindAddress: address, bindPort, port, servers }) => {
    const place = { address, port: bindPort };
    return servers.flatMap((server) =>
      listenerOf(server, { ...context, place, port, namespace: proxy.namespace }),
    );
  });
}

interface ServerContext extends Context {
  readonly place: Place;
  /** In the Gateway object. */
  readonly port: number;
  readonly namespace: string;
}

function listenerOf({ traffic, causes }: GatewayServer, context: ServerContext): readonly EncodedResource[] {
  if (traffic.kind !== 'datagrams') return [];
  const { host, port } = traffic.destination;
  const number = port === 'FROM_REQUEST_PORT' ? context.port : port;
  const target = seenIn(
    context.targets,
    `ns:${context.namespace}`,
    hostPort(host, { number, protocol: 'udp' }),
  );
  if (target === undefined) return [];
  return [encodeOutboundUdpListener(target, { ...context.place, causes }, context.settings)];
}
