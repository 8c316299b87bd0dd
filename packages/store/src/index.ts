// The public surface of the store.
export type { CheckTogether, ObjectsToBe } from './check-together.ts';
export { parseFieldPath } from './field-path.ts';
export type {
  Journal,
  JournalContent,
  Manifest,
  Owner,
  StoredChange,
  StoredObject,
  StoredRevision,
  Tombstone,
} from './journal.ts';
export { shownManifest } from './manifest.ts';
export { createMemoryJournal } from './memory-journal.ts';
export { duplicate, identify } from './reading.ts';
export { diffChange, diffRevision } from './revision-diff.ts';
export { createStore } from './store.ts';
export type {
  Applied,
  AppliedChange,
  ApplyMode,
  ChangeKind,
  ChangeRequest,
  ObjectStatus,
  PastValue,
  Refusal,
  Revision,
  RevisionChange,
  Store,
  StoreObject,
  StoreOptions,
  Verdict,
  WatchChange,
  WatchEvent,
} from './types.ts';
