// What a client must know to call a host: the service, its subsets and the traffic policy that applies.
import type { Layer } from './layers.ts';
import type { Cause } from './reference.ts';
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
  readonly http2Keepalive?: { readonly intervalMs: number; readonly timeoutMs: number };
}

/** When endpoints are taken out for a while. Durations are milliseconds; what is absent is Envoy's default. */
export interface OutlierDetection {
  /** 0: not counted. */
  readonly consecutive5xx?: number;
  /** 0 or absent: not counted. */
  readonly consecutiveGatewayErrors?: number;
  /** Failures to connect are counted apart from answers. */
  readonly isSplit: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly intervalMs?: number;
  readonly baseEjectionMs?: number;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent: number;
  /** HTTP statuses that count as errors instead of 5xx; empty: 5xx. */
  readonly errorCodes: readonly number[];
}

/** New endpoints get less traffic at first. */
export interface Warmup {
  readonly durationMs: number;
  /** 0–100: the share of its weight that an endpoint begins with. */
  readonly minimumPercent: number;
  /** 1: linear. */
  readonly aggression: number;
}

/** Where traffic goes by the locality of the client. */
export interface LocalitySetting {
  readonly isEnabled: boolean;
  /** Localities are `region/zone/subzone`, with `*` at the end for anything below. */
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  /** Regions. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, most important first: `KEY` (as the client has it) or `KEY=VALUE`. */
  readonly failoverPriority: readonly string[];
}

/** What a client's proxy presents and trusts: files where the proxy runs, or a Secret in its namespace. */
export type TlsMaterial =
  | {
      readonly kind: 'files';
      /** `system`: the operating system's. */
      readonly authorities: string;
      readonly revoked?: string;
      readonly certificate?: string;
      readonly key?: string;
    }
  | { readonly kind: 'secret'; readonly name: string };

/** TLS that ends at the application itself. */
export interface TlsOrigination {
  readonly mode: 'SIMPLE' | 'MUTUAL';
  readonly sni?: string;
  /** Empty: those of the service, or the name the client called. */
  readonly subjectAltNames: readonly string[];
  readonly material: TlsMaterial;
  /** Neither the chain nor the name is verified. */
  readonly isUnverified: boolean;
}

/** `auto`: mutual TLS wherever the endpoint's sidecar takes it. */
export type ClientTls =
  | { readonly mode: 'auto' | 'DISABLE' }
  | {
      readonly mode: 'ISTIO_MUTUAL';
      readonly sni?: string;
      /** Empty: the identities of the service. */
      readonly subjectAltNames: readonly string[];
    }
  | TlsOrigination;

/** TCP inside an HTTP request to a proxy. */
export interface Tunnel {
  readonly method: 'CONNECT' | 'POST';
  readonly host: string;
  readonly port: number;
}

export interface RetryBudget {
  /** 0–100, of the active requests. */
  readonly percent: number;
  readonly minConcurrency: number;
  /** 0: only what is active at the moment counts. */
  readonly intervalMs: number;
}

export interface TrafficPolicy {
  /** Has no effect where there is a `hash`. */
  readonly loadBalancer: LoadBalancer;
  readonly hash?: HashKey;
  /** With `hash` only; absent: a ring of Istio's default size. */
  readonly hashTable?: HashTable;
  readonly warmup?: Warmup;
  /** The rule's, else the mesh's; absent: the locality of a client makes no difference. */
  readonly locality?: LocalitySetting;
  readonly connectionPool: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly tls: ClientTls;
  readonly proxyProtocol?: 'V1' | 'V2';
  readonly tunnel?: Tunnel;
  readonly retryBudget?: RetryBudget;
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
