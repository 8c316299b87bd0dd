// A group: for each anchor that has members the set of their keys, a new set only when a member comes or goes.
import type { KeyedIndex } from './keyed-index.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Arrow, ComputedNode } from './node.ts';
import { type Input, Table } from './table.ts';
import type { Change, TransformError } from './types.ts';

export class Group<A extends string, K extends string, V>
  extends Table<A, ReadonlySet<K>>
  implements ComputedNode
{
  readonly shape = 'group';
  readonly arrows: readonly Arrow[];
  runs = 0;
  private readonly index: KeyedIndex<A, K, V>;
  private pending: Set<A>;

  constructor(name: string, index: KeyedIndex<A, K, V>, lifecycle: Lifecycle) {
    super(name, index.rank + 1, lifecycle);
    this.index = index;
    this.arrows = [{ from: index.of.name, role: 'from', via: index.name }];
    this.pending = new Set(index.allAnchors());
    index.subscribe((anchor, change) => {
      if (change !== 'values') this.pending.add(anchor);
    });
  }

  flush(): void {
    if (this.pending.size === 0) return;
    const changes = new Map<A, Change<ReadonlySet<K>>>();
    for (const anchor of this.pending) {
      this.runs += 1;
      const before = this.peek(anchor);
      const members = this.index.peek(anchor);
      const after = members.length === 0 ? undefined : new Set(members.map(([key]) => key));
      if (before === undefined && after === undefined) continue;
      this.write(anchor, after);
      changes.set(anchor, { before, after });
    }
    this.pending = new Set();
    this.emit(changes);
  }

  errors(): Iterable<TransformError> {
    return [];
  }

  protected override inputsOf(anchor: A): readonly Input[] {
    const members = this.index.peek(anchor);
    return [
      { collection: this.index.label, key: anchor, role: 'index' },
      ...members.map(([key]): Input => ({ collection: this.index.of.name, key, role: 'from' })),
    ];
  }

  private write(anchor: A, value: ReadonlySet<K> | undefined): void {
    if (value === undefined) this.cells.delete(anchor);
    else this.cells.set(anchor, { value, epoch: this.lifecycle.epoch, owner: anchor });
  }
}
