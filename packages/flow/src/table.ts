// The rows every collection holds, and how a change of them reaches indexes, transforms and watchers.
import { InvariantError } from './invariant.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Changes, Collection, EpochEvent, Explanation } from './types.ts';
import { Watchers } from './watchers.ts';

/** One row. `owner` is who produced it: an input key, or for a union a collection. */
export interface Cell<V, O extends string = string> {
  value: V;
  /** Epoch of the last change of the value. */
  epoch: number;
  owner: O;
}

export type Input = Explanation['inputs'][number];

export abstract class Table<K extends string, V, O extends string = string> implements Collection<K, V> {
  readonly kind = 'collection';
  readonly name: string;
  /** Greater than the rank of everything this reads. */
  readonly rank: number;
  readonly watchers = new Watchers<EpochEvent<K, V>>();
  protected readonly cells = new Map<K, Cell<V, O>>();
  protected readonly lifecycle: Lifecycle;
  private readonly subscribers: ((changes: Changes<K, V>) => void)[] = [];

  constructor(name: string, rank: number, lifecycle: Lifecycle) {
    this.name = name;
    this.rank = rank;
    this.lifecycle = lifecycle;
  }

  get size(): number {
    this.lifecycle.assertReadable(this.name);
    return this.cells.size;
  }

  get(key: K): V | undefined {
    this.lifecycle.assertReadable(this.name);
    return this.cells.get(key)?.value;
  }

  has(key: K): boolean {
    this.lifecycle.assertReadable(this.name);
    return this.cells.has(key);
  }

  keys(): IterableIterator<K> {
    this.lifecycle.assertReadable(this.name);
    return this.cells.keys();
  }

  *entries(): IterableIterator<[K, V]> {
    this.lifecycle.assertReadable(this.name);
    for (const [key, cell] of this.cells) yield [key, cell.value];
  }

  belongsTo(lifecycle: Lifecycle): boolean {
    return this.lifecycle === lifecycle;
  }

  /** The value for nodes of the graph, also during a wave. */
  peek(key: K): V | undefined {
    return this.cells.get(key)?.value;
  }

  rows(): ReadonlyMap<K, Cell<V, O>> {
    return this.cells;
  }

  /** Called during the wave, before anything of a greater rank runs. */
  subscribe(subscriber: (changes: Changes<K, V>) => void): void {
    this.subscribers.push(subscriber);
  }

  explain(key: K): Explanation | undefined {
    const cell = this.cells.get(key);
    if (cell === undefined) return undefined;
    return { collection: this.name, key, epoch: cell.epoch, inputs: this.inputsOf(key, cell) };
  }

  protected abstract inputsOf(key: K, cell: Cell<V, O>): readonly Input[];

  protected emit(changes: Changes<K, V>): void {
    if (changes.size === 0) return;
    for (const subscriber of this.subscribers) subscriber(changes);
    if (this.watchers.size === 0) return;
    this.lifecycle.deliverLater(this.watchers.prepare({ epoch: this.lifecycle.epoch, changes }));
  }
}

/** The table behind a collection of this graph. */
export function tableOf<K extends string, V>(of: Collection<K, V>, lifecycle: Lifecycle): Table<K, V> {
  if (of instanceof Table && of.belongsTo(lifecycle)) return of;
  throw new InvariantError(`${of.name} is not a collection of this graph`);
}
