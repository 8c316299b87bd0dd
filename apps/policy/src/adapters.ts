// The adapters inside the policy service: one line each.
import { type Adapter, inProcessAdapters } from '@xebec/policy';

/** What adapters that do I/O need of the process. */
export interface AdapterSurroundings {
  /** Holds what adapters keep. */
  readonly stateDirectory: string;
}

export const createAdapters = (_surroundings: AdapterSurroundings): readonly Adapter[] => [
  ...inProcessAdapters({}),
];
