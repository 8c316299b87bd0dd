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
 * `HOST|PORT` with the service's port number, `HOST|PORT/udp` for datagrams: one number may be a port of both kinds.
 */
export type HostPort = `${Host}|${number}` | `${Host}|${number}/udp`;

export const hostPort = (
  host: Host,
  { number, protocol }: Pick<ServicePort, 'number' | 'protocol'>,
): HostPort => (protocol === 'udp' ? `${host}|${number}/udp` : `${host}|${number}`);

/**
 * `endpoints`: a known list (EDS). `dns`: every address a name resolves to (STRICT_DNS);
 * `dns-round-robin`: one of them at a time (LOGICAL_DNS); `dynamic-dns`: what the name in each request resolves to;
 * `original-destination`: where the client was going; `alias`: another service of the mesh has the endpoints.
 */
export type Resolution =
  | 'endpoints'
  | 'dns'
  | 'dns-round-robin'
  | 'dynamic-dns'
  | 'original-destination'
  | 'alias';

export interface Service {
  readonly host: Host;
  /** Short name inside its namespace, when the platform has one: `reviews`. */
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Virtual addresses; empty for headless and for external hosts without one. */
  readonly addresses: readonly string[];
  /** The addresses are the mesh's own choice, as nobody gave the service any. */
  readonly isAllocated?: true;
  /** Clients find its endpoints by name and choose one themselves. */
  readonly isHeadless?: true;
  /** The name it stands for, as it is written; what clients of its name are told by DNS. */
  readonly externalName?: string;
  /** Of resolution `alias`: the service that `externalName` is. */
  readonly alias?: Host;
  /** Clients use endpoints of their own node only. */
  readonly internalTrafficPolicy?: 'Local';
  /** A client keeps its endpoint. */
  readonly sessionAffinity?: 'ClientIP';
  /** Which endpoints clients prefer while there are any. */
  readonly trafficDistribution?: TrafficDistribution;
  readonly location: 'mesh' | 'external';
  readonly platform: 'kubernetes' | 'service-entry';
  /** Subject alternative names that are accepted beside those of the endpoints' identities. */
  readonly subjectAltNames: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly causes: readonly Cause[];
}

/** Endpoints of the client's own zone, or node, first. */
export type TrafficDistribution = 'PreferClose' | 'PreferSameZone' | 'PreferSameNode';

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
  /** The node it runs on, where that is known. */
  readonly node?: string;
  /** Its own name under that of a headless service. */
  readonly hostname?: string;
  /** Relative share, at least 1. */
  readonly weight: number;
  readonly health: 'healthy' | 'unhealthy' | 'draining';
  readonly tls: PeerTls;
  /** It is sent datagrams; absent: it is connected to. */
  readonly isDatagram?: true;
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
