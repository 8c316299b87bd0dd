// The public types of flow: what a graph of keyed incremental collections offers and promises.

export type Equals<V> = (left: V, right: V) => boolean;

/** One key's change within one epoch; `undefined` means absent. */
export interface Change<V> {
  readonly before: V | undefined;
  readonly after: V | undefined;
}
export type Changes<K, V> = ReadonlyMap<K, Change<V>>;

/** A keyed set of values that is always consistent with the graph's epoch. Reading it outside a transform is for servers and tests. */
export interface Collection<K extends string, V> {
  readonly kind: 'collection';
  readonly name: string;
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  keys(): IterableIterator<K>;
  entries(): IterableIterator<[K, V]>;
}

/** A collection that is written from outside, only inside `transact`. */
export interface Source<K extends string, V> extends Collection<K, V> {
  set(key: K, value: V): void;
  delete(key: K): void;
}

/** Finds the members of a collection by an anchor value. */
export interface Index<A extends string, K extends string, V> {
  readonly kind: 'index';
  readonly name: string;
  /** The members at an anchor, in key order of insertion. */
  at(anchor: A): IterableIterator<[K, V]>;
  count(anchor: A): number;
}

// biome-ignore lint/suspicious/noExplicitAny: the element types are recovered by inference in Reads.
export type Readable = Collection<any, any> | Index<any, any, any>;

/** What a transform may read: only what it declared, by key or by anchor. Every read is tracked. */
export type Reads<R extends Readonly<Record<string, Readable>>> = {
  readonly [N in keyof R]: R[N] extends Index<infer A, infer K, infer V>
    ? { at(anchor: A): readonly (readonly [K, V])[]; count(anchor: A): number }
    : R[N] extends Collection<infer K, infer V>
      ? { get(key: K): V | undefined }
      : never;
};

export interface DeriveOptions<
  I,
  T extends string,
  K extends string,
  V,
  R extends Readonly<Record<string, Readable>>,
> {
  readonly name: string;
  readonly from: Collection<T, I>;
  readonly reads?: R;
  /** Early cut-off: an output equal to the one before is no change. Default `Object.is`. */
  readonly equals?: Equals<V>;
  /** Pure. A key that emits nothing has no output. Throwing keeps the key's last good outputs and is reported. */
  readonly fn: (value: I, key: T, read: Reads<R>) => Iterable<readonly [K, V]>;
}

/** A transform that threw for one key; its outputs stay as they were. */
export interface TransformError {
  readonly collection: string;
  readonly key: string;
  readonly error: unknown;
  readonly epoch: number;
}

/** Why an output exists: the input key that produced it and everything that was read on the way. */
export interface Explanation {
  readonly collection: string;
  readonly key: string;
  /** Epoch at which the value last changed. */
  readonly epoch: number;
  /** The producing input and the tracked reads; sources have none. */
  readonly inputs: readonly {
    readonly collection: string;
    readonly key: string;
    readonly role: 'from' | 'read' | 'index';
  }[];
}

export interface EpochEvent<K extends string, V> {
  readonly epoch: number;
  readonly changes: Changes<K, V>;
}

export interface Graph {
  /** Number of the last finished transaction; 0 before the first. */
  readonly epoch: number;
  source<K extends string, V>(name: string, options?: { readonly equals?: Equals<V> }): Source<K, V>;
  index<A extends string, K extends string, V>(
    of: Collection<K, V>,
    name: string,
    anchors: (value: V, key: K) => Iterable<A>,
  ): Index<A, K, V>;
  derive<I, T extends string, K extends string, V, R extends Readonly<Record<string, Readable>>>(
    options: DeriveOptions<I, T, K, V, R>,
  ): Collection<K, V>;
  /** The anchors that have members, each with the set of their keys: the way to merge several inputs into one key. */
  group<A extends string, K extends string, V>(index: Index<A, K, V>): Collection<A, ReadonlySet<K>>;
  /** The members of several collections; two that hold one key are a bug and throw. */
  union<K extends string, V>(name: string, ...from: readonly Collection<K, V>[]): Collection<K, V>;
  /** Runs `write`, then one wave; returns the new epoch. When `write` throws nothing has changed. Not re-entrant. */
  transact(write: () => void): number;
  /** Called once per epoch in which the collection changed, after the whole wave. */
  watch<K extends string, V>(of: Collection<K, V>, onEpoch: (event: EpochEvent<K, V>) => void): Disposable;
  /** Called once after every transaction, after all `watch` callbacks of it. */
  onEpoch(listener: (epoch: number) => void): Disposable;
  /** Transforms that currently keep a last good value because they threw. */
  errors(): readonly TransformError[];
  /** Transform runs since the graph was made, by collection: budgets are asserted on differences of this. */
  runs(): Readonly<Record<string, number>>;
  explain<K extends string, V>(of: Collection<K, V>, key: K): Explanation | undefined;
  /** Mermaid source of the whole graph. */
  diagram(): string;
}
