// What a workload accepts: mutual TLS per port.
import type { Cause } from './reference.ts';

export type MutualTls = 'STRICT' | 'PERMISSIVE' | 'DISABLE';

/** The mutual TLS modes of one workload, after mesh, namespace and workload policies are merged. */
export interface PeerPolicy {
  readonly mode: MutualTls;
  /** By the port the application listens on. */
  readonly portModes: Readonly<Record<number, MutualTls>>;
  readonly causes: readonly Cause[];
}
