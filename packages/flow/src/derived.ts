// A transform: runs at most once per input key and wave, and only for keys whose input or reads changed.
import { InvariantError } from './invariant.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Arrow, ComputedNode } from './node.ts';
import { forEachItem, isSameList, type OneOrList } from './one-or-many.ts';
import { Outputs } from './outputs.ts';
import { Reruns } from './reruns.ts';
import { type Cell, type Input, Table, tableOf } from './table.ts';
import type { DeriveOptions, Readable, TransformError } from './types.ts';

/** What one run emitted: all its output keys, and of them those with a new value. */
interface Emission<K extends string, V> {
  readonly keys: OneOrList<K> | undefined;
  readonly fresh: readonly (readonly [K, V])[];
}

export class Derived<I, T extends string, K extends string, V, R extends Readonly<Record<string, Readable>>>
  extends Table<K, V, T>
  implements ComputedNode
{
  readonly shape = 'transform';
  readonly arrows: readonly Arrow[];
  runs = 0;
  private readonly from: Table<T, I>;
  private readonly fn: DeriveOptions<I, T, K, V, R>['fn'];
  private readonly reruns: Reruns<T, R>;
  private readonly outputs: Outputs<K, V, T>;
  private readonly keysByInput = new Map<T, OneOrList<K>>();
  private readonly errorsByInput = new Map<T, TransformError>();

  constructor(options: DeriveOptions<I, T, K, V, R>, lifecycle: Lifecycle) {
    const from = tableOf(options.from, lifecycle);
    const reruns = new Reruns<T, R>(options.name, options.reads, lifecycle);
    super(options.name, Math.max(from.rank, reruns.rank) + 1, lifecycle);
    this.from = from;
    this.fn = options.fn;
    this.reruns = reruns;
    this.outputs = new Outputs(this.cells, options.equals ?? Object.is);
    this.arrows = [{ from: from.name, role: 'from' }, ...reruns.arrows];
    reruns.mark(from.rows().keys());
    from.subscribe((changes) => reruns.mark(changes.keys()));
  }

  flush(): void {
    const pending = this.reruns.takePending();
    if (pending.size === 0) return;
    for (const key of pending) {
      const value = this.from.peek(key);
      if (value === undefined) this.drop(key);
      else this.run(key, value);
    }
    this.emit(this.outputs.settle(this.lifecycle.epoch));
  }

  *errors(): Iterable<TransformError> {
    yield* this.errorsByInput.values();
    for (const { owner, error, epoch } of this.outputs.conflicts()) {
      yield { collection: this.name, key: owner, error, epoch };
    }
  }

  protected override inputsOf(_key: K, cell: Cell<V, T>): readonly Input[] {
    return [
      { collection: this.from.name, key: cell.owner, role: 'from' },
      ...this.reruns.inputsOf(cell.owner),
    ];
  }

  private run(key: T, value: I): void {
    this.runs += 1;
    const emission = this.attempt(key, value);
    if (emission !== undefined) this.apply(key, emission);
  }

  /** What the transform emits, or `undefined` when it threw: then everything stays as it was. */
  private attempt(key: T, value: I): Emission<K, V> | undefined {
    try {
      const emission = this.reruns.track(key, () => this.collect(key, value));
      this.errorsByInput.delete(key);
      return emission;
    } catch (error) {
      this.errorsByInput.set(key, { collection: this.name, key, error, epoch: this.lifecycle.epoch });
      return undefined;
    }
  }

  private drop(key: T): void {
    this.errorsByInput.delete(key);
    this.reruns.forget(key);
    this.apply(key, { keys: undefined, fresh: [] });
  }

  /** Everything of the user's that may throw is called here, before anything is changed. */
  private collect(input: T, value: I): Emission<K, V> {
    const emitted = [...this.fn(value, input, this.reruns.read)];
    const keys = this.distinctKeys(emitted);
    const fresh = emitted.filter(([key, output]) => !this.outputs.holds(input, key, output));
    return { keys, fresh };
  }

  private distinctKeys(emitted: readonly (readonly [K, V])[]): OneOrList<K> | undefined {
    const keys = emitted.map(([key, value]) => {
      if (value !== undefined) return key;
      throw new InvariantError(`"${key}" was emitted as undefined, which means absent: leave it out instead`);
    });
    if (keys.length < 2) return keys[0];
    if (new Set(keys).size === keys.length) return keys;
    const twice = keys.find((key, position) => keys.indexOf(key) !== position);
    throw new InvariantError(`"${twice}" was emitted twice by one run`);
  }

  private apply(input: T, { keys, fresh }: Emission<K, V>): void {
    const before = this.keysByInput.get(input);
    if (!isSameList(before, keys)) {
      const kept = new Set(typeof keys === 'string' ? [keys] : keys);
      forEachItem(before, (key) => {
        if (!kept.has(key)) this.outputs.release(input, key);
      });
      if (keys === undefined) this.keysByInput.delete(input);
      else this.keysByInput.set(input, keys);
    }
    const { epoch } = this.lifecycle;
    for (const [key, value] of fresh) this.outputs.put(input, key, { value, epoch });
  }
}
