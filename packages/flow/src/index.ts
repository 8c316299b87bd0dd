// The public surface of flow: keyed incremental collections that are always consistent with one epoch.
export { createGraph } from './graph.ts';
export { InvariantError } from './invariant.ts';
export type {
  Change,
  Changes,
  Collection,
  DeriveOptions,
  EpochEvent,
  Equals,
  Explanation,
  Graph,
  Index,
  Readable,
  Reads,
  Source,
  TransformError,
} from './types.ts';
export { WatcherError } from './watchers.ts';
