// What a client must know to call a host: the service, its subsets and the traffic policy that applies.
import type { Cause, Layer } from './reference.ts';
import type { Service } from './service.ts';

export type LoadBalancer = 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' | 'PASSTHROUGH';

/** What of a request or connection decides which endpoint gets it; equal values go to the same endpoint. */
export type HashKey =
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path?: string;
      /** Present: a client without the cookie gets one that lives this long; 0 is for its session. */
      readonly ttlMs?: number;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' };

/** How hashes are spread over endpoints. */
export type HashTable =
  | { readonly kind: 'ring'; readonly minimumSize: number }
  /** A prime. */
  | { readonly kind: 'maglev'; readonly size: number };

/** Durations are milliseconds. Absent means Envoy's or Istio's default. */
export interface ConnectionPool {
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly idleTimeoutMs?: number;
  readonly tcpKeepalive?: {
    readonly probes?: number;
    readonly timeMs?: number;
    readonly intervalMs?: number;
  };
  readonly http1MaxPendingRequests?: number;
  readonly http2MaxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  readonly maxConcurrentStreams?: number;
  readonly httpIdleTimeoutMs?: number;
  readonly h2UpgradePolicy?: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
  readonly useClientProtocol?: boolean;
}

/** `auto`: mutual TLS wherever the endpoint's sidecar takes it. */
export type ClientTls = 'auto' | 'ISTIO_MUTUAL' | 'DISABLE';

export interface TrafficPolicy {
  /** Has no effect where there is a `hash`. */
  readonly loadBalancer: LoadBalancer;
  readonly hash?: HashKey;
  /** With `hash` only; absent: a ring of Istio's default size. */
  readonly hashTable?: HashTable;
  readonly connectionPool: ConnectionPool;
  readonly tls: ClientTls;
}

export interface PortPolicy extends TrafficPolicy {
  readonly port: number;
}

export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Merged with the host's policy. */
  readonly policy: TrafficPolicy;
  readonly portPolicies: readonly PortPolicy[];
  readonly causes: readonly Cause[];
}

export interface Destination {
  readonly layer: Layer;
  readonly service: Service;
  readonly policy: TrafficPolicy;
  readonly portPolicies: readonly PortPolicy[];
  readonly subsets: readonly Subset[];
  /** SPIFFE ids the server may present: those of its endpoints plus the service's subjectAltNames, sorted. */
  readonly identities: readonly string[];
  readonly causes: readonly Cause[];
}
