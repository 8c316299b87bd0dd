// The body of a WorkloadEntry; also the shape of an endpoint inside a ServiceEntry.
import type { Locality, TextMap } from '../../values/shapes.ts';

export interface WorkloadEntrySpec {
  /** IP address, `unix:///path`, or (DNS resolution only) a host name; empty: only the gateways of its network lead there. */
  readonly address: string;
  /** Port name of the ServiceEntry → port of this workload. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: TextMap;
  /** Empty when it has no identity. */
  readonly serviceAccount: string;
  /** Empty: its labels or the mesh say it. */
  readonly network: string;
  readonly locality?: Locality;
  /** At least 1. */
  readonly weight: number;
  /** Its status says that it is not healthy; absent otherwise. */
  readonly isUnhealthy?: true;
}
