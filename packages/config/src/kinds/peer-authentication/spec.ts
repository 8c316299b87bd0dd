// The body of a PeerAuthentication. UNSET inherits: port ← workload ← namespace ← mesh.
import type { TextMap } from '../../values/shapes.ts';

export type MutualTlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthenticationSpec {
  /** Absent: the whole namespace (the mesh, in the root namespace). */
  readonly selector?: TextMap;
  readonly mode: MutualTlsMode;
  /** By the port the application listens on; only with a selector. */
  readonly portModes: Readonly<Record<number, MutualTlsMode>>;
}
