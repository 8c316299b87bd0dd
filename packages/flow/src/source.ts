// Collections written from outside: writes are staged and take effect together, or not at all.
import { invariant } from './invariant.ts';
import type { Lifecycle, Staging } from './lifecycle.ts';
import { type Input, Table } from './table.ts';
import type { Change, Equals, Source } from './types.ts';

export class SourceTable<K extends string, V> extends Table<K, V> implements Source<K, V>, Staging {
  private staged = new Map<K, V | undefined>();
  private prepared = new Map<K, Change<V>>();
  private readonly equals: Equals<V>;

  constructor(name: string, equals: Equals<V>, lifecycle: Lifecycle) {
    super(name, 0, lifecycle);
    this.equals = equals;
  }

  set(key: K, value: V): void {
    invariant(value !== undefined, `${this.name}: undefined means absent, delete "${key}" instead`);
    this.stage(key, value);
  }

  delete(key: K): void {
    this.stage(key, undefined);
  }

  prepare(): void {
    for (const [key, after] of this.staged) {
      const before = this.peek(key);
      if (!this.isSame(before, after)) this.prepared.set(key, { before, after });
    }
  }

  commit(): void {
    const changes = this.prepared;
    this.discard();
    for (const [key, { after }] of changes) this.write(key, after);
    this.emit(changes);
  }

  discard(): void {
    this.staged = new Map();
    this.prepared = new Map();
  }

  protected override inputsOf(): readonly Input[] {
    return [];
  }

  private stage(key: K, value: V | undefined): void {
    this.lifecycle.assertWritable(this.name);
    this.lifecycle.join(this);
    this.staged.set(key, value);
  }

  private isSame(before: V | undefined, after: V | undefined): boolean {
    if (before === undefined || after === undefined) return before === after;
    return this.equals(before, after);
  }

  private write(key: K, value: V | undefined): void {
    if (value === undefined) this.cells.delete(key);
    else this.cells.set(key, { value, epoch: this.lifecycle.epoch, owner: '' });
  }
}
