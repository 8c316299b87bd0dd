// Running instances of an application, and the proxies connected on their behalf.
import type { Authentication } from './authentication.ts';
import type { Authorization } from './authorization.ts';
import type { ConnectionPool } from './destination.ts';
import type { PeerPolicy } from './policy.ts';
import type { Cause, ObjectKey } from './reference.ts';
import type { Host, Locality, Protocol } from './service.ts';

export interface Workload {
  /** The Pod or WorkloadEntry. */
  readonly object: ObjectKey;
  readonly name: string;
  readonly namespace: string;
  /** The owner's name (Deployment), as `istio_requests_total` shows it. */
  readonly ownerName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly addresses: readonly string[];
  readonly ports: readonly {
    readonly name: string;
    readonly number: number;
    readonly protocol: 'TCP' | 'UDP';
  }[];
  readonly locality?: Locality;
  readonly network: string;
  /** The node it runs on, where that is known. */
  readonly node?: string;
  /** The name that DNS knows it by under its headless services: its own by default. */
  readonly hostname?: string;
  readonly weight: number;
  /** It has a sidecar of this mesh. */
  readonly isMeshed: boolean;
  /** It is a gateway of this mesh: it has an identity, but takes mutual TLS only where a Gateway says so. */
  readonly isGateway?: true;
  /** Where ports really listen that could not be bound as they are named. */
  readonly boundPorts?: Readonly<Record<number, number>>;
  readonly health: 'healthy' | 'unhealthy' | 'draining';
  readonly causes: readonly Cause[];
}

/** `grpc`: a proxyless gRPC client. */
export type ProxyRole = 'sidecar' | 'router' | 'grpc';
/** `explicit`: its own listeners on its own loopback address; `transparent`: traffic is redirected to 15001 and 15006. */
export type Capture = 'explicit' | 'transparent';

/** Who stands before a gateway: Istio's `gatewayTopology`. */
export interface EdgeTopology {
  /** How many proxies before it append to `x-forwarded-for` and are believed. */
  readonly trustedProxies: number;
  /** What becomes of `x-forwarded-client-cert`. */
  readonly forwardClientCert:
    | 'SANITIZE'
    | 'FORWARD_ONLY'
    | 'APPEND_FORWARD'
    | 'SANITIZE_SET'
    | 'ALWAYS_FORWARD_ONLY';
  /** Connections begin with the PROXY protocol. */
  readonly isProxyProtocol: boolean;
}

/** A connected xDS client, from its node and its verified identity. Equal proxies are one value: it is a source of the graph. */
export interface ProxyNode {
  /** Envoy's node id. */
  readonly id: string;
  readonly role: ProxyRole;
  readonly namespace: string;
  /** Pod name. */
  readonly name: string;
  readonly serviceAccount: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capture: Capture;
  /** Transparent mode: inbound connections keep their addresses, and the application sees the client's; absent: `REDIRECT`. */
  readonly interception?: 'TPROXY';
  /** Transparent mode: it has an IPv6 address, too, and IPv6 is captured like IPv4. */
  readonly hasIpv6?: true;
  /** In explicit mode: the address the application itself listens on. */
  readonly applicationAddress: string;
  readonly discovery: 'on-demand' | 'eager';
  readonly workloadName: string;
  readonly locality?: Locality;
  readonly network: string;
  /** The node it runs on, where that is known. */
  readonly node?: string;
  /** The WorkloadGroup of its namespace that it joins by connecting. */
  readonly workloadGroup?: string;
  /** Routers: a Gateway's port → the port the proxy may bind for it; the same port when it is not named here. */
  readonly gatewayPorts: Readonly<Record<number, number>>;
  /** What the proxy says it is (`ISTIO_VERSION`), and the rest of what it says in single words. */
  readonly version?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** It chooses the cluster of a connection when it has to dial, not when the connection comes. */
  readonly choosesAfterHandshake?: true;
  /** Its agent keeps audit records of what it reports. */
  readonly keepsAudit?: true;
  /** Routers; absent: nobody stands before them. */
  readonly topology?: EdgeTopology;
  /** Nobody but the proxy itself says that it has this role and these labels: it gets no secrets. */
  readonly isUnproven?: true;
}

/** Loopback, the workload's own address, or a socket. */
export type ApplicationAddress =
  | { readonly kind: 'loopback'; readonly address: string; readonly port: number }
  | { readonly kind: 'own-address'; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface InboundPort {
  /** The port the application listens on. */
  readonly port: number;
  readonly protocol: Protocol;
  /** The service that names this port, first by host when several do; absent for a bare container port. */
  readonly service?: {
    readonly host: Host;
    readonly name: string;
    readonly namespace: string;
    readonly port: number;
  };
  readonly mutualTls: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
  /** Where the application really is; absent: at this port. */
  readonly endpoint?: ApplicationAddress;
  /** Limits of connections to the application. */
  readonly connectionPool?: ConnectionPool;
  readonly causes: readonly Cause[];
}

/** What a sidecar must accept for its workload. */
export interface Inbound {
  readonly proxy: ProxyNode;
  /** Ports of connections. */
  readonly ports: readonly InboundPort[];
  /** Ports of datagrams; one number may be in both lists. */
  readonly udpPorts: readonly InboundPort[];
  readonly peer: PeerPolicy;
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly causes: readonly Cause[];
}
