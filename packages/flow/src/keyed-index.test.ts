// Indexes and groups: sorted whatever the history, touched only by the anchors that changed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGraph } from './index.ts';
import { countMoves, patchMembers } from './members.ts';

function open() {
  const graph = createGraph();
  const pods = graph.source<string, { app: string; v: number }>('pods');
  const byApp = graph.index(pods, 'byApp', ({ app }) => (app === '' ? [] : [app, app, 'any']));
  return { graph, pods, byApp };
}

describe('index', () => {
  it('lists members in key order, each once, whatever the order of writing', () => {
    const { graph, pods, byApp } = open();
    for (const key of ['c', 'a', 'b', 'a/1', 'B']) graph.transact(() => pods.set(key, { app: 'x', v: 0 }));
    graph.transact(() => pods.delete('b'));
    graph.transact(() => pods.set('a', { app: 'x', v: 1 }));
    expect([...byApp.at('x')].map(([key]) => key)).toEqual(['B', 'a', 'a/1', 'c']);
    expect(byApp.count('any')).toBe(4);
    expect([...byApp.at('y')]).toEqual([]);
  });

  it('runs who read the anchor, and who only counted only for another count', () => {
    const { graph, pods, byApp } = open();
    const apps = graph.source<string, 'list' | 'count'>('apps');
    const read = graph.derive({
      name: 'read',
      from: apps,
      reads: { byApp },
      fn: (how, key, { byApp }) => {
        if (how === 'count') return [[key, byApp.count('x')]];
        return [[key, byApp.at('x').reduce((sum, [, { v }]) => sum + v, 0)]];
      },
    });
    const runs = (write: () => void) => {
      const before = graph.runs()['read'] ?? 0;
      graph.transact(write);
      return (graph.runs()['read'] ?? 0) - before;
    };
    expect(
      runs(() => {
        apps.set('list', 'list');
        apps.set('count', 'count');
      }),
    ).toBe(2);
    expect(runs(() => pods.set('p', { app: 'x', v: 1 }))).toBe(2);
    expect(runs(() => pods.set('p', { app: 'x', v: 2 }))).toBe(1);
    expect(runs(() => pods.set('q', { app: 'y', v: 2 }))).toBe(0);
    const swap = () => {
      pods.set('p', { app: 'y', v: 2 });
      pods.set('q', { app: 'x', v: 5 });
    };
    expect(runs(swap)).toBe(1);
    expect([read.get('list'), read.get('count')]).toEqual([5, 1]);
  });

  it('hands out lists that later changes leave alone', () => {
    const { graph, pods, byApp } = open();
    const apps = graph.source<string, string>('apps');
    const lists = graph.derive({
      name: 'lists',
      from: apps,
      reads: { byApp },
      fn: (app, key, read) => [[key, read.byApp.at(app)]],
    });
    graph.transact(() => {
      apps.set('x', 'x');
      pods.set('p', { app: 'x', v: 1 });
    });
    const first = lists.get('x');
    graph.transact(() => pods.set('p', { app: 'x', v: 2 }));
    graph.transact(() => pods.set('q', { app: 'x', v: 3 }));
    expect(first).toEqual([['p', { app: 'x', v: 1 }]]);
    expect(lists.get('x')).toHaveLength(2);
  });

  it('leaves out and reports a value whose anchors throw, until it is another', () => {
    const graph = createGraph();
    const texts = graph.source<string, string>('texts');
    const byFirst = graph.index(texts, 'byFirst', (text) => {
      if (text === '') throw new Error('empty');
      return [text.charAt(0)];
    });
    graph.transact(() => texts.set('a', 'xyz'));
    graph.transact(() => texts.set('a', ''));
    expect(byFirst.count('x')).toBe(0);
    expect(graph.errors()).toMatchObject([{ collection: 'texts.byFirst', key: 'a', epoch: 2 }]);
    graph.transact(() => texts.set('a', 'xx'));
    expect(byFirst.count('x')).toBe(1);
    expect(graph.errors()).toEqual([]);
  });
});

describe('group', () => {
  it('is a new set only when a member comes or goes', () => {
    const { graph, pods, byApp } = open();
    const apps = graph.group(byApp);
    graph.transact(() => {
      pods.set('b', { app: 'x', v: 1 });
      pods.set('a', { app: 'x', v: 1 });
    });
    const first = apps.get('x');
    expect([...(first ?? [])]).toEqual(['a', 'b']);
    graph.transact(() => pods.set('a', { app: 'x', v: 2 }));
    expect(apps.get('x')).toBe(first);
    graph.transact(() => pods.set('c', { app: 'x', v: 2 }));
    expect([...(apps.get('x') ?? [])]).toEqual(['a', 'b', 'c']);
    expect(first?.size).toBe(2);
    graph.transact(() => {
      for (const key of ['a', 'b', 'c']) pods.delete(key);
    });
    expect(apps.size).toBe(0);
    expect(graph.group(byApp)).toBe(apps);
  });

  it('merges several inputs into one output key', () => {
    const { graph, pods, byApp } = open();
    const totals = graph.derive({
      name: 'totals',
      from: graph.group(byApp),
      reads: { pods },
      fn: (keys, app, read) => [[app, [...keys].reduce((sum, key) => sum + (read.pods.get(key)?.v ?? 0), 0)]],
    });
    graph.transact(() => {
      pods.set('a', { app: 'x', v: 1 });
      pods.set('b', { app: 'x', v: 2 });
    });
    graph.transact(() => pods.set('b', { app: 'x', v: 5 }));
    expect(totals.get('x')).toBe(6);
  });
});

describe('patchMembers', () => {
  const key = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
  const start = fc.uniqueArray(key).map((keys) => keys.sort().map((name): [string, number] => [name, 0]));
  const patches = fc
    .array(fc.tuple(key, fc.option(fc.nat(5), { nil: undefined })), { maxLength: 20 })
    .map((writes) => new Map(writes.map(([name, v]) => [name, v === undefined ? undefined : pair(name, v)])));
  const pair = (name: string, v: number): [string, number] => [name, v];

  it('equals sorting anew, and leaves a list that was handed out alone', () => {
    fc.assert(
      fc.property(start, patches, fc.boolean(), (members, patch, isHandedOut) => {
        const before = structuredClone(members);
        const wanted = new Map(members);
        for (const [name, member] of patch) {
          if (member === undefined) wanted.delete(name);
          else wanted.set(...member);
        }
        const sorted = [...wanted].sort(([left], [right]) => (left < right ? -1 : 1));
        const moves = countMoves(members, patch);
        const held = { list: members, isHandedOut };
        patchMembers(held, patch);
        expect(held).toEqual({ list: sorted, isHandedOut: false });
        if (isHandedOut) expect(members).toEqual(before);
        const names = new Set(before.map(([name]) => name));
        expect(moves.added).toBe(sorted.filter(([name]) => !names.has(name)).length);
        expect(moves.removed).toBe(before.filter(([name]) => !wanted.has(name)).length);
      }),
      { numRuns: 1000 },
    );
  });
});
