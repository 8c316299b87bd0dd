// Transactions: all or nothing, one wave, one epoch.
import { describe, expect, it } from 'vitest';
import { createGraph, InvariantError } from './index.ts';

function open() {
  const graph = createGraph();
  const numbers = graph.source<string, number>('numbers');
  return { graph, numbers };
}

describe('transact', () => {
  it('counts epochs, also of transactions that change nothing, which emit no event', () => {
    const { graph, numbers } = open();
    const epochs: number[] = [];
    const events: number[] = [];
    graph.onEpoch((epoch) => epochs.push(epoch));
    graph.watch(numbers, ({ epoch }) => events.push(epoch));
    expect(graph.epoch).toBe(0);
    expect(graph.transact(() => numbers.set('a', 1))).toBe(1);
    expect(graph.transact(() => {})).toBe(2);
    expect(graph.transact(() => numbers.set('a', 1))).toBe(3);
    expect(graph.epoch).toBe(3);
    expect(epochs).toEqual([1, 2, 3]);
    expect(events).toEqual([1]);
  });

  it('keeps nothing of a write that throws', () => {
    const { graph, numbers } = open();
    graph.transact(() => numbers.set('a', 1));
    const failing = () =>
      graph.transact(() => {
        numbers.set('a', 2);
        numbers.set('b', 2);
        throw new Error('half way');
      });
    expect(failing).toThrow('half way');
    expect(graph.epoch).toBe(1);
    graph.transact(() => numbers.set('c', 3));
    expect([...numbers.entries()]).toEqual([
      ['a', 1],
      ['c', 3],
    ]);
  });

  it('keeps nothing when the comparison of one source throws, also not of the others', () => {
    const { graph, numbers } = open();
    const fragile = graph.source<string, number>('fragile', {
      equals: () => {
        throw new Error('not comparable');
      },
    });
    graph.transact(() => fragile.set('x', 1));
    const failing = () =>
      graph.transact(() => {
        numbers.set('a', 1);
        fragile.set('x', 2);
      });
    expect(failing).toThrow('not comparable');
    graph.transact(() => {});
    expect(numbers.size).toBe(0);
    expect(fragile.get('x')).toBe(1);
  });

  it('refuses writes outside, and undefined', () => {
    const { graph, numbers } = open();
    expect(() => numbers.set('a', 1)).toThrow(InvariantError);
    expect(() => numbers.delete('a')).toThrow('numbers was written outside transact()');
    const optional = graph.source<string, number | undefined>('optional');
    expect(() => graph.transact(() => optional.set('a', undefined))).toThrow('delete "a" instead');
  });

  it('refuses to nest, and the outer one may go on', () => {
    const { graph, numbers } = open();
    graph.transact(() => {
      numbers.set('a', 1);
      expect(() => graph.transact(() => numbers.set('a', 2))).toThrow('during a transaction (writing)');
    });
    expect(numbers.get('a')).toBe(1);
    expect(graph.epoch).toBe(1);
  });

  it('shows the values before the transaction until it is done', () => {
    const { graph, numbers } = open();
    graph.transact(() => {
      numbers.set('a', 1);
      expect(numbers.get('a')).toBeUndefined();
      expect(numbers.has('a')).toBe(false);
    });
    expect(numbers.get('a')).toBe(1);
  });

  it('sees no change where a value is deleted and set again, by Object.is or by what the source says', () => {
    const { graph, numbers } = open();
    const named = graph.source<string, { name: string }>('named', { equals: (a, b) => a.name === b.name });
    const first = { name: 'x' };
    graph.transact(() => {
      numbers.set('a', Number.NaN);
      named.set('a', first);
    });
    const changed: string[] = [];
    graph.watch(numbers, ({ changes }) => changed.push(...changes.keys()));
    graph.watch(named, ({ changes }) => changed.push(...changes.keys()));
    graph.transact(() => {
      numbers.delete('a');
      numbers.set('a', Number.NaN);
      named.delete('a');
      named.set('a', { name: 'x' });
      numbers.set('b', 1);
      numbers.delete('b');
    });
    expect(changed).toEqual([]);
    expect(named.get('a')).toBe(first);
  });
});

