import type { PathNormalization } from '@xebec/config';
import type { Authentication, Authorization } from '@xebec/model';

export interface ServerCredentials {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly rootPem: string;
}

export interface EnvoyOptions {
  readonly address: string;
  readonly credentials: ServerCredentials;
  /** Of all HTTP cases. */
  readonly authentication: Authentication;
  /** By number of the case. */
  readonly http: readonly Authorization[];
  /** Each on a port of its own, from `firstTcpPort` on. */
  readonly tcp: readonly Authorization[];
  /** Where the provider answers. */
  readonly judgePort: number;
  /** Where connections that are let in go. */
  readonly upstream: { readonly address: string; readonly port: number };
}

export const firstTcpPort = 10_000;
/** Requests of each kind of normalization have a port. */
export const httpPorts: readonly (readonly [number, PathNormalization])[] = [
  [7000, 'NONE'],
  [7001, 'BASE'],
  [7002, 'MERGE_SLASHES'],
  [7003, 'DECODE_AND_MERGE_SLASHES'],
];
/** A request names its case in this header. */
export const caseHeader = 'x-differential-case';
