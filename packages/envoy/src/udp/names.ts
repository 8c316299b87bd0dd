// Names and constants that both ends of a UDP tunnel agree on.
import type { Host } from '@xebec/model';
import { hashText } from '@xebec/std';

/** How datagrams reach the endpoints of a port: in a tunnel of mutual TLS, or as they are. */
export type UdpWay = 'tunnel' | 'plain';

/** `outbound-udp|9000||echo.default.svc.cluster.local`; the two ways differ, so that one is warm before the other goes. */
export const outboundUdpCluster = (port: number, way: UdpWay, host: Host): string =>
  `${way === 'tunnel' ? 'outbound-udp' : 'outbound-udp-plain'}|${port}||${host}`;

/** `inbound-udp|9000||`. */
export const inboundUdpCluster = (port: number): string => `inbound-udp|${port}||`;

/** ALPN by which a sidecar says that the connection carries datagrams; it goes to the port number that they are for. */
export const tunnelProtocol = 'xebec-udp';

/**
 * The one target that a tunnel has, as RFC 9298 writes it: the application behind the port that was connected to.
 * A tunnel never leads anywhere else, whatever it is asked for.
 */
export const tunnelTarget = { host: 'application', port: 1 } as const;
export const tunnelPath = `/.well-known/masque/udp/${tunnelTarget.host}/${tunnelTarget.port}/`;

/** Bytes of the largest datagram that passes; larger ones are dropped and counted. */
export const largestDatagram = 9_000n;

/** Below the ports that systems give to clients, above those that servers choose. */
const firstPort = 16_384;
const portCount = 16_384;

/**
 * Where a sidecar of explicit capture takes datagrams for a service, on its own address: several services may have
 * one port, so each gets a number of its own, which depends on nothing but host and port.
 */
export const explicitUdpPort = (host: Host, port: number): number =>
  firstPort + (Number.parseInt(hashText(`${host}|${port}/udp`).slice(0, 8), 16) % portCount);

export interface UdpService {
  readonly host: Host;
  readonly port: number;
}

/**
 * Services by the numbers they get at a sidecar of explicit capture. Of two that fall on one number the first by host
 * has it and the other one has none, as is the case for a number that the workload itself serves.
 */
export function placeUdpServices<S extends UdpService>(
  services: readonly S[],
  taken: ReadonlySet<number>,
): ReadonlyMap<number, S> {
  const placed = new Map<number, S>();
  const ordered = [...services].sort((left, right) =>
    left.host === right.host ? left.port - right.port : left.host < right.host ? -1 : 1,
  );
  for (const service of ordered) {
    const number = explicitUdpPort(service.host, service.port);
    if (!taken.has(number) && !placed.has(number)) placed.set(number, service);
  }
  return placed;
}

/**
 * The port at which a sidecar of transparent capture takes datagrams for another one: the application may have the
 * number for itself, at all addresses. It ends in the same twelve bits and lies above those that systems give away;
 * the rules of capture know it, too.
 */
export const redirectedUdpPort = (port: number): number => 0xf000 | (port & 0xfff);

/**
 * Where a sidecar of transparent capture takes datagrams that were sent to its workload in the clear: the kernel
 * translates the workload's address to this one, which exists in no other place.
 */
export const redirectedUdpAddress = '255.0.0.6';
/** The same for datagrams of IPv6. */
export const redirectedUdpAddress6 = '::6';
