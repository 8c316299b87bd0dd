// A way from a client to the application, and the proxies on it.
import type { RunningEnvoy } from '../envoys/envoy-process.ts';
import type { Destination } from '../envoys/requests.ts';

export interface Pair {
  readonly name: string;
  readonly to: Destination;
  readonly envoys: readonly RunningEnvoy[];
  close(): Promise<void>;
}
