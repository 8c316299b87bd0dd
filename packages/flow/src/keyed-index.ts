// An index: the members of a collection by anchor, kept up to date with work proportional to the change.
import { InvariantError } from './invariant.ts';
import type { Lifecycle } from './lifecycle.ts';
import { countMoves, type Held, type MemberPatch, type Members, patchMembers } from './members.ts';
import type { Table } from './table.ts';
import type { Change, Changes, Collection, Index, TransformError } from './types.ts';

/** How an anchor changed: only values, which keys but not how many, or how many. Each is also the one before. */
export type AnchorChange = 'values' | 'keys' | 'count';

/** Called during the wave with each anchor touched. */
export type AnchorSubscriber<A extends string> = (anchor: A, change: AnchorChange) => void;

const none: readonly [never, never][] = [];

export class KeyedIndex<A extends string, K extends string, V> implements Index<A, K, V> {
  readonly kind = 'index';
  readonly name: string;
  readonly of: Table<K, V>;
  /** The collection of its anchors with their keys, once somebody asked for it: one serves all. */
  group: Collection<A, ReadonlySet<K>> | undefined;
  private readonly anchors: (value: V, key: K) => Iterable<A>;
  private readonly lifecycle: Lifecycle;
  private readonly heldByAnchor = new Map<A, Held<K, V>>();
  private readonly errorsByKey = new Map<K, TransformError>();
  private readonly subscribers: AnchorSubscriber<A>[] = [];

  constructor(
    name: string,
    of: Table<K, V>,
    options: { readonly anchors: (value: V, key: K) => Iterable<A>; readonly lifecycle: Lifecycle },
  ) {
    this.name = name;
    this.of = of;
    this.anchors = options.anchors;
    this.lifecycle = options.lifecycle;
    this.apply(presentRows(of));
    of.subscribe((changes) => this.apply(changes));
  }

  get rank(): number {
    return this.of.rank;
  }

  at(anchor: A): IterableIterator<[K, V]> {
    this.lifecycle.assertReadable(this.label);
    return this.members(anchor).values();
  }

  count(anchor: A): number {
    this.lifecycle.assertReadable(this.label);
    return this.peek(anchor).length;
  }

  /** Unique in the graph, unlike `name`. */
  get label(): string {
    return `${this.of.name}.${this.name}`;
  }

  belongsTo(lifecycle: Lifecycle): boolean {
    return this.lifecycle === lifecycle;
  }

  /** The members to keep: the list stays as it is. */
  members(anchor: A): Members<K, V> {
    const held = this.heldByAnchor.get(anchor);
    if (held === undefined) return none;
    held.isHandedOut = true;
    return held.list;
  }

  /** The members to look at and let go before the next change. */
  peek(anchor: A): Members<K, V> {
    return this.heldByAnchor.get(anchor)?.list ?? none;
  }

  allAnchors(): IterableIterator<A> {
    return this.heldByAnchor.keys();
  }

  errors(): Iterable<TransformError> {
    return this.errorsByKey.values();
  }

  subscribe(subscriber: AnchorSubscriber<A>): void {
    this.subscribers.push(subscriber);
  }

  private apply(changes: Changes<K, V>): void {
    for (const [anchor, patch] of this.patchesOf(changes)) {
      const change = this.patch(anchor, patch);
      for (const subscriber of this.subscribers) subscriber(anchor, change);
    }
  }

  private patch(anchor: A, patch: MemberPatch<K, V>): AnchorChange {
    const held = this.heldByAnchor.get(anchor) ?? { list: [], isHandedOut: false };
    const { added, removed } = countMoves(held.list, patch);
    patchMembers(held, patch);
    if (held.list.length === 0) this.heldByAnchor.delete(anchor);
    else this.heldByAnchor.set(anchor, held);
    if (added !== removed) return 'count';
    return added > 0 ? 'keys' : 'values';
  }

  private patchesOf(changes: Changes<K, V>): Map<A, Map<K, [K, V] | undefined>> {
    const patches = new Map<A, Map<K, [K, V] | undefined>>();
    const stage = (anchor: A, key: K, member: [K, V] | undefined) => {
      const patch = patches.get(anchor);
      if (patch === undefined) patches.set(anchor, new Map([[key, member]]));
      else patch.set(key, member);
    };
    for (const [key, { before, after }] of changes) {
      if (before !== undefined)
        for (const anchor of this.anchorsOf(key, before)) stage(anchor, key, undefined);
      this.errorsByKey.delete(key);
      if (after === undefined) continue;
      const member: [K, V] = [key, after];
      for (const anchor of this.anchorsOf(key, after)) stage(anchor, key, member);
    }
    return patches;
  }

  /** A value whose anchors cannot be told is in no anchor, and reported. */
  private anchorsOf(key: K, value: V): readonly A[] {
    try {
      return [...this.anchors(value, key)];
    } catch (error) {
      this.errorsByKey.set(key, { collection: this.label, key, error, epoch: this.lifecycle.epoch });
      return [];
    }
  }
}

/** The index behind an index of this graph. */
export function indexOf<A extends string, K extends string, V>(
  index: Index<A, K, V>,
  lifecycle: Lifecycle,
): KeyedIndex<A, K, V> {
  if (index instanceof KeyedIndex && index.belongsTo(lifecycle)) return index;
  throw new InvariantError(`${index.name} is not an index of this graph`);
}

function presentRows<K extends string, V>(of: Table<K, V>): Changes<K, V> {
  const changes = new Map<K, Change<V>>();
  for (const [key, cell] of of.rows()) changes.set(key, { before: undefined, after: cell.value });
  return changes;
}
