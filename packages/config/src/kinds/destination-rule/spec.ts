// The body of a DestinationRule. What is absent is inherited: subset ← host ← mesh.
import type { ExportTo, TextMap } from '../../values/shapes.ts';

export type SimpleLoadBalancer = 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' | 'PASSTHROUGH';

export type HashKey =
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path?: string;
      /** Present: a client without the cookie gets one; 0 is a session cookie. */
      readonly ttlMs?: number;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' };

export type HashTable =
  | { readonly kind: 'ring'; readonly minimumSize: number }
  | { readonly kind: 'maglev'; readonly size: number };

/** Endpoints that are new get less traffic at first. */
export interface Warmup {
  readonly durationMs: number;
  /** 0–100: the share of its weight that an endpoint begins with. */
  readonly minimumPercent: number;
  /** 1: linear; more: faster at first. */
  readonly aggression: number;
}

/** Where traffic goes by the locality of the client. At most one of the three lists is filled. */
export interface LocalitySetting {
  readonly isEnabled: boolean;
  /** Localities are `region/zone/subzone`, with `*` at the end for anything below. */
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  /** Regions. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, most important first: `KEY` (as the client has it) or `KEY=VALUE`. */
  readonly failoverPriority: readonly string[];
}

/** Written at all, it takes the place of what would be inherited. */
export interface LoadBalancer {
  /** Absent: the default of the mesh. */
  readonly simple?: SimpleLoadBalancer;
  readonly hash?: HashKey;
  readonly hashTable?: HashTable;
  readonly warmup?: Warmup;
  /** Absent: the mesh's. */
  readonly locality?: LocalitySetting;
}

/** Durations are milliseconds. Absent means inherited. */
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

/** Durations are milliseconds; what is absent is Envoy's default. */
export interface OutlierDetection {
  /** 0: not counted. */
  readonly consecutive5xx?: number;
  /** 502, 503, 504 and failed connections; 0 or absent: not counted. */
  readonly consecutiveGatewayErrors?: number;
  readonly isSplit: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly intervalMs?: number;
  readonly baseEjectionMs?: number;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent: number;
  /** HTTP statuses that count as errors instead of 5xx; empty: 5xx. */
  readonly errorCodes: readonly number[];
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

export type ClientTls =
  | { readonly mode: 'DISABLE' }
  | {
      readonly mode: 'ISTIO_MUTUAL';
      readonly sni?: string;
      /** Empty: the identities of the service. */
      readonly subjectAltNames: readonly string[];
    }
  | {
      readonly mode: 'SIMPLE' | 'MUTUAL';
      readonly sni?: string;
      /** Empty: those of the service, or the name the client called. */
      readonly subjectAltNames: readonly string[];
      readonly material: TlsMaterial;
      readonly isUnverified: boolean;
    };

export interface Tunnel {
  readonly method: 'CONNECT' | 'POST';
  readonly host: string;
  readonly port: number;
}

export interface RetryBudget {
  /** 0–100. */
  readonly percent: number;
  readonly minConcurrency: number;
  /** 0: only what is active at the moment counts. */
  readonly intervalMs: number;
}

export interface PortTrafficPolicy {
  /** Absent: inherited. */
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTls;
}

export interface TrafficPolicySpec extends PortTrafficPolicy {
  readonly proxyProtocol?: 'V1' | 'V2';
  readonly tunnel?: Tunnel;
  readonly retryBudget?: RetryBudget;
  /** By service port; in Istio these replace the host's policy for the port, they are not merged with it. */
  readonly portLevelSettings: readonly (PortTrafficPolicy & { readonly port: number })[];
}

export interface SubsetSpec {
  readonly name: string;
  readonly labels: TextMap;
  readonly trafficPolicy?: TrafficPolicySpec;
}

export interface DestinationRuleSpec {
  /** As written, lower case: short, full or `*.`-prefixed. */
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicySpec;
  readonly subsets: readonly SubsetSpec[];
  readonly exportTo: ExportTo;
  /** Only for clients of the rule's own namespace that hold these labels; absent or empty: for all. */
  readonly workloadSelector?: TextMap;
}
