// The body of a VirtualService, after defaults. Indexes equal those in the file: causes are `spec.http[i].match[j]`.
import type { ExportTo, StringMatch, TextMap } from '../../values/shapes.ts';

export interface HttpMatchSpec {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly ignoreUriCase: boolean;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers: Readonly<Record<string, StringMatch>>;
  readonly withoutHeaders: Readonly<Record<string, StringMatch>>;
  readonly queryParams: Readonly<Record<string, StringMatch>>;
  readonly port?: number;
  readonly statPrefix?: string;
  /** Only clients in this namespace; never clients of a gateway. */
  readonly sourceNamespace?: string;
  /** Gateways this match is for, as written; empty: those of the VirtualService. */
  readonly gateways: readonly string[];
  /** Only for clients that hold all of these labels; empty: for all. */
  readonly sourceLabels: TextMap;
}

export interface HeaderOperations {
  readonly set: TextMap;
  readonly add: TextMap;
  readonly remove: readonly string[];
}

export interface HeaderPolicy {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

/** A host as written: short names belong to the object's namespace, mesh expands them. */
export interface DestinationRef {
  readonly host: string;
  /** Empty: all endpoints. */
  readonly subset: string;
  /** Absent: the service's only port. */
  readonly port?: number;
}

export interface RouteDestination extends DestinationRef {
  /** Relative share; 100 for an only destination. */
  readonly weight: number;
  readonly headers: HeaderPolicy;
}

export interface RetrySpec {
  /** 0 switches retries off. */
  readonly attempts: number;
  readonly perTryTimeoutMs?: number;
  /** Envoy's retry_on, status codes among it; empty: the mesh's default. */
  readonly retryOn: string;
  readonly backoffMs?: number;
  readonly retryRemoteLocalities: boolean;
  /** False: a retry may go to an endpoint that has already failed. Absent: it does not. */
  readonly retryIgnorePreviousHosts?: boolean;
}

export interface FaultSpec {
  readonly delay?: { readonly fixedDelayMs: number; readonly percent: number };
  readonly abort?: { readonly httpStatus?: number; readonly grpcStatus?: string; readonly percent: number };
}

export interface CorsSpec {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeMs?: number;
  readonly allowCredentials?: boolean;
  /** What becomes of a preflight from an origin that is not allowed: it goes to the application, or is answered here. */
  readonly unmatchedPreflights: 'FORWARD' | 'IGNORE';
}

export interface MirrorSpec {
  readonly destination: DestinationRef;
  /** 0–100. */
  readonly percent: number;
  /** `spec.http[0].mirror` or `spec.http[0].mirrors[1]`, relative to the rule: `mirror`, `mirrors[1]`. */
  readonly field: string;
}

export type HttpActionSpec =
  | { readonly kind: 'forward'; readonly destinations: readonly RouteDestination[] }
  | {
      readonly kind: 'redirect';
      readonly uri?: string;
      /** Instead of the prefix that matched; the rest of the path stays. */
      readonly prefixRewrite?: string;
      readonly authority?: string;
      readonly port?: number | 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT';
      readonly scheme?: string;
      readonly status: 301 | 302 | 303 | 307 | 308;
    }
  | { readonly kind: 'respond'; readonly status: number; readonly body?: Uint8Array }
  /** The routes of another VirtualService, which has no hosts, take the place of this one. */
  | { readonly kind: 'delegate'; readonly name: string; readonly namespace: string };

export interface RewriteSpec {
  readonly uri?: string;
  readonly authority?: string;
  readonly regex?: { readonly match: string; readonly rewrite: string };
}

export interface HttpRouteSpec {
  readonly name?: string;
  /** Alternatives; empty means everything. */
  readonly matches: readonly HttpMatchSpec[];
  readonly action: HttpActionSpec;
  readonly rewrite?: RewriteSpec;
  /** 0 and absent mean no limit; absent takes that of the route that delegates here. */
  readonly timeoutMs?: number;
  /** Absent: the mesh's default. */
  readonly retry?: RetrySpec;
  readonly fault?: FaultSpec;
  readonly mirrors: readonly MirrorSpec[];
  readonly cors?: CorsSpec;
  readonly headers: HeaderPolicy;
}

/** What a connection must look like; all that is said must hold. */
export interface TcpMatchSpec {
  /** Addresses or blocks the client connects to; empty: any. */
  readonly destinationSubnets: readonly string[];
  readonly port?: number;
  /** Labels of the client's workload; empty: any. Only for gateway `mesh`. */
  readonly sourceLabels: TextMap;
  /** Namespace of the client's workload. */
  readonly sourceNamespace?: string;
  /** Gateways this match is for, as written; empty: those of the VirtualService. */
  readonly gateways: readonly string[];
}

export interface TlsMatchSpec extends TcpMatchSpec {
  /** Server names of the client's hello, `*.example.com` among them; at least one, each covered by a host. */
  readonly sniHosts: readonly string[];
}

export interface TcpDestination extends DestinationRef {
  /** Relative share; 100 for an only destination. */
  readonly weight: number;
}

export interface TcpRouteSpec {
  /** Alternatives; empty means every connection. */
  readonly matches: readonly TcpMatchSpec[];
  readonly destinations: readonly TcpDestination[];
}

/** TLS that is not terminated: chosen by its server name. */
export interface TlsRouteSpec {
  /** Alternatives, at least one. */
  readonly matches: readonly TlsMatchSpec[];
  readonly destinations: readonly TcpDestination[];
}

export interface VirtualServiceSpec {
  /** Empty: routes that other VirtualServices delegate to. As written: short names, full names, `*.example.com`, `*` (with gateways only). Lower case. */
  readonly hosts: readonly string[];
  /** `mesh`, `NAME` or `NAMESPACE/NAME` as written; `['mesh']` by default, none of a delegate. */
  readonly gateways: readonly string[];
  readonly exportTo: ExportTo;
  readonly http: readonly HttpRouteSpec[];
  readonly tls: readonly TlsRouteSpec[];
  readonly tcp: readonly TcpRouteSpec[];
}
