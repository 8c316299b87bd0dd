// What a policy service can be told.
import type { MetricsAccess, TokenDoors } from '@xebec/ca';
import type { Diagnostic, Result } from '@xebec/std';
import type { Ask } from './doors/options.ts';

export interface PolicyServiceOptions extends TokenDoors {
  /** xDS port of the control plane, `HOST:PORT`. */
  readonly controlPlane: string;
  /** Name in the control plane's certificate. Default `istiod.istio-system.svc`. */
  readonly controlPlaneName?: string;
  /** A file with the root certificates of the mesh. */
  readonly rootsFile: string;
  /** A one-time token for the policy service's own identity. */
  readonly issueToken: () => Promise<Result<string>>;
  /** Default `cluster.local`. */
  readonly trustDomain?: string;
  /** Where the objects for the whole mesh are, and the policy service itself. Default `istio-system`. */
  readonly namespace?: string;
  /** gRPC doors with the mesh's mutual TLS, `HOST:PORT`. */
  readonly listen: string;
  /** What others are told to connect to; default: where it listens. */
  readonly advertise?: string;
  /** gRPC doors in plaintext, loopback only. */
  readonly listenPlaintext?: string;
  /** JSON, metrics and health, loopback only unless plaintext is allowed. */
  readonly http: string;
  /** Where a port is taken, any that is free is listened at: what it is, `addresses` and events say. */
  readonly orAnyPort?: boolean;
  /** What programs of this machine may ask for that do not say who they are; absent: everything. */
  readonly anonymousMay?: readonly Ask[];
  /** Who may read the metrics; absent: nobody. */
  readonly metricsAccess?: MetricsAccess;
  /** Holds the last configuration, and what adapters keep. */
  readonly stateDirectory: string;
  /** Tells replicas apart; default: host and process. */
  readonly node?: string;
  readonly leafTtlMs?: number;
  readonly onEvent?: (event: PolicyServiceEvent) => void;
}

export type PolicyServiceEvent =
  | {
      readonly kind: 'listening';
      readonly what: 'grpc' | 'grpc-plaintext' | 'http';
      readonly address: string;
    }
  | { readonly kind: 'identity'; readonly message: string }
  | { readonly kind: 'control-plane'; readonly change: 'connected' | 'lost'; readonly message: string }
  /** A configuration is in force. */
  | { readonly kind: 'configuration'; readonly revision: number; readonly message: string }
  | { readonly kind: 'problem'; readonly diagnostic: Diagnostic }
  | { readonly kind: 'fault'; readonly what: string; readonly error: unknown };

export interface PolicyServiceHandle {
  readonly addresses: {
    readonly grpc: string;
    readonly grpcPlaintext?: string;
    readonly http: string;
  };
  /** In force; 0: none yet. */
  revision(): number;
  /** Answers calls under way, delivers what is left to report, and frees everything. */
  close(): Promise<void>;
}
