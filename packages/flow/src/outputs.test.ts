// Rule 7: two inputs that emit one key are a bug that is reported; the first keeps it, nothing is lost.
import { describe, expect, it } from 'vitest';
import { createGraph, InvariantError } from './index.ts';

function open() {
  const graph = createGraph();
  const claims = graph.source<string, { to: readonly string[]; v: number }>('claims');
  const held = graph.derive({
    name: 'held',
    from: claims,
    fn: ({ to, v }) => to.map((key) => [key, v] as const),
  });
  const events: unknown[] = [];
  graph.watch(held, ({ changes }) => events.push(Object.fromEntries(changes)));
  return { graph, claims, held, events };
}

describe('an output key emitted by two inputs', () => {
  it('stays with the first, names both, and the other outputs of the later one stand', () => {
    const { graph, claims, held } = open();
    graph.transact(() => claims.set('a', { to: ['x'], v: 1 }));
    const epoch = graph.transact(() => claims.set('b', { to: ['x', 'y'], v: 2 }));
    expect(Object.fromEntries(held.entries())).toEqual({ x: 1, y: 2 });
    const [error, ...others] = graph.errors();
    expect(others).toEqual([]);
    expect(error).toMatchObject({ collection: 'held', key: 'b', epoch });
    expect(error?.error).toBeInstanceOf(InvariantError);
    expect(String(error?.error)).toContain('"b" and "a" both emit "x"');
    expect(graph.explain(held, 'x')?.inputs).toEqual([{ collection: 'claims', key: 'a', role: 'from' }]);
  });

  it('goes to the second with its latest value when the first lets go, without a run', () => {
    const { graph, claims, held, events } = open();
    graph.transact(() => claims.set('a', { to: ['x'], v: 1 }));
    graph.transact(() => claims.set('b', { to: ['x'], v: 2 }));
    graph.transact(() => claims.set('b', { to: ['x'], v: 3 }));
    graph.transact(() => claims.delete('a'));
    expect(held.get('x')).toBe(3);
    expect(graph.errors()).toEqual([]);
    expect(graph.runs()['held']).toBe(3);
    expect(events).toEqual([{ x: { before: undefined, after: 1 } }, { x: { before: 1, after: 3 } }]);
    expect(graph.explain(held, 'x')).toMatchObject({ epoch: 4, inputs: [{ key: 'b' }] });
  });

  it('is free again when the waiting one goes first', () => {
    const { graph, claims, held } = open();
    graph.transact(() => claims.set('a', { to: ['x'], v: 1 }));
    graph.transact(() => claims.set('b', { to: ['x'], v: 2 }));
    graph.transact(() => claims.delete('b'));
    expect(graph.errors()).toEqual([]);
    graph.transact(() => claims.delete('a'));
    expect(held.size).toBe(0);
  });

  it('may change hands within a transaction: a swap is no conflict, an equal value no change', () => {
    const { graph, claims, held, events } = open();
    graph.transact(() => {
      claims.set('a', { to: ['x'], v: 1 });
      claims.set('b', { to: ['y'], v: 2 });
    });
    graph.transact(() => {
      claims.set('a', { to: ['y'], v: 2 });
      claims.set('b', { to: ['x'], v: 3 });
    });
    expect(graph.errors()).toEqual([]);
    expect(Object.fromEntries(held.entries())).toEqual({ x: 3, y: 2 });
    expect(events.at(-1)).toEqual({ x: { before: 1, after: 3 } });
    expect(graph.explain(held, 'y')).toMatchObject({ epoch: 1, inputs: [{ key: 'a' }] });
  });
});

describe('union', () => {
  function openUnion() {
    const graph = createGraph();
    const left = graph.source<string, number>('left');
    const right = graph.source<string, number>('right');
    const all = graph.union('all', left, right);
    return { graph, left, right, all };
  }

  it('holds the members of all', () => {
    const { graph, left, right, all } = openUnion();
    graph.transact(() => {
      left.set('a', 1);
      right.set('b', 2);
    });
    graph.transact(() => {
      left.delete('a');
      right.set('b', 3);
    });
    expect([...all.entries()]).toEqual([['b', 3]]);
    expect(graph.explain(all, 'b')).toEqual({
      collection: 'all',
      key: 'b',
      epoch: 2,
      inputs: [{ collection: 'right', key: 'b', role: 'from' }],
    });
  });

  it('reports a key that two hold, keeps the first, and takes the second when that goes', () => {
    const { graph, left, right, all } = openUnion();
    graph.transact(() => right.set('a', 2));
    graph.transact(() => left.set('a', 1));
    expect(all.get('a')).toBe(2);
    expect(graph.errors()).toMatchObject([{ collection: 'all', key: 'a', epoch: 2 }]);
    expect(String(graph.errors()[0]?.error)).toContain('"left" and "right" both emit "a"');
    graph.transact(() => right.delete('a'));
    expect(all.get('a')).toBe(1);
    expect(graph.errors()).toEqual([]);
  });

  it('lets a key move from one to the other', () => {
    const { graph, left, right, all } = openUnion();
    const events: unknown[] = [];
    graph.transact(() => left.set('a', 1));
    graph.watch(all, ({ changes }) => events.push(Object.fromEntries(changes)));
    graph.transact(() => {
      left.delete('a');
      right.set('a', 1);
    });
    graph.transact(() => {
      right.delete('a');
      left.set('a', 5);
    });
    expect(events).toEqual([{ a: { before: 1, after: 5 } }]);
    expect(graph.errors()).toEqual([]);
  });
});
