// What the store asks of persistence, and the shapes that are persisted: plain JSON, whole after a crash or not there.
import type { ObjectKey } from '@xebec/config';
import type { Origin, Result } from '@xebec/std';

/** Who declares an object: `api`, the platform itself, or a source such as `file:DIRECTORY`. */
export type Owner = 'api' | 'runtime' | `${string}:${string}`;

/** As written, with its namespace filled in and without the fields that the store itself keeps. */
export type Manifest = Readonly<Record<string, unknown>>;

/** An object and its bookkeeping. */
export interface StoredObject {
  readonly key: ObjectKey;
  readonly manifest: Manifest;
  /** Decimal number of the revision that last changed it. Runtime objects count on their own. */
  readonly resourceVersion: string;
  /** Counts changes of the spec only. */
  readonly generation: number;
  readonly uid: string;
  /** RFC 3339. */
  readonly creationTimestamp: string;
  readonly owner: Owner;
  /** Who changed it last. */
  readonly author: string;
  readonly origin: Origin;
  /** Hash of the document the owning source last applied: what it holds is applied again only when it differs. */
  readonly sourceHash?: string;
}

/** An object that a source still declares and somebody deleted: it stays deleted until its document changes. */
export interface Tombstone {
  readonly key: ObjectKey;
  readonly owner: Owner;
  readonly sourceHash: string;
}

export interface StoredChange {
  readonly key: ObjectKey;
  readonly change: 'created' | 'configured' | 'deleted';
  /** Absent when deleted. */
  readonly after?: StoredObject;
  readonly tombstone?: Tombstone;
}

/** One transaction. */
export interface StoredRevision {
  readonly number: number;
  /** RFC 3339. */
  readonly time: string;
  readonly author: string;
  readonly owner: Owner;
  readonly message: string;
  readonly changes: readonly StoredChange[];
}

/** A state and the revisions that follow it without a gap. */
export interface JournalContent {
  readonly base: {
    /** Number of the revision the state stands for; 0 before the first. */
    readonly revision: number;
    readonly objects: readonly StoredObject[];
    readonly tombstones: readonly Tombstone[];
  };
  readonly revisions: readonly StoredRevision[];
}

/** Keeps revisions. Both calls are all or nothing, and what they report as done survives a crash. */
export interface Journal {
  append(revision: StoredRevision): Result<undefined>;
  /** Replaces everything kept so far by content that means the same. */
  rewrite(content: JournalContent): Result<undefined>;
}

export const emptyContent: JournalContent = {
  base: { revision: 0, objects: [], tombstones: [] },
  revisions: [],
};
