// Transforms: what makes a key run, what stops a change, and what a throw leaves behind.
import { describe, expect, it } from 'vitest';
import { createGraph, InvariantError } from './index.ts';

function open() {
  const graph = createGraph();
  const items = graph.source<string, { ref: string; v: number }>('items');
  const targets = graph.source<string, number>('targets');
  return { graph, items, targets };
}

describe('reads', () => {
  it('run a key again when what it read changes, appears or goes, and no other key', () => {
    const { graph, items, targets } = open();
    const resolved = graph.derive({
      name: 'resolved',
      from: items,
      reads: { targets },
      fn: ({ ref }, key, read) => [[key, read.targets.get(ref) ?? 'missing']],
    });
    graph.transact(() => {
      for (let i = 0; i < 100; i += 1) items.set(`i${i}`, { ref: `t${i}`, v: i });
    });
    const runsOf = (write: () => void) => {
      const before = graph.runs()['resolved'] ?? 0;
      graph.transact(write);
      return (graph.runs()['resolved'] ?? 0) - before;
    };
    expect(runsOf(() => targets.set('t7', 1))).toBe(1);
    expect(resolved.get('i7')).toBe(1);
    expect(runsOf(() => targets.set('t7', 2))).toBe(1);
    expect(runsOf(() => targets.delete('t7'))).toBe(1);
    expect(resolved.get('i7')).toBe('missing');
    expect(runsOf(() => targets.set('nobody reads this', 2))).toBe(0);
    expect(runsOf(() => items.set('i8', { ref: 't7', v: 0 }))).toBe(1);
    expect(runsOf(() => targets.set('t7', 3))).toBe(2);
    expect(runsOf(() => targets.set('t8', 3))).toBe(0);
    expect(runsOf(() => items.delete('i8'))).toBe(0);
    expect(runsOf(() => targets.set('t7', 4))).toBe(1);
  });

  it('follow the last run: a branch not taken is not tracked', () => {
    const { graph, items, targets } = open();
    graph.derive({
      name: 'branch',
      from: items,
      reads: { targets },
      fn: (_, key, read) => [[key, read.targets.get('on') === 1 ? read.targets.get('extra') : 'off']],
    });
    graph.transact(() => items.set('a', { ref: '', v: 0 }));
    const run = (write: () => void) => {
      graph.transact(write);
      return graph.runs()['branch'];
    };
    expect(run(() => targets.set('extra', 1))).toBe(1);
    expect(run(() => targets.set('on', 1))).toBe(2);
    expect(run(() => targets.set('extra', 2))).toBe(3);
    expect(run(() => targets.set('on', 0))).toBe(4);
    expect(run(() => targets.set('extra', 3))).toBe(4);
  });

  it('are possible only through what was declared, and only during the run', () => {
    const { graph, items, targets } = open();
    let kept: { get(key: string): number | undefined } | undefined;
    const byRef = graph.index(items, 'byRef', ({ ref }) => [ref]);
    graph.derive({
      name: 'sneaky',
      from: items,
      reads: { targets },
      fn: ({ v }, key, read) => {
        kept = read.targets;
        if (v === 1) targets.get(key);
        if (v === 2) byRef.count(key);
        if (v === 3) graph.transact(() => {});
        if (v === 4) targets.set(key, 1);
        return [];
      },
    });
    const errorOf = (v: number) => {
      graph.transact(() => items.set('a', { ref: '', v }));
      return String(graph.errors()[0]?.error);
    };
    expect(errorOf(1)).toContain('targets was read around the reads of the transform');
    expect(errorOf(2)).toContain('items.byRef was read around');
    expect(errorOf(3)).toContain('during a transaction (wave)');
    expect(errorOf(4)).toContain('written outside transact()');
    expect(errorOf(5)).toBe('undefined');
    expect(() => kept?.get('a')).toThrow(InvariantError);
  });

  it('run each key at most once though several of its reads change', () => {
    const { graph, items, targets } = open();
    const doubled = graph.derive({ name: 'doubled', from: targets, fn: (v, key) => [[key, v * 2]] });
    const byParity = graph.index(doubled, 'byParity', (v) => [String(v % 4)]);
    const seen: string[] = [];
    graph.derive({
      name: 'joined',
      from: items,
      reads: { targets, doubled, byParity },
      fn: ({ v }, key, read) => {
        const row = [v, read.targets.get('t'), read.doubled.get('t'), read.byParity.count('0')];
        seen.push(`${key}:${row}`);
        return [];
      },
    });
    graph.transact(() => {
      items.set('a', { ref: '', v: 1 });
      targets.set('t', 2);
    });
    graph.transact(() => {
      items.set('a', { ref: '', v: 2 });
      targets.set('t', 3);
    });
    expect(seen).toEqual(['a:1,2,4,1', 'a:2,3,6,0']);
  });
});

