// What a destination's policy means for TCP connections to it: lifetimes, the hash of the source, a tunnel. Envoy has these in listeners.
import type { Destination, Host, Layer, Layered, ServicePort, TrafficPolicy, Tunnel } from '@xebec/model';
import { seenIn } from '@xebec/model';
import { policyFor } from '../clusters/outbound-cluster.ts';
import type { ConnectionTarget } from './connection-target.ts';
import type { TcpLimits } from './tcp-proxy.ts';

export interface UpstreamTraits {
  readonly limits?: TcpLimits;
  readonly isSourceHashed?: boolean;
  readonly tunnel?: Tunnel;
  /** The TLS handshake names the host, which is resolved and dialled at this port. */
  readonly namedPort?: number;
}

export function upstreamTraits({ connectionPool, hash, tunnel }: TrafficPolicy): UpstreamTraits {
  const { idleTimeoutMs, maxConnectionDurationMs } = connectionPool;
  const limits = {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDurationMs }),
  };
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(hash?.kind === 'source-ip' ? { isSourceHashed: true } : {}),
    ...(tunnel === undefined ? {} : { tunnel }),
  };
}

export interface DestinationLookup {
  get(key: Layered<Host>): Destination | undefined;
}

/** Of several destinations with shares it is the first one's: a connection has one set of them. */
export function traitsOfTarget(
  target: ConnectionTarget,
  layer: Layer,
  destinations: DestinationLookup,
): UpstreamTraits {
  const name = typeof target === 'string' ? target : (target[0]?.name ?? '');
  const [direction, number, subsetName = '', host = ''] = name.split('|');
  const destination = direction === 'outbound' ? seenIn(destinations, layer, host) : undefined;
  if (destination === undefined) return {};
  const port: ServicePort | undefined = destination.service.ports.find(
    (each) => each.number === Number(number),
  );
  const subset = destination.subsets.find((each) => each.name === subsetName);
  if (port === undefined) return {};
  const isNamed = destination.service.resolution === 'dynamic-dns';
  return {
    ...upstreamTraits(policyFor({ destination, port, ...(subset === undefined ? {} : { subset }) })),
    ...(isNamed ? { namedPort: port.number } : {}),
  };
}
