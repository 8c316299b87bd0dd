// The adapters inside the policy service: one line each.

import { type Adapter, type BuildRemoteHandler, inProcessAdapters, type PoolPorts } from '@xebec/policy';
import { createListSource } from './backends/lists/list-source.ts';
import type { WorkloadDirectory } from './doors/workload-directory.ts';

/** What adapters that do I/O need of the process. */
export interface AdapterSurroundings {
  /** Holds what adapters keep. */
  readonly stateDirectory: string;
  readonly quotas: PoolPorts;
  /** Who is who. */
  readonly workloads: WorkloadDirectory;
  /** How adapters outside are called. */
  readonly buildRemote: BuildRemoteHandler;
}

export const createAdapters = ({
  quotas,
  workloads,
  buildRemote,
}: AdapterSurroundings): readonly Adapter[] => [
  ...inProcessAdapters({ quotas, workloads, buildRemote, lists: createListSource() }),
];
