// The objects as they are now: bookkeeping, parsed values, places and verdicts, by key. Only the store writes it.
import type { AnyObject, ObjectKey, RawObject } from '@xebec/config';
import type { StoredObject, Tombstone } from './journal.ts';
import type { Verdict } from './types.ts';

export interface Entry {
  readonly stored: StoredObject;
  /** Absent when the stored manifest is not valid any more. */
  readonly object?: AnyObject;
  /** Where fields were written, while the text is at hand. */
  readonly place?: Pick<RawObject, 'origin' | 'locate'>;
}

export class Catalog {
  private readonly entriesByKind = new Map<string, Map<ObjectKey, Entry>>();
  readonly tombstones = new Map<ObjectKey, Tombstone>();
  readonly verdicts = new Map<ObjectKey, Verdict>();

  get(key: ObjectKey): Entry | undefined {
    return this.entriesByKind.get(kindOfKey(key))?.get(key);
  }

  set(key: ObjectKey, entry: Entry): void {
    const kind = kindOfKey(key);
    const entries = this.entriesByKind.get(kind) ?? new Map<ObjectKey, Entry>();
    this.entriesByKind.set(kind, entries.set(key, entry));
  }

  delete(key: ObjectKey): void {
    this.entriesByKind.get(kindOfKey(key))?.delete(key);
  }

  *entries(kind?: string): IterableIterator<Entry> {
    if (kind !== undefined) yield* this.entriesByKind.get(kind)?.values() ?? [];
    else for (const entries of this.entriesByKind.values()) yield* entries.values();
  }

  /** Objects that are persisted, by key. */
  persisted(): Map<ObjectKey, StoredObject> {
    const objects = new Map<ObjectKey, StoredObject>();
    for (const { stored } of this.entries()) if (stored.owner !== 'runtime') objects.set(stored.key, stored);
    return objects;
  }
}

const kindOfKey = (key: ObjectKey): string => key.slice(0, key.indexOf('/'));
