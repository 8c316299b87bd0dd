// The graph: its nodes in rank order, and the transaction that runs one wave through them.
import { Derived } from './derived.ts';
import { type DiagramNode, drawDiagram } from './diagram.ts';
import { Group } from './group.ts';
import { invariant } from './invariant.ts';
import { indexOf, KeyedIndex } from './keyed-index.ts';
import { Lifecycle } from './lifecycle.ts';
import type { ComputedNode } from './node.ts';
import { SourceTable } from './source.ts';
import { tableOf } from './table.ts';
import type {
  Collection,
  DeriveOptions,
  EpochEvent,
  Equals,
  Explanation,
  Graph,
  Index,
  Readable,
  Source,
  TransformError,
} from './types.ts';
import { Union } from './union.ts';
import { WatcherError, Watchers } from './watchers.ts';

/** A new, empty graph. */
export function createGraph(): Graph {
  return new FlowGraph();
}

class FlowGraph implements Graph {
  private readonly lifecycle = new Lifecycle();
  private readonly epochWatchers = new Watchers<number>();
  private readonly names = new Set<string>();
  private readonly drawn: DiagramNode[] = [];
  private readonly indexes: { errors(): Iterable<TransformError> }[] = [];
  /** By rank, and where that is equal by age. */
  private readonly nodes: ComputedNode[] = [];

  get epoch(): number {
    return this.lifecycle.epoch;
  }

  source<K extends string, V>(name: string, options?: { readonly equals?: Equals<V> }): Source<K, V> {
    this.claimName(name);
    this.drawn.push({ name, shape: 'source', arrows: [] });
    return new SourceTable<K, V>(name, options?.equals ?? Object.is, this.lifecycle);
  }

  index<A extends string, K extends string, V>(
    of: Collection<K, V>,
    name: string,
    anchors: (value: V, key: K) => Iterable<A>,
  ): Index<A, K, V> {
    this.claimName(`${of.name}.${name}`);
    const { lifecycle } = this;
    return this.lifecycle.during('wave', () => {
      const index = new KeyedIndex<A, K, V>(name, tableOf(of, lifecycle), { anchors, lifecycle });
      this.indexes.push(index);
      return index;
    });
  }

  derive<I, T extends string, K extends string, V, R extends Readonly<Record<string, Readable>>>(
    options: DeriveOptions<I, T, K, V, R>,
  ): Collection<K, V> {
    this.claimName(options.name);
    return this.add(new Derived(options, this.lifecycle));
  }

  group<A extends string, K extends string, V>(index: Index<A, K, V>): Collection<A, ReadonlySet<K>> {
    const keyed = indexOf(index, this.lifecycle);
    if (keyed.group !== undefined) return keyed.group;
    const name = `${keyed.label}.group`;
    this.claimName(name);
    keyed.group = this.add(new Group(name, keyed, this.lifecycle));
    return keyed.group;
  }

  union<K extends string, V>(name: string, ...from: readonly Collection<K, V>[]): Collection<K, V> {
    const tables = from.map((of) => tableOf(of, this.lifecycle));
    this.claimName(name);
    return this.add(new Union(name, tables, this.lifecycle));
  }

  transact(write: () => void): number {
    const { lifecycle } = this;
    invariant(lifecycle.phase === 'idle', `transact() was called during a transaction (${lifecycle.phase})`);
    lifecycle.stage(write);
    lifecycle.during('wave', () => {
      lifecycle.commit();
      for (const node of this.nodes) node.flush();
    });
    this.deliver();
    return lifecycle.epoch;
  }

  watch<K extends string, V>(of: Collection<K, V>, onEpoch: (event: EpochEvent<K, V>) => void): Disposable {
    return tableOf(of, this.lifecycle).watchers.add(onEpoch);
  }

  onEpoch(listener: (epoch: number) => void): Disposable {
    return this.epochWatchers.add(listener);
  }

  errors(): readonly TransformError[] {
    return [...this.indexes, ...this.nodes].flatMap((node) => [...node.errors()]);
  }

  runs(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.nodes.map((node) => [node.name, node.runs]));
  }

  explain<K extends string, V>(of: Collection<K, V>, key: K): Explanation | undefined {
    return tableOf(of, this.lifecycle).explain(key);
  }

  diagram(): string {
    return drawDiagram(this.drawn);
  }

  /** Computes a new node from what is there, and keeps it up to date from now on. */
  private add<N extends ComputedNode>(node: N): N {
    const position = this.nodes.findIndex((other) => other.rank > node.rank);
    this.nodes.splice(position === -1 ? this.nodes.length : position, 0, node);
    this.drawn.push(node);
    this.lifecycle.during('wave', () => node.flush());
    return node;
  }

  private claimName(name: string): void {
    this.lifecycle.assertBuildable(name);
    invariant(!this.names.has(name), `${name} is the name of another collection or index of this graph`);
    this.names.add(name);
  }

  private deliver(): void {
    const { lifecycle } = this;
    const thrown: unknown[] = [];
    const last = this.epochWatchers.prepare(lifecycle.epoch);
    lifecycle.during('watching', () => {
      for (const delivery of [...lifecycle.takeDeliveries(), last]) delivery(thrown);
    });
    if (thrown.length > 0) throw new WatcherError(lifecycle.epoch, thrown);
  }
}
