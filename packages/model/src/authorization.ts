// Who may do what at a workload: the policies that hold there, as tests that its proxy can make.
import type { Cause, ObjectKey } from './reference.ts';
import type { Host } from './service.ts';

export type TextPattern =
  | { readonly kind: 'exact' | 'prefix' | 'suffix'; readonly value: string }
  /** Any value, as long as there is one. */
  | { readonly kind: 'present' }
  /** Of paths: `/cars/{*}/tires`, `/files/{**}`. */
  | { readonly kind: 'template'; readonly value: string };

export type AuthorizationAttribute =
  /** The peer's SPIFFE id without its scheme. */
  | 'principal'
  | 'namespace'
  /** `NAMESPACE/NAME`. */
  | 'service-account'
  /** Of the connection's other end; values are addresses or blocks. */
  | 'peer-address'
  /** Of the client, as trusted proxies tell it. */
  | 'client-address'
  | 'destination-address'
  | 'destination-port'
  | 'server-name'
  | 'host'
  | 'method'
  | 'path'
  /** `ISSUER/SUBJECT` of the end user's verified token. */
  | 'request-principal'
  | { readonly header: string }
  /** Of the end user's verified token, with the names that lead to it: a text, or a list of texts. */
  | { readonly claim: readonly string[] };

/** One of the values matches; negated: none of them does. */
export interface AuthorizationTest {
  readonly attribute: AuthorizationAttribute;
  readonly values: readonly TextPattern[];
  readonly isNegated: boolean;
}

/** All tests of one alternative hold. */
export type AuthorizationAlternative = readonly AuthorizationTest[];

export interface AuthorizationRule {
  /** One of them holds; empty: any client. */
  readonly clients: readonly AuthorizationAlternative[];
  /** One of them holds; empty: any request. */
  readonly requests: readonly AuthorizationAlternative[];
  /** All of them hold. */
  readonly conditions: AuthorizationAlternative;
  /** It never matches a connection, of which there are no requests. */
  readonly isAboutRequests?: true;
  readonly cause: Cause;
}

/**
 * `AUDIT`: what matches is marked for the audit log, whatever is decided about it. `CUSTOM`: a provider is asked
 * about what matches. `QUOTA`: of requests that match the proxy takes as many as the provider has assigned it; about
 * connections the provider is asked. `REPORT`: a provider is told of every call when it is over; rules are not looked at.
 */
export type AuthorizationAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM' | 'QUOTA' | 'REPORT';

/** A service that is asked about calls. */
export interface AuthorizationProvider {
  readonly name: string;
  readonly protocol: 'http' | 'grpc';
  readonly host: Host;
  readonly port: number;
  readonly timeoutMs: number;
  /** What it is asked about is let pass when it does not answer. */
  readonly failOpen: boolean;
  /** After it has allowed a request, its route is looked for anew. */
  readonly clearRouteCache: boolean;
  /** Absent: 403. */
  readonly statusOnError?: number;
  /** It is the mesh's own policy service: asked in a way that no application's traffic can take. */
  readonly isPolicyService?: true;
  /** Over gRPC: metadata of each call. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The request's body is sent along. */
  readonly body?: {
    readonly maxRequestBytes: number;
    readonly allowPartialMessage: boolean;
    readonly packAsBytes: boolean;
  };
  /** Over HTTP: how it is asked, and which of its headers count. Empty `…OnDeny`: all of them. */
  readonly http?: {
    readonly pathPrefix: string;
    readonly requestHeaders: readonly TextPattern[];
    readonly additionalHeaders: Readonly<Record<string, string>>;
    readonly headersToUpstreamOnAllow: readonly TextPattern[];
    readonly headersToDownstreamOnDeny: readonly TextPattern[];
    readonly headersToDownstreamOnAllow: readonly TextPattern[];
  };
}

/** A provider that cannot be asked: what it would be asked about is refused. */
export interface MissingProvider {
  readonly name: string;
  /** What is wrong with it, in words. */
  readonly problem: string;
  readonly remedy: string;
  /** Somebody else has taken its name: whoever would be let through without it is refused, too. */
  readonly isForged?: true;
}

/** Whether there is somebody to ask. */
export const isAskable = (
  provider: AuthorizationProvider | MissingProvider,
): provider is AuthorizationProvider => !('problem' in provider);

export interface AuthorizationPolicy {
  readonly object: ObjectKey;
  /** What else it is made of. */
  readonly parts?: readonly ObjectKey[];
  readonly namespace: string;
  readonly name: string;
  readonly action: AuthorizationAction;
  /** It is tried: what it would decide is noted down, and not enforced. */
  readonly isDryRun?: true;
  /** `CUSTOM`, `QUOTA` and `REPORT` have one. */
  readonly provider?: AuthorizationProvider | MissingProvider;
  /** One of them matches; without rules nothing does. */
  readonly rules: readonly AuthorizationRule[];
  /** Of `DENY`: what a refused request is answered with; absent: 403 and the proxy's own words. */
  readonly refusal?: Refusal;
  /** Of `CUSTOM`: who is asked may have headers of the answer taken away. */
  readonly removesHeaders?: true;
  /** Of `QUOTA`. */
  readonly quota?: AssignedQuota;
  /** Of `REPORT`: names of the headers that are told, in lower case. */
  readonly toldHeaders?: { readonly request: readonly string[]; readonly response: readonly string[] };
  /** Of `REPORT`: what answers of language models say they cost is read and told too. */
  readonly readsUsage?: true;
}

/** What a proxy counts by itself, against parts that it gets beforehand. */
export interface AssignedQuota {
  /** As its provider calls it. */
  readonly name: string;
  /** Units of each request, at least 1. */
  readonly charge: number;
  /** Each caller is counted by itself, by its SPIFFE id. */
  readonly countsCallers: boolean;
  /** What a refused request is answered. */
  readonly text: string;
  /** Digits: what requests are told of the limit; absent: it is not the same for all. */
  readonly limit?: string;
}

export interface Refusal {
  readonly httpStatus: number;
  /** A format of access logs: `%` is written `%%`. */
  readonly text: string;
}

/** Whether a policy has a say in what is taken; the others only watch. */
export const isDecisive = ({ action, isDryRun }: AuthorizationPolicy): boolean =>
  action !== 'AUDIT' && action !== 'REPORT' && isDryRun !== true;

/**
 * In the order of namespace and name. The providers of matching CUSTOM policies must allow; then a matching DENY policy
 * refuses; else, where there is any ALLOW policy, one of them must match; else everything is taken that no quota refuses.
 */
export type Authorization = readonly AuthorizationPolicy[];
