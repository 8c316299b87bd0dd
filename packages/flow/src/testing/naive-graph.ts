// The oracle: the same graph computed anew in every transaction, with nothing remembered but last good outputs.
// It also tells which keys had a reason to run: their input or something they had read is not what it was.
import type { Collection, DeriveOptions, Graph, Index, Readable, Reads, Source } from '../types.ts';

/** The part of a graph that a test builds twice: once for real, once to compare with. */
export type Buildable = Pick<Graph, 'source' | 'index' | 'derive' | 'group' | 'union'>;

export interface NaiveGraph extends Buildable {
  recompute(): void;
  /** `NAME KEY` of each key that even a minimal engine has to run in the last recomputation. */
  justified(): readonly string[];
  /** `NAME KEY` of each key whose transform or anchor function threw in the last recomputation. */
  failing(): readonly string[];
}

interface Report {
  justified: string[];
  failing: string[];
}

export function printed(value: unknown): string {
  const plain = JSON.stringify(value, (_, part: unknown) => (part instanceof Set ? ['set', ...part] : part));
  return plain ?? 'absent';
}

class Rows<K extends string, V> implements Source<K, V> {
  readonly kind = 'collection';
  readonly name: string;
  map = new Map<K, V>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.map.size;
  }
  get(key: K): V | undefined {
    return this.map.get(key);
  }
  has(key: K): boolean {
    return this.map.has(key);
  }
  keys(): IterableIterator<K> {
    return this.map.keys();
  }
  entries(): IterableIterator<[K, V]> {
    return this.map.entries();
  }
  set(key: K, value: V): void {
    this.map.set(key, value);
  }
  delete(key: K): void {
    this.map.delete(key);
  }
}

class NaiveIndex<A extends string, K extends string, V> implements Index<A, K, V> {
  readonly kind = 'index';
  readonly name: string;
  readonly of: Collection<K, V>;
  private readonly anchors: (value: V, key: K) => Iterable<A>;

  constructor(of: Collection<K, V>, name: string, anchors: (value: V, key: K) => Iterable<A>) {
    this.of = of;
    this.name = name;
    this.anchors = anchors;
  }

  at(anchor: A): IterableIterator<[K, V]> {
    const found = [...this.of.entries()].filter(([key, value]) =>
      this.anchorsOf(key, value)?.includes(anchor),
    );
    return found.sort(([left], [right]) => (left < right ? -1 : 1)).values();
  }

  count(anchor: A): number {
    return [...this.at(anchor)].length;
  }

  keySets(): Map<A, ReadonlySet<K>> {
    const anchors = [...this.of.entries()].flatMap(([key, value]) => this.anchorsOf(key, value) ?? []);
    return new Map(anchors.map((anchor) => [anchor, new Set([...this.at(anchor)].map(([key]) => key))]));
  }

  failing(): readonly string[] {
    const failed = [...this.of.entries()].filter(([key, value]) => this.anchorsOf(key, value) === undefined);
    return failed.map(([key]) => `${this.of.name}.${this.name} ${key}`);
  }

  private anchorsOf(key: K, value: V): readonly A[] | undefined {
    try {
      return [...this.anchors(value, key)];
    } catch {
      return undefined;
    }
  }
}

interface Seen {
  readonly look: () => string;
  readonly seen: string;
}

class NaiveDerive<
  I,
  T extends string,
  K extends string,
  V,
  R extends Readonly<Record<string, Readable>>,
> extends Rows<K, V> {
  private readonly options: DeriveOptions<I, T, K, V, R>;
  private readonly report: Report;
  private readonly lastGood = new Map<T, readonly (readonly [K, V])[]>();
  private readonly seenBy = new Map<T, readonly Seen[]>();
  private log: Seen[] = [];

  constructor(options: DeriveOptions<I, T, K, V, R>, report: Report) {
    super(options.name);
    this.options = options;
    this.report = report;
  }

  recompute(): void {
    const { from } = this.options;
    for (const key of [...this.seenBy.keys()].filter((key) => !from.has(key))) {
      this.lastGood.delete(key);
      this.seenBy.delete(key);
    }
    for (const [key, value] of from.entries()) this.run(key, value);
    this.map = new Map([...this.lastGood.values()].flat());
  }

  private run(key: T, value: I): void {
    const isSame = this.seenBy.get(key)?.every(({ look, seen }) => look() === seen) ?? false;
    if (!isSame) this.report.justified.push(`${this.name} ${key}`);
    this.log = [];
    this.watched(() => this.options.from.get(key));
    try {
      this.lastGood.set(key, [...this.options.fn(value, key, this.readers())]);
    } catch {
      this.report.failing.push(`${this.name} ${key}`);
    }
    this.seenBy.set(key, this.log);
  }

  private watched<E>(look: () => E): E {
    const value = look();
    this.log.push({ look: () => printed(look()), seen: printed(value) });
    return value;
  }

  private readers(): Reads<R> {
    const readers = Object.entries(this.options.reads ?? {}).map(([as, of]) => [as, this.reader(of)]);
    return Object.fromEntries(readers) as Reads<R>;
  }

  private reader(of: Readable): object {
    if (of.kind === 'collection') return { get: (key: string) => this.watched(() => of.get(key)) };
    return {
      at: (anchor: string) => this.watched(() => [...of.at(anchor)]),
      count: (anchor: string) => this.watched(() => of.count(anchor)),
    };
  }
}

export function createNaiveGraph(): NaiveGraph {
  const steps: (() => void)[] = [];
  const report: Report = { justified: [], failing: [] };
  return {
    source: (name) => new Rows(name),
    index: (of, name, anchors) => {
      const index = new NaiveIndex(of, name, anchors);
      steps.push(() => report.failing.push(...index.failing()));
      return index;
    },
    derive: (options) => {
      const derived = new NaiveDerive(options, report);
      steps.push(() => derived.recompute());
      return derived;
    },
    group: <A extends string, K extends string, V>(index: Index<A, K, V>) => {
      const out = new Rows<A, ReadonlySet<K>>(`${index.name}.group`);
      steps.push(() => {
        if (index instanceof NaiveIndex) out.map = index.keySets();
      });
      return out;
    },
    union: <K extends string, V>(name: string, ...from: readonly Collection<K, V>[]) => {
      const out = new Rows<K, V>(name);
      steps.push(() => {
        out.map = new Map(from.flatMap((part) => [...part.entries()]));
      });
      return out;
    },
    recompute: () => {
      report.justified = [];
      report.failing = [];
      for (const step of steps) step();
    },
    justified: () => report.justified,
    failing: () => report.failing,
  };
}
