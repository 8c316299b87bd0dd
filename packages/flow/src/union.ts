// A union: the members of several collections; a key is held by the first that has it, and the others are reported.
import { invariant } from './invariant.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Arrow, ComputedNode } from './node.ts';
import { Outputs } from './outputs.ts';
import { type Cell, type Input, Table } from './table.ts';
import type { TransformError } from './types.ts';

interface Part<K extends string, V> {
  readonly table: Table<K, V>;
  pending: Set<K>;
}

export class Union<K extends string, V> extends Table<K, V> implements ComputedNode {
  readonly shape = 'union';
  readonly arrows: readonly Arrow[];
  runs = 0;
  private readonly parts: readonly Part<K, V>[];
  private readonly outputs: Outputs<K, V, string>;

  constructor(name: string, from: readonly Table<K, V>[], lifecycle: Lifecycle) {
    super(name, Math.max(0, ...from.map((table) => table.rank)) + 1, lifecycle);
    invariant(new Set(from).size === from.length, `${name}: a collection is given twice to the union`);
    this.parts = from.map((table) => ({ table, pending: new Set(table.rows().keys()) }));
    this.outputs = new Outputs<K, V, string>(this.cells, Object.is);
    this.arrows = from.map((table) => ({ from: table.name, role: 'from' }));
    for (const part of this.parts) {
      part.table.subscribe((changes) => {
        for (const key of changes.keys()) part.pending.add(key);
      });
    }
  }

  flush(): void {
    for (const part of this.parts) {
      if (part.pending.size === 0) continue;
      for (const key of part.pending) this.take(part.table, key);
      part.pending = new Set();
    }
    this.emit(this.outputs.settle(this.lifecycle.epoch));
  }

  *errors(): Iterable<TransformError> {
    for (const { key, error, epoch } of this.outputs.conflicts()) {
      yield { collection: this.name, key, error, epoch };
    }
  }

  protected override inputsOf(key: K, cell: Cell<V>): readonly Input[] {
    return [{ collection: cell.owner, key, role: 'from' }];
  }

  private take(table: Table<K, V>, key: K): void {
    this.runs += 1;
    const value = table.peek(key);
    if (value === undefined) this.outputs.release(table.name, key);
    else if (!this.outputs.holds(table.name, key, value)) {
      this.outputs.put(table.name, key, { value, epoch: this.lifecycle.epoch });
    }
  }
}
