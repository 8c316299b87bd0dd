// The public types of flow: what a graph of keyed incremental collections offers and promises.

/** Must be pure; throwing counts as a failure of whoever wrote the value. */
export type Equals<V> = (left: V, right: V) => boolean;

/** One key's change within one epoch; `undefined` means absent. */
export interface Change<V> {
  readonly before: V | undefined;
  readonly after: V | undefined;
}
export type Changes<K, V> = ReadonlyMap<K, Change<V>>;

/**
 * A keyed set of values that is always consistent with the graph's epoch. Reading it here is for servers, watchers
 * and tests: inside a transform it throws, since such a read would not be tracked. Keys come in no particular order.
 */
export interface Collection<K extends string, V> {
  readonly kind: 'collection';
  readonly name: string;
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  keys(): IterableIterator<K>;
  entries(): IterableIterator<[K, V]>;
}

/**
 * A collection that is written from outside, only inside `transact`. The last write of a key in a transaction
 * counts; one that leaves the value as it was is no change. Reads give the value before the transaction.
 */
export interface Source<K extends string, V> extends Collection<K, V> {
  /** `undefined` is no value: delete the key instead. */
  set(key: K, value: V): void;
  delete(key: K): void;
}

/** Finds the members of a collection by an anchor value. */
export interface Index<A extends string, K extends string, V> {
  readonly kind: 'index';
  readonly name: string;
  /** The members at an anchor, sorted by key (by UTF-16 code units). */
  at(anchor: A): IterableIterator<[K, V]>;
  count(anchor: A): number;
}

// biome-ignore lint/suspicious/noExplicitAny: the element types are recovered by inference in Reads.
export type Readable = Collection<any, any> | Index<any, any, any>;

/**
 * What a transform may read: only what it declared, by key or by anchor. Every read is tracked, also of what does
 * not exist yet. Members come sorted by key; the list is never changed and may be kept. What was
 * only counted reruns only when there are more or fewer members.
 */
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
  /**
   * Pure, synchronous. A key that emits nothing has no output. Throwing keeps the key's last good outputs and is
   * reported; the key runs again when its input or anything it read up to the throw changes. An output key that
   * another input already emits stays with that input: this is reported for the later input, which takes over as
   * soon as the first lets go. Which of two comes first depends on history, so merge them with `group` instead.
   */
  readonly fn: (value: I, key: T, read: Reads<R>) => Iterable<readonly [K, V]>;
  /**
   * Early cut-off: an output equal to the one before is no change, and the one before stays. Default `Object.is`.
   * (The compiler infers `V` in the order of writing: put it after `fn`.)
   */
  readonly equals?: Equals<V>;
}

/**
 * A transform that threw for one key (its outputs stay as they were), an output key claimed by two inputs (the
 * first keeps it), or an index whose anchor function threw (the value is at no anchor until it changes).
 */
export interface TransformError {
  /** The collection computed, or `COLLECTION.INDEX` for an index. */
  readonly collection: string;
  /** The input key. */
  readonly key: string;
  readonly error: unknown;
  /** When it happened last. */
  readonly epoch: number;
}

/** Why an output exists: the input key that produced it and everything that was read on the way. */
export interface Explanation {
  readonly collection: string;
  readonly key: string;
  /** Epoch at which the value last changed. */
  readonly epoch: number;
  /**
   * The producing input and the tracked reads of its last run; sources have none. An index is named
   * `COLLECTION.INDEX` with the anchor for key. A group lists its anchor and its members.
   */
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

/**
 * Nodes may be added at any time but inside a transform; a new one is computed from what is present at once.
 * Names of collections are unique, those of indexes within their collection; breaking this throws.
 */
export interface Graph {
  /** Number of the last transaction; 0 before the first. One that changes nothing counts, too. */
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
  /**
   * The anchors that have members, each with the set of their keys (sorted, a new set when one comes or goes): the
   * way to merge several inputs into one key. One index has one group, named `COLLECTION.INDEX.group`.
   */
  group<A extends string, K extends string, V>(index: Index<A, K, V>): Collection<A, ReadonlySet<K>>;
  /**
   * The members of several collections. Two that hold one key are a bug: the first keeps it, the later is listed in
   * `errors()` and takes over when the first lets go.
   */
  union<K extends string, V>(name: string, ...from: readonly Collection<K, V>[]): Collection<K, V>;
  /**
   * Runs `write`, then one wave, then the watchers; returns the new epoch. When `write` (or a source's `equals`)
   * throws, nothing has changed and the epoch is the same. When watchers throw, the transaction stands, all others
   * were called, and a `WatcherError` carries what was thrown. Not re-entrant: a call from `write`, a transform or
   * a watcher throws; a watcher that wants to write does so later.
   */
  transact(write: () => void): number;
  /** Called once per epoch in which the collection changed, after the whole wave; not for what is already there. */
  watch<K extends string, V>(of: Collection<K, V>, onEpoch: (event: EpochEvent<K, V>) => void): Disposable;
  /** Called once after every transaction, after all `watch` callbacks of it. */
  onEpoch(listener: (epoch: number) => void): Disposable;
  /** What is wrong at present; empty in a healthy graph. */
  errors(): readonly TransformError[];
  /**
   * Keys computed since the graph was made, by collection (groups and unions, too, sources not): budgets are
   * asserted on differences of this.
   */
  runs(): Readonly<Record<string, number>>;
  explain<K extends string, V>(of: Collection<K, V>, key: K): Explanation | undefined;
  /** Mermaid source of the whole graph: what is made from what (solid), what reads what (dotted), by which index. */
  diagram(): string;
}
