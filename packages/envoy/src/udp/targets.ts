// UDP ports as clients use them: which way datagrams go, and to which endpoints. Ways change far less often than endpoints.
import type { Collection, Graph } from '@xebec/flow';
import type {
  Destination,
  Endpoint,
  EndpointSet,
  Host,
  HostOwner,
  HostPort,
  Layer,
  Layered,
  Resolution,
  ServicePort,
} from '@xebec/model';
import { hostOwner, hostPort, layered, seenIn } from '@xebec/model';
import { policyFor } from '../clusters/outbound-cluster.ts';
import type { ResourceInputs } from '../inputs.ts';
import { outboundUdpCluster, type UdpWay } from './names.ts';

/** All that listeners need to know of a port; endpoints are not in it. */
export interface UdpTarget {
  readonly layer: Layer;
  readonly destination: Destination;
  readonly port: ServicePort;
  readonly way: UdpWay;
  readonly cluster: string;
}

export const ownerOf = ({ destination: { service }, port }: UdpTarget): HostOwner =>
  hostOwner(port.number, service.namespace, service.host);

export type UdpTargets = Collection<Layered<HostPort>, UdpTarget>;

const reachable: ReadonlySet<Resolution> = new Set(['endpoints', 'dns', 'dns-round-robin']);

/** None where each client finds the endpoint by itself, or another service has them. */
export const udpPortsOf = ({ service }: Destination): readonly ServicePort[] =>
  reachable.has(service.resolution) ? service.ports.filter(({ protocol }) => protocol === 'udp') : [];

export function deriveUdpTargets(
  graph: Graph,
  { destinations, udpEndpointSets }: ResourceInputs,
): UdpTargets {
  return graph.derive({
    name: 'udpTargets',
    from: destinations,
    reads: { udpEndpointSets },
    fn: (destination, _key: Layered<Host>, read) =>
      udpPortsOf(destination).map((port) => {
        const { way } = routeTo(destination, port, setOf(destination, port, read.udpEndpointSets));
        const name = hostPort(destination.service.host, port);
        const cluster = outboundUdpCluster(port.number, way, destination.service.host);
        return [
          layered(destination.layer, name),
          { layer: destination.layer, destination, port, way, cluster },
        ] as const;
      }),
    equals: (left, right) => left.destination === right.destination && left.way === right.way,
  });
}

/** A namespace's own endpoints, else the shared ones. */
export const setOf = (
  { layer, service }: Destination,
  port: ServicePort,
  sets: { get(key: Layered<string>): EndpointSet | undefined },
): EndpointSet | undefined => seenIn(sets, layer, hostPort(service.host, port));

export interface UdpRoute {
  readonly way: UdpWay;
  readonly endpoints: readonly Endpoint[];
}

/**
 * Datagrams of one port all go one way. Unless a rule says so, that is the tunnel as soon as any endpoint takes it:
 * nothing is sent in the clear because a workload without a sidecar stands beside those that have one.
 */
export function routeTo(
  destination: Destination,
  port: ServicePort,
  set: Pick<EndpointSet, 'endpoints'> | undefined,
): UdpRoute {
  const all = (set?.endpoints ?? []).filter(({ address }) => !address.startsWith('/'));
  const { tls } = policyFor({ destination, port });
  const plain = (): UdpRoute => ({
    way: 'plain',
    endpoints: all.map((endpoint) => ({ ...endpoint, tls: 'disabled', isDatagram: true })),
  });
  if (tls.mode === 'DISABLE') return plain();
  if (tls.mode === 'ISTIO_MUTUAL') return { way: 'tunnel', endpoints: all };
  // There is no TLS of datagrams to originate, and nothing is sent in the clear that was to be encrypted.
  if (tls.mode !== 'auto') return { way: 'tunnel', endpoints: [] };
  const takers = all.filter((endpoint) => endpoint.tls === 'istio');
  const isExpected = all.length === 0 && destination.service.location === 'mesh';
  return takers.length > 0 || isExpected ? { way: 'tunnel', endpoints: takers } : plain();
}
