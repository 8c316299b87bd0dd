// Services and their endpoints, the same for every platform they came from.
import type { Cause } from './reference.ts';

/** Fully qualified, lower case: `reviews.default.svc.cluster.local`; may start with `*.` for external hosts. */
export type Host = string;

/** `auto`: the port says nothing, the proxy detects HTTP without delaying server-first protocols. */
export type Protocol =
  | 'http'
  | 'http2'
  | 'grpc'
  | 'grpc-web'
  | 'https'
  | 'tls'
  | 'tcp'
  | 'mongo'
  | 'redis'
  | 'udp'
  | 'auto';

export interface ServicePort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
}

/**
 * `endpoints`: a known list (EDS). `dns`: every address a name resolves to (STRICT_DNS);
 * `dns-round-robin`: one of them at a time (LOGICAL_DNS); `original-destination`: where the client was going.
 */
export type Resolution = 'endpoints' | 'dns' | 'dns-round-robin' | 'original-destination';

export interface Service {
  readonly host: Host;
  /** Short name inside its namespace, when the platform has one: `reviews`. */
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Virtual addresses; empty for headless and for external hosts without one. */
  readonly addresses: readonly string[];
  readonly location: 'mesh' | 'external';
  readonly platform: 'kubernetes' | 'service-entry';
  /** Subject alternative names that are accepted beside those of the endpoints' identities. */
  readonly subjectAltNames: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly causes: readonly Cause[];
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** `istio`: the peer has a sidecar that accepts mutual TLS; `disabled`: plaintext. */
export type PeerTls = 'istio' | 'disabled';

export interface Endpoint {
  /** IP address, Unix socket path (`/...`) or, for DNS resolution, a host name. */
  readonly address: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly workload: string;
  /** SPIFFE id of the peer, when it has an identity. */
  readonly identity?: string;
  readonly locality?: Locality;
  readonly network: string;
  /** Relative share, at least 1. */
  readonly weight: number;
  readonly health: 'healthy' | 'unhealthy' | 'draining';
  readonly tls: PeerTls;
  readonly causes: readonly Cause[];
}

/**
 * All endpoints of one port of one host, in a stable order, those of all subsets together. Keyed by
 * `LAYER|HOST|PORT`: the layers are those of the service, since two namespaces may keep a private host of one name.
 */
export interface EndpointSet {
  readonly host: Host;
  readonly port: ServicePort;
  readonly endpoints: readonly Endpoint[];
}
