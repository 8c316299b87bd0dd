// The last revisions and what they changed; earlier states are found by undoing from the present one.
import type { ObjectKey } from '@xebec/config';
import type { StoredChange, StoredObject, StoredRevision } from './journal.ts';
import type { Revision } from './types.ts';

export interface PastChange extends StoredChange {
  readonly before?: StoredObject;
}

export interface PastRevision extends StoredRevision {
  readonly changes: readonly PastChange[];
  readonly epoch?: number;
}

export class History {
  private readonly revisions: PastRevision[] = [];
  private readonly limit: number;
  private first: number;

  /** `base` is the number of the state that the first revision changes. */
  constructor(base: number, limit: number) {
    this.first = base + 1;
    this.limit = limit;
  }

  get latest(): number {
    return this.first + this.revisions.length - 1;
  }

  /** The oldest state that is still known. */
  get base(): number {
    return this.first - 1;
  }

  /** Oldest first. */
  all(): readonly PastRevision[] {
    return this.revisions;
  }

  add(revision: PastRevision): void {
    this.revisions.push(revision);
    if (this.revisions.length <= this.limit) return;
    this.revisions.shift();
    this.first++;
  }

  find(number: number): PastRevision | undefined {
    return this.revisions[number - this.first];
  }

  /** Turns the present state into the state after `number`; false when that is forgotten or yet to come. */
  rewind(present: Map<ObjectKey, StoredObject>, number: number): boolean {
    if (!Number.isSafeInteger(number) || number < this.base || number > this.latest) return false;
    for (let position = this.revisions.length - 1; position >= number - this.first + 1; position--) {
      for (const { key, before } of this.revisions[position]?.changes ?? []) {
        if (before === undefined) present.delete(key);
        else present.set(key, before);
      }
    }
    return true;
  }
}

/** A revision as the store shows it. */
export function shownRevision({
  number,
  time,
  author,
  owner,
  message,
  changes,
  epoch,
}: PastRevision): Revision {
  return {
    ...{ number, time, author, owner, message },
    changes: changes.map(({ key, change, before, after }) => ({
      ...{ key, change },
      ...(before === undefined ? {} : { before: before.manifest }),
      ...(after === undefined ? {} : { after: after.manifest }),
    })),
    ...(epoch === undefined ? {} : { epoch }),
  };
}