describe('building', () => {
  it('computes what is added later from what is there, and keeps it', () => {
    const { graph, numbers } = open();
    graph.transact(() => {
      numbers.set('a', 1);
      numbers.set('b', 2);
    });
    const byParity = graph.index(numbers, 'byParity', (value) => [value % 2 === 0 ? 'even' : 'odd']);
    const groups = graph.group(byParity);
    const doubled = graph.derive({ name: 'doubled', from: numbers, fn: (value, key) => [[key, value * 2]] });
    const all = graph.union('all', doubled);
    expect([...byParity.at('even')]).toEqual([['b', 2]]);
    expect(byParity.count('odd')).toBe(1);
    expect(groups.get('odd')).toEqual(new Set(['a']));
    expect(all.get('b')).toBe(4);
    graph.transact(() => numbers.set('b', 3));
    expect(groups.get('odd')).toEqual(new Set(['a', 'b']));
    expect(groups.has('even')).toBe(false);
    expect(all.get('b')).toBe(6);
  });

  it('may happen while writing and from a watcher', () => {
    const { graph, numbers } = open();
    let late: ReturnType<typeof addLate> | undefined;
    const addLate = () => graph.derive({ name: 'late', from: numbers, fn: (value, key) => [[key, -value]] });
    graph.transact(() => {
      numbers.set('a', 1);
      graph.derive({ name: 'early', from: numbers, fn: (value, key) => [[key, value]] });
    });
    const watching = graph.watch(numbers, () => {
      late = addLate();
    });
    graph.transact(() => numbers.set('b', 2));
    watching[Symbol.dispose]();
    expect([...(late?.entries() ?? [])]).toEqual([
      ['a', -1],
      ['b', -2],
    ]);
  });

  it('is refused inside a transform', () => {
    const { graph, numbers } = open();
    graph.transact(() => numbers.set('a', 1));
    graph.derive({
      name: 'builder',
      from: numbers,
      fn: () => {
        graph.source('inner');
        return [];
      },
    });
    expect(String(graph.errors()[0]?.error)).toContain(
      'inner was added to the graph from inside a transform',
    );
  });

  it('refuses a name twice, and what belongs to another graph', () => {
    const { graph, numbers } = open();
    const other = open();
    const byValue = other.graph.index(other.numbers, 'byValue', (value) => [String(value)]);
    expect(() => graph.source('numbers')).toThrow('numbers is the name of another');
    expect(() => graph.union('all', numbers, other.numbers)).toThrow('not a collection of this graph');
    expect(() => graph.group(byValue)).toThrow('not an index of this graph');
    expect(() => graph.union('twice', numbers, numbers)).toThrow('given twice');
    graph.index(numbers, 'same', () => []);
    const others = graph.source<string, number>('others');
    graph.index(others, 'same', () => []);
    expect(() => graph.index(others, 'same', () => [])).toThrow('others.same');
  });

  it('puts a node after everything it reads, whatever the order of building', () => {
    const { graph, numbers } = open();
    const deep1 = graph.derive({ name: 'deep1', from: numbers, fn: (value, key) => [[key, value + 1]] });
    const deep2 = graph.derive({ name: 'deep2', from: deep1, fn: (value, key) => [[key, value + 1]] });
    const byValue = graph.index(deep2, 'byValue', (value) => [String(value)]);
    const seen: string[] = [];
    const sum = graph.derive({
      name: 'sum',
      from: numbers,
      reads: { deep1, deep2, byValue },
      fn: (value, key, read) => {
        const row = [value, read.deep1.get(key), read.deep2.get(key), read.byValue.count(String(value + 2))];
        seen.push(row.join());
        return [[key, row.join()]];
      },
    });
    graph.transact(() => numbers.set('a', 1));
    graph.transact(() => numbers.set('a', 5));
    expect(seen).toEqual(['1,2,3,1', '5,6,7,1']);
    expect(sum.get('a')).toBe('5,6,7,1');
  });
});
