// Who may do what at a workload: the policies that hold there, as tests that its proxy can make.
import type { Cause, ObjectKey } from './reference.ts';

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
  readonly cause: Cause;
}

/** `AUDIT`: what matches is marked for the audit log, whatever is decided about it. */
export type AuthorizationAction = 'ALLOW' | 'DENY' | 'AUDIT';

export interface AuthorizationPolicy {
  readonly object: ObjectKey;
  readonly namespace: string;
  readonly name: string;
  readonly action: AuthorizationAction;
  /** One of them matches; without rules nothing does. */
  readonly rules: readonly AuthorizationRule[];
}

/** Whether a policy has a say in what is taken; the others only watch. */
export const isDecisive = ({ action }: AuthorizationPolicy): boolean => action !== 'AUDIT';

/**
 * In the order of namespace and name. A matching DENY policy refuses; else, where there is any ALLOW policy, one of
 * them must match; else everything is taken.
 */
export type Authorization = readonly AuthorizationPolicy[];
