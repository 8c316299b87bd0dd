// Services behind which no proxy of the mesh stands: rules about them are enforced by the last proxy on the way.
import type { Authorization } from './authorization.ts';
import type { Host } from './service.ts';

export interface OutsideChecks {
  readonly host: Host;
  /** Of the service: how rules name it. */
  readonly name: string;
  readonly namespace: string;
  /** Never empty. */
  readonly authorization: Authorization;
}
