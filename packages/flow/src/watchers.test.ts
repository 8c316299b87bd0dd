// Watchers: after the wave, of one epoch, each of them whatever the others do.
import { describe, expect, it } from 'vitest';
import { createGraph, WatcherError } from './index.ts';

function open() {
  const graph = createGraph();
  const numbers = graph.source<string, number>('numbers');
  const doubled = graph.derive({ name: 'doubled', from: numbers, fn: (v, key) => [[key, v * 2]] });
  return { graph, numbers, doubled };
}

describe('watch', () => {
  it('sees every collection at one epoch, and onEpoch comes last', () => {
    const { graph, numbers, doubled } = open();
    const seen: string[] = [];
    graph.onEpoch((epoch) => seen.push(`end of ${epoch}`));
    graph.watch(numbers, ({ epoch, changes }) => {
      for (const key of changes.keys())
        seen.push(`${epoch} ${graph.epoch} ${numbers.get(key)} ${doubled.get(key)}`);
    });
    graph.watch(doubled, ({ changes }) => seen.push(`doubled ${changes.get('a')?.after}`));
    graph.transact(() => numbers.set('a', 1));
    graph.transact(() => numbers.set('a', 2));
    expect(seen).toEqual(['1 1 1 2', 'doubled 2', 'end of 1', '2 2 2 4', 'doubled 4', 'end of 2']);
  });

  it('ends when disposed, at once, and one added meanwhile starts with the next epoch', () => {
    const { graph, numbers, doubled } = open();
    const seen: string[] = [];
    graph.watch(numbers, ({ epoch }) => {
      second[Symbol.dispose]();
      if (epoch === 1) graph.watch(doubled, (event) => seen.push(`late ${event.epoch}`));
    });
    const second = graph.watch(doubled, () => seen.push('disposed'));
    graph.watch(doubled, ({ epoch }) => seen.push(`third ${epoch}`));
    graph.transact(() => numbers.set('a', 1));
    graph.transact(() => numbers.set('a', 2));
    expect(seen).toEqual(['third 1', 'third 2', 'late 2']);
    second[Symbol.dispose]();
  });

  it('refuses a transaction from a watcher', () => {
    const { graph, numbers } = open();
    graph.onEpoch(() => {
      expect(() => graph.transact(() => numbers.set('b', 1))).toThrow('during a transaction (watching)');
    });
    graph.transact(() => numbers.set('a', 1));
    expect(numbers.has('b')).toBe(false);
  });
});

describe('a watcher that throws', () => {
  it('keeps nobody from being called; the transaction stands and the caller is told', () => {
    const { graph, numbers, doubled } = open();
    const seen: string[] = [];
    const fail = (text: string) => () => {
      throw new Error(text);
    };
    const failing = [graph.watch(numbers, fail('first')), graph.onEpoch(fail('second'))];
    graph.watch(numbers, () => seen.push('numbers'));
    graph.watch(doubled, () => seen.push('doubled'));
    graph.onEpoch((epoch) => seen.push(`end of ${epoch}`));
    let thrown: unknown;
    try {
      graph.transact(() => numbers.set('a', 1));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WatcherError);
    expect(thrown).toMatchObject({ epoch: 1, errors: [new Error('first'), new Error('second')] });
    expect(seen).toEqual(['numbers', 'doubled', 'end of 1']);
    for (const watching of failing) watching[Symbol.dispose]();
    expect(graph.transact(() => numbers.set('a', 2))).toBe(2);
    expect(doubled.get('a')).toBe(4);
  });
});
