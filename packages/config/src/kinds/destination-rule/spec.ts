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

/** Written at all, it takes the place of what would be inherited. */
export interface LoadBalancer {
  /** Absent: the default of the mesh. */
  readonly simple?: SimpleLoadBalancer;
  readonly hash?: HashKey;
  readonly hashTable?: HashTable;
}
export type ClientTlsMode = 'ISTIO_MUTUAL' | 'DISABLE';

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
}

export interface PortTrafficPolicy {
  /** Absent: inherited. */
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly tls?: ClientTlsMode;
}

export interface TrafficPolicySpec extends PortTrafficPolicy {
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
}