describe('early cut-off', () => {
  it('ends a change where the output is equal, and keeps the value that was there', () => {
    const { graph, items } = open();
    const parity = graph.derive({
      name: 'parity',
      from: items,
      fn: ({ v }, key) => [[key, { odd: v % 2 === 1 }]],
      equals: (a, b) => a.odd === b.odd,
    });
    graph.derive({ name: 'after', from: parity, fn: (value, key) => [[key, value]] });
    const events: number[] = [];
    graph.watch(parity, ({ epoch }) => events.push(epoch));
    graph.transact(() => items.set('a', { ref: '', v: 1 }));
    const first = parity.get('a');
    graph.transact(() => items.set('a', { ref: '', v: 3 }));
    expect(parity.get('a')).toBe(first);
    expect(graph.runs()).toEqual({ parity: 2, after: 1 });
    graph.transact(() => items.set('a', { ref: '', v: 4 }));
    expect(graph.runs()).toEqual({ parity: 3, after: 2 });
    expect(events).toEqual([1, 3]);
    expect(graph.explain(parity, 'a')?.epoch).toBe(3);
  });

  it('takes a comparison that throws for a failure of the key', () => {
    const { graph, items } = open();
    const fragile = graph.derive({
      name: 'fragile',
      from: items,
      equals: () => {
        throw new Error('not comparable');
      },
      fn: ({ v }, key) => [[key, v]],
    });
    graph.transact(() => items.set('a', { ref: '', v: 1 }));
    graph.transact(() => items.set('a', { ref: '', v: 2 }));
    expect(fragile.get('a')).toBe(1);
    expect(graph.errors()).toHaveLength(1);
  });
});

describe('several outputs of a key', () => {
  it('come and go with the input', () => {
    const { graph, items } = open();
    const parts = graph.derive({
      name: 'parts',
      from: items,
      fn: ({ v }, key) => Array.from({ length: v }, (_, i) => [`${key}/${i}`, i] as const),
    });
    const changed: string[][] = [];
    graph.watch(parts, ({ changes }) => changed.push([...changes.keys()].sort()));
    graph.transact(() => items.set('a', { ref: '', v: 3 }));
    graph.transact(() => items.set('a', { ref: '', v: 1 }));
    graph.transact(() => items.set('a', { ref: '', v: 0 }));
    graph.transact(() => items.set('a', { ref: '', v: 2 }));
    graph.transact(() => items.delete('a'));
    expect(changed).toEqual([['a/0', 'a/1', 'a/2'], ['a/1', 'a/2'], ['a/0'], ['a/0', 'a/1'], ['a/0', 'a/1']]);
    expect(parts.size).toBe(0);
  });

  it('may not be one key twice, nor undefined', () => {
    const { graph, items } = open();
    graph.derive<{ v: number }, string, string, number | undefined, Record<never, never>>({
      name: 'wrong',
      from: items,
      fn: ({ v }) => {
        if (v === 0) return [['x', undefined]];
        return [
          ['x', 1],
          ['x', 2],
        ];
      },
    });
    graph.transact(() => items.set('a', { ref: '', v: 0 }));
    expect(String(graph.errors()[0]?.error)).toContain('"x" was emitted as undefined');
    graph.transact(() => items.set('a', { ref: '', v: 1 }));
    expect(String(graph.errors()[0]?.error)).toContain('"x" was emitted twice by one run');
  });
});

describe('a transform that throws', () => {
  function openFailing() {
    const { graph, items, targets } = open();
    const checked = graph.derive({
      name: 'checked',
      from: items,
      reads: { targets },
      *fn({ ref, v }, key, read) {
        yield [`${key}/first`, v] as const;
        if ((read.targets.get(ref) ?? 0) > 9) throw new Error(`${ref} is too much`);
        yield [`${key}/second`, v] as const;
      },
    });
    const after = graph.derive({ name: 'after', from: checked, fn: (v, key) => [[key, -v]] });
    return { graph, items, targets, checked, after };
  }

  it('keeps the last good outputs of that key, is listed, and lets the epoch proceed', () => {
    const { graph, items, targets, checked, after } = openFailing();
    graph.transact(() => {
      items.set('a', { ref: 't', v: 1 });
      items.set('b', { ref: 'u', v: 1 });
    });
    const epoch = graph.transact(() => {
      targets.set('t', 10);
      items.set('a', { ref: 't', v: 2 });
      items.set('b', { ref: 'u', v: 2 });
    });
    expect(Object.fromEntries(after.entries())).toEqual({
      'a/first': -1,
      'a/second': -1,
      'b/first': -2,
      'b/second': -2,
    });
    expect(graph.errors()).toEqual([
      { collection: 'checked', key: 'a', error: new Error('t is too much'), epoch },
    ]);
    graph.transact(() => targets.set('unrelated', 1));
    expect(graph.runs()['checked']).toBe(4);
    graph.transact(() => targets.set('t', 9));
    expect(graph.errors()).toEqual([]);
    expect(checked.get('a/second')).toBe(2);
  });

  it('is forgotten with its input, and has nothing to keep at first', () => {
    const { graph, items, targets, checked } = openFailing();
    graph.transact(() => {
      targets.set('t', 10);
      items.set('a', { ref: 't', v: 1 });
    });
    expect(checked.size).toBe(0);
    expect(graph.errors()).toHaveLength(1);
    graph.transact(() => items.delete('a'));
    expect(graph.errors()).toEqual([]);
    graph.transact(() => targets.set('t', 1));
    expect(graph.runs()['checked']).toBe(1);
  });
});
