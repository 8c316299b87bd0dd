// The body of a WorkloadGroup: what every workload that joins it has in common.
import type { TextMap } from '../../values/shapes.ts';
import type { Probe } from '../pod/spec.ts';
import type { WorkloadEntrySpec } from '../workload-entry/spec.ts';

export interface WorkloadGroupSpec {
  /** Of the WorkloadEntries that are made. */
  readonly labels: TextMap;
  readonly annotations: TextMap;
  /** A WorkloadEntry without an address; its identity is that of the account `default` unless it says another. */
  readonly template: Omit<WorkloadEntrySpec, 'address'>;
  /** Without one a workload is healthy as long as it is connected. */
  readonly probe?: Probe;
}
