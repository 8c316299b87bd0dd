// The public types of the store: what may be asked, and what is answered.
import type { AnyObject, KindName, ObjectKey, ObjectLookup, ObjectOf, RawObject } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Diagnostic, Origin, Result } from '@xebec/std';
import type { CheckTogether } from './check-together.ts';
import type { Journal, JournalContent, Manifest, Owner, StoredObject, Tombstone } from './journal.ts';

export interface StoreOptions {
  readonly graph: Graph;
  readonly journal: Journal;
  /** What the journal held when it was opened; nothing by default. */
  readonly recovered?: JournalContent;
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  /** Random UUIDs by default. */
  readonly newUid?: () => string;
  /** Revisions that stay readable; 1,000 by default. */
  readonly historyLimit?: number;
  /** Transactions a watcher may be behind; 1,000 by default. */
  readonly watchLimit?: number;
  /** Called with every change before it is taken. */
  readonly checkTogether?: CheckTogether;
}

/** `all-or-nothing`: one bad object refuses the change. `each`: a bad object keeps its last good value, the rest goes on. */
export type ApplyMode = 'all-or-nothing' | 'each';

/** One transaction to be. */
export interface ChangeRequest {
  readonly upserts?: readonly RawObject[];
  readonly deletes?: readonly ObjectKey[];
  readonly author: string;
  readonly owner: Owner;
  readonly mode: ApplyMode;
  /** Everything but the change itself. */
  readonly dryRun?: boolean;
  /** Optimistic concurrency: the resource version each object must have; empty means that it must not exist. */
  readonly expected?: Readonly<Record<ObjectKey, string>>;
  readonly message?: string;
  /** `default` unless said otherwise. */
  readonly defaultNamespace?: string;
}

export type ChangeKind = 'created' | 'configured' | 'unchanged' | 'deleted';

export interface AppliedChange {
  readonly key: ObjectKey;
  readonly change: ChangeKind;
  readonly origin: Origin;
}

/** A document that was not taken. */
export interface Refusal {
  /** Absent when the document does not even say what it is. */
  readonly key?: ObjectKey;
  readonly origin: Origin;
  readonly diagnostics: readonly Diagnostic[];
}

/** The newest text of an object was refused; until it is good, the last good value stands. */
export interface Verdict extends Refusal {
  readonly key: ObjectKey;
  readonly owner: Owner;
}

export interface Applied {
  /** Absent for a dry run and when nothing changed. */
  readonly revision?: Revision;
  readonly changes: readonly AppliedChange[];
  /** Always empty in mode `all-or-nothing`. */
  readonly refused: readonly Refusal[];
}

export interface RevisionChange {
  readonly key: ObjectKey;
  readonly change: 'created' | 'configured' | 'deleted';
  readonly before?: Manifest;
  readonly after?: Manifest;
}

export interface Revision {
  readonly number: number;
  /** RFC 3339. */
  readonly time: string;
  readonly author: string;
  readonly owner: Owner;
  readonly message: string;
  readonly changes: readonly RevisionChange[];
  /** The graph's epoch that made it visible; unknown for revisions of an earlier process. */
  readonly epoch?: number;
}

export interface StoreObject extends StoredObject {
  /** Absent when what the journal holds is not valid any more; `status` says why. */
  readonly object?: AnyObject;
}

export type ObjectStatus =
  | { readonly accepted: true; readonly generation: number; readonly resourceVersion: string }
  | {
      readonly accepted: false;
      readonly diagnostics: readonly Diagnostic[];
      /** Resource version of the value that stands, if any does. */
      readonly lastGood?: string;
    };

export interface WatchChange {
  readonly type: 'set' | 'delete';
  readonly key: ObjectKey;
  /** The new value, or the last one of a deleted object. */
  readonly object: StoreObject;
}

/** One applied transaction. */
export interface WatchEvent {
  /** Where a later watch can go on; decimal, grows, also over restarts. */
  readonly version: string;
  /** Absent for changes of runtime objects. */
  readonly revision?: number;
  readonly changes: readonly WatchChange[];
}

/** An earlier value of an object. */
export interface PastValue {
  readonly object: AnyObject;
  readonly resourceVersion: string;
}

export interface Store {
  /** Valid objects of a kind; equal as long as metadata and spec are. */
  source<K extends KindName>(kind: K): Collection<ObjectKey, ObjectOf<K>>;
  /** What cross-object checks ask. */
  readonly lookup: ObjectLookup;
  /** One transaction: persisted first, then visible at once. A change that changes nothing makes no revision. */
  apply(change: ChangeRequest): Result<Applied>;
  /** Restores the state after `revision` by a new revision. */
  rollback(revision: number, author: string): Result<Applied>;

  /** Number of the newest revision; 0 before the first. */
  readonly latest: number;
  /** Newest first. */
  history(options?: { readonly limit?: number }): readonly Revision[];
  revision(number: number): Revision | undefined;
  /** Manifests after a revision, by key in key order. */
  objectsAt(revision: number): Result<ReadonlyMap<ObjectKey, Manifest>>;

  get(key: ObjectKey): StoreObject | undefined;
  /** In key order. */
  list(kind?: KindName, namespace?: string): readonly StoreObject[];
  /** Everything a source declared: objects, and those deleted by others since. */
  ownedBy(owner: Owner): readonly (StoreObject | Tombstone)[];
  status(key: ObjectKey): ObjectStatus | undefined;
  verdicts(): readonly Verdict[];
  /** Where an object, or a field such as `spec.http[0].route[1]`, was written. */
  locate(key: ObjectKey, field?: string): Origin | undefined;

  /** Different earlier values of an object, newest first, at most `limit`. */
  pastValues(key: ObjectKey, limit: number): readonly PastValue[];
  /** Puts an earlier value in force, or none, until the object is written again; `get` and the journal keep what was written. */
  hold(key: ObjectKey, value: PastValue | 'absent'): boolean;
  /** Ends `hold`. */
  release(key: ObjectKey): void;

  /** Version to list at: a watch since it misses nothing. */
  readonly version: string;
  /** Calls back after every transaction, first for those since `since`; fails with `expired` when they are forgotten. */
  watch(listener: (event: WatchEvent) => void, since?: string): Result<Disposable>;

  /** Sets an object that the platform makes (Pod): neither history nor journal. */
  putRuntime(manifest: Manifest): Result<StoreObject>;
  /** False when there is no such runtime object. */
  deleteRuntime(key: ObjectKey): boolean;
}
