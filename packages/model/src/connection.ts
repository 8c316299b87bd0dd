// Routing rules of connections that are not terminated: TCP as it comes, TLS by the server name its client asks for.
import type { Layer } from './layers.ts';
import type { Cause } from './reference.ts';
import type { WeightedDestination } from './route.ts';
import type { Host, Service } from './service.ts';

/** All that is said must hold. */
export interface TcpMatch {
  /** Addresses and blocks the client connects to; empty: any. */
  readonly destinationSubnets: readonly string[];
  /** Only connections to this port of the host. */
  readonly port?: number;
  readonly cause: Cause;
}

export interface TlsMatch extends TcpMatch {
  /** Server names of the client's hello, lower case, `*.example.com` and `*` among them; at least one. */
  readonly serverNames: readonly string[];
}

export type ConnectionDestination = Omit<WeightedDestination, 'headers'>;

export interface TcpRule {
  /** Alternatives; empty means every connection. */
  readonly matches: readonly TcpMatch[];
  /** At least one with a share. */
  readonly destinations: readonly ConnectionDestination[];
  readonly cause: Cause;
}

export interface TlsRule extends TcpRule {
  /** Alternatives, at least one. */
  readonly matches: readonly TlsMatch[];
}

/** How connections to one host are routed, for everybody in one layer. Only hosts with a service have one. */
export interface ConnectionTable {
  readonly layer: Layer;
  readonly host: Host;
  readonly service: Service;
  /** For ports that speak TLS, in order. */
  readonly tls: readonly TlsRule[];
  /** For ports that speak neither HTTP nor TLS, in order. */
  readonly tcp: readonly TcpRule[];
  readonly causes: readonly Cause[];
}
