// The body of a ProxyConfig: with what the proxies of some workloads are started.
import type { TextMap } from '../../values/shapes.ts';

/** How one proxy is started. */
export interface ProxyLaunch {
  /** Worker threads; 0: as many as the machine has cores. */
  readonly concurrency?: number;
  /** Variables of the proxy's process; `ISTIO_META_NAME` is also NAME in its node's metadata. */
  readonly environment: TextMap;
}

export interface ProxyConfigSpec extends ProxyLaunch {
  /** Absent: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector?: TextMap;
}
