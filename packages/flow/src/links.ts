// Who read what: the reads of one downstream node in one upstream, kept in both directions and retracted on each rerun.
import {
  forEachItem,
  isSameList,
  type OneOrList,
  type OneOrMany,
  withItem,
  withoutItem,
} from './one-or-many.ts';

export class Links<T extends string> {
  private readonly readersByKey = new Map<string, OneOrMany<T>>();
  private readonly keysByReader = new Map<T, OneOrList<string>>();

  /** Replaces all reads of `reader`; `undefined` forgets it. */
  track(reader: T, keys: OneOrList<string> | undefined): void {
    const before = this.keysByReader.get(reader);
    if (isSameList(before, keys)) return;
    forEachItem(before, (key) => this.unlink(key, reader));
    forEachItem(keys, (key) => this.readersByKey.set(key, withItem(this.readersByKey.get(key), reader)));
    if (keys === undefined) this.keysByReader.delete(reader);
    else this.keysByReader.set(reader, keys);
  }

  readersOf(key: string): OneOrMany<T> | undefined {
    return this.readersByKey.get(key);
  }

  keysReadBy(reader: T): OneOrList<string> | undefined {
    return this.keysByReader.get(reader);
  }

  private unlink(key: string, reader: T): void {
    const readers = this.readersByKey.get(key);
    const left = readers === undefined ? undefined : withoutItem(readers, reader);
    if (left === undefined) this.readersByKey.delete(key);
    else this.readersByKey.set(key, left);
  }
}

/** The distinct keys read during one run of a transform, in order of first read. */
export class ReadLog {
  private first: string | undefined;
  private all: Set<string> | undefined;

  record(key: string): void {
    if (this.first === undefined) this.first = key;
    else if (this.all !== undefined) this.all.add(key);
    else if (key !== this.first) this.all = new Set([this.first, key]);
  }

  /** What was recorded since the last call. */
  take(): OneOrList<string> | undefined {
    const taken = this.all === undefined ? this.first : [...this.all];
    this.first = undefined;
    this.all = undefined;
    return taken;
  }
}
