// Which keys of a transform must run: those whose tracked reads changed; and the readers that do the tracking.
import { InvariantError } from './invariant.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Arrow } from './node.ts';
import { forEachItem, type OneOrMany } from './one-or-many.ts';
import { openReadSlot, type ReadSlot, type Tracker } from './read-slot.ts';
import type { Input } from './table.ts';
import type { Readable, Reads } from './types.ts';

export class Reruns<T extends string, R extends Readonly<Record<string, Readable>>> implements Tracker<T> {
  readonly lifecycle: Lifecycle;
  /** The greatest rank of what is read. */
  readonly rank: number;
  /** What the transform is handed: one reader for each declared read. */
  readonly read: Reads<R>;
  readonly arrows: readonly Arrow[];
  private readonly name: string;
  private readonly slots: readonly ReadSlot<T>[];
  private pending = new Set<T>();
  private isRunning = false;

  constructor(name: string, reads: R | undefined, lifecycle: Lifecycle) {
    this.name = name;
    this.lifecycle = lifecycle;
    const slots = Object.entries(reads ?? {}).map(([as, of]) => ({ as, slot: openReadSlot<T>(of, this) }));
    this.slots = slots.map(({ slot }) => slot);
    this.rank = Math.max(0, ...this.slots.map((slot) => slot.rank));
    this.arrows = this.slots.map((slot) => slot.arrow);
    // The names and kinds of the readers follow `reads`, which the compiler cannot see through Object.entries.
    this.read = Object.fromEntries(slots.map(({ as, slot }) => [as, slot.reader])) as Reads<R>;
  }

  assertRunning(): void {
    if (this.isRunning) return;
    throw new InvariantError(`${this.name}: a reader was used after its run, when reads are not tracked`);
  }

  markPending(keys: OneOrMany<T> | undefined): void {
    forEachItem(keys, (key) => this.pending.add(key));
  }

  mark(keys: Iterable<T>): void {
    for (const key of keys) this.pending.add(key);
  }

  takePending(): ReadonlySet<T> {
    const taken = this.pending;
    if (taken.size > 0) this.pending = new Set();
    return taken;
  }

  /** Runs `work` for `key`; what it reads, also up to a throw, becomes what `key` depends on. */
  track<E>(key: T, work: () => E): E {
    this.isRunning = true;
    try {
      return work();
    } finally {
      this.isRunning = false;
      for (const slot of this.slots) slot.keep(key);
    }
  }

  forget(key: T): void {
    for (const slot of this.slots) slot.forget(key);
  }

  inputsOf(key: T): readonly Input[] {
    return this.slots.flatMap((slot) => slot.inputsOf(key));
  }
}
