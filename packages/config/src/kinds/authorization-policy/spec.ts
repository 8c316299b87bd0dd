// The body of an AuthorizationPolicy: who may do what, under which conditions.
import type { TextMap } from '../../values/shapes.ts';

/** A text as policies compare it: whole, by its beginning, by its end, or whether there is one at all. */
export type TextPattern =
  | { readonly kind: 'exact' | 'prefix' | 'suffix'; readonly value: string }
  | { readonly kind: 'present' };

/** A path may also be a template: `/cars/{*}/tires`, `/files/{**}`. */
export type PathPattern = TextPattern | { readonly kind: 'template'; readonly value: string };

/** All that are given must hold, each by one of its values; `not…` by none of them. */
export interface AuthorizationSource {
  readonly principals: readonly TextPattern[];
  readonly notPrincipals: readonly TextPattern[];
  /** `ISSUER/SUBJECT` of the end user's token. */
  readonly requestPrincipals: readonly TextPattern[];
  readonly notRequestPrincipals: readonly TextPattern[];
  readonly namespaces: readonly TextPattern[];
  readonly notNamespaces: readonly TextPattern[];
  /** `NAMESPACE/NAME`. */
  readonly serviceAccounts: readonly string[];
  readonly notServiceAccounts: readonly string[];
  /** Of the connection's other end. */
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  /** Of the client, as X-Forwarded-For says it where that is believed. */
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
}

export interface AuthorizationOperation {
  readonly hosts: readonly TextPattern[];
  readonly notHosts: readonly TextPattern[];
  readonly ports: readonly number[];
  readonly notPorts: readonly number[];
  readonly methods: readonly TextPattern[];
  readonly notMethods: readonly TextPattern[];
  readonly paths: readonly PathPattern[];
  readonly notPaths: readonly PathPattern[];
}

export type ConditionKey =
  | { readonly kind: 'header'; readonly name: string }
  /** The names that lead to a claim of the end user's token. */
  | { readonly kind: 'claim'; readonly path: readonly string[] }
  | {
      readonly kind:
        | 'source.ip'
        | 'remote.ip'
        | 'source.namespace'
        | 'source.principal'
        | 'source.serviceAccount'
        | 'destination.ip'
        | 'destination.port'
        | 'connection.sni'
        | 'request.auth.principal'
        | 'request.auth.audiences'
        | 'request.auth.presenter';
    };

/** `values`: one of them holds; `notValues`: none of them does. */
export interface AuthorizationCondition {
  readonly key: ConditionKey;
  readonly values: readonly TextPattern[];
  readonly notValues: readonly TextPattern[];
}

export interface AuthorizationRule {
  /** One of them holds; empty: anybody. */
  readonly sources: readonly AuthorizationSource[];
  /** One of them holds; empty: anything. */
  readonly operations: readonly AuthorizationOperation[];
  /** All of them hold. */
  readonly conditions: readonly AuthorizationCondition[];
}

export interface AuthorizationPolicySpec {
  /** Absent: the whole namespace (the mesh, in the root namespace). */
  readonly selector?: TextMap;
  /** Instead of a selector: Gateways of the Kubernetes API in its namespace. */
  readonly targetGateways?: readonly string[];
  /** `AUDIT` decides nothing: what matches is marked for the audit log. */
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** `CUSTOM`: the provider that is asked about what matches; one of MeshConfig's `extensionProviders`. */
  readonly provider?: string;
  /** Annotation `istio.io/dry-run`: what it would decide is noted down, and not enforced. */
  readonly isDryRun?: true;
  /** A policy without rules matches nothing. */
  readonly rules: readonly AuthorizationRule[];
}
