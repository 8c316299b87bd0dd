// The adapters inside the policy service: one line each.
import { type Adapter, inProcessAdapters, type PoolPorts } from '@xebec/policy';

/** What adapters that do I/O need of the process. */
export interface AdapterSurroundings {
  /** Holds what adapters keep. */
  readonly stateDirectory: string;
  readonly quotas: PoolPorts;
}

export const createAdapters = ({ quotas }: AdapterSurroundings): readonly Adapter[] => [
  ...inProcessAdapters({ quotas }),
];
