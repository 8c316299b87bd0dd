// HTTP routing rules of a host, after defaults, in the order in which they are tried.
import type { HashKey } from './destination.ts';
import type { Layer } from './layers.ts';
import type { OutsideChecks } from './outside.ts';
import type { Cause } from './reference.ts';
import type { Host, Service } from './service.ts';

export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  /** RE2 syntax. */
  | { readonly kind: 'regex'; readonly value: string }
  | { readonly kind: 'present' };

export interface HttpMatch {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly ignoreUriCase: boolean;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers: Readonly<Record<string, StringMatch>>;
  readonly withoutHeaders: Readonly<Record<string, StringMatch>>;
  readonly queryParams: Readonly<Record<string, StringMatch>>;
  /** Only traffic to this port of the host. */
  readonly port?: number;
  readonly statPrefix?: string;
  readonly cause: Cause;
}

export interface HeaderOperations {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface HeaderPolicy {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

export interface WeightedDestination {
  readonly host: Host;
  readonly subset: string;
  /**
   * The destination's service port: as written, or the only one the service has. Otherwise the port the request
   * was sent to (of the route configuration, of the gateway's server).
   */
  readonly port: number | 'FROM_REQUEST_PORT';
  /** 0–100 or any other non-negative share; relative to the sum. */
  readonly weight: number;
  readonly headers: HeaderPolicy;
  readonly cause: Cause;
}

export interface Retry {
  readonly attempts: number;
  readonly perTryTimeoutMs?: number;
  /** Envoy's retry_on, comma separated; HTTP status codes among them go to retriable status codes. */
  readonly retryOn: string;
  readonly backoffMs?: number;
  readonly retryRemoteLocalities: boolean;
  /** Whether a retry avoids endpoints that were tried; absent: yes. */
  readonly retryIgnorePreviousHosts?: boolean;
}

/** What applies to every request whose rule says nothing about retries, and to hosts without rules. */
export const defaultRetry: Retry = {
  attempts: 2,
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  retryRemoteLocalities: false,
};

export interface Fault {
  /**
   * Where it happens. `destination`: in the sidecars of the destination, so that the client's retries and timeouts
   * act on it. `client`: in the client's proxy, where nothing does; all there is when some endpoint has no sidecar.
   */
  readonly at: 'client' | 'destination';
  readonly delay?: { readonly fixedDelayMs: number; readonly percent: number };
  readonly abort?: { readonly httpStatus?: number; readonly grpcStatus?: string; readonly percent: number };
}

export interface Cors {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeMs?: number;
  readonly allowCredentials?: boolean;
  /** Preflights from origins that are not allowed: to the application, or answered by the proxy. */
  readonly unmatchedPreflights: 'FORWARD' | 'IGNORE';
}

export interface Mirror {
  readonly destination: Omit<WeightedDestination, 'weight' | 'headers'>;
  /** 0–100. */
  readonly percent: number;
}

export type HttpAction =
  | {
      readonly kind: 'forward';
      readonly destinations: readonly WeightedDestination[];
      /** Requests with equal keys go to one destination, also after the weights have moved; absent: by chance. */
      readonly hash?: HashKey;
    }
  | {
      readonly kind: 'redirect';
      readonly uri?: string;
      /** Takes the place of the prefix that matched. */
      readonly prefixRewrite?: string;
      readonly authority?: string;
      readonly port?: number | 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT';
      readonly scheme?: string;
      readonly status: number;
    }
  | { readonly kind: 'respond'; readonly status: number; readonly body?: Uint8Array };

export interface HttpRule {
  readonly name?: string;
  /** Alternatives; empty means everything. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  readonly rewrite?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly regex?: { readonly match: string; readonly rewrite: string };
  };
  /** 0 means no limit. */
  readonly timeoutMs: number;
  /** Absent: no retries. Defaults are already filled in. */
  readonly retry?: Retry;
  readonly fault?: Fault;
  readonly mirrors: readonly Mirror[];
  readonly cors?: Cors;
  readonly headers: HeaderPolicy;
  readonly cause: Cause;
}

/** The HTTP behaviour of one host for everybody in one layer. */
export interface RouteTable {
  readonly layer: Layer;
  readonly host: Host;
  /** Absent when the host is only named by a VirtualService. */
  readonly service?: Service;
  /** In order; empty means: forward everything to the service's own port, with `defaultRetry` and no timeout. */
  readonly rules: readonly HttpRule[];
  /** What is enforced for services that the rules lead to and that have no proxy; by host, absent: nothing. */
  readonly outside?: readonly OutsideChecks[];
  /** Instead of `defaultRetry` where there are no rules. */
  readonly retry?: Retry;
  readonly causes: readonly Cause[];
}
