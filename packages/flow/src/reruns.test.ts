// Tracked reads leave nothing behind: what a key no longer reads, or a key that is gone, marks nothing.
import { describe, expect, it } from 'vitest';
import { Lifecycle } from './lifecycle.ts';
import { Links } from './links.ts';
import { Reruns } from './reruns.ts';
import { SourceTable } from './source.ts';

describe('Links', () => {
  it('replaces the reads of a reader, and shares a key between readers', () => {
    const links = new Links<string>();
    links.track('r1', ['a', 'b']);
    links.track('r2', 'a');
    expect(links.readersOf('a')).toEqual(new Set(['r1', 'r2']));
    links.track('r1', 'b');
    expect(links.readersOf('a')).toBe('r2');
    expect(links.readersOf('b')).toBe('r1');
    links.track('r2', undefined);
    expect(links.readersOf('a')).toBeUndefined();
    expect(links.keysReadBy('r2')).toBeUndefined();
  });
});

describe('Reruns', () => {
  it('marks who read what changed, until it is forgotten', () => {
    const lifecycle = new Lifecycle();
    const numbers = new SourceTable<string, number>('numbers', Object.is, lifecycle);
    const reruns = new Reruns<'r1' | 'r2', { numbers: typeof numbers }>('reader', { numbers }, lifecycle);
    for (const key of ['r1', 'r2'] as const) reruns.track(key, () => reruns.read.numbers.get('a'));
    const pendingAfter = (value: number) => {
      lifecycle.stage(() => numbers.set('a', value));
      lifecycle.commit();
      return [...reruns.takePending()];
    };
    expect(pendingAfter(1)).toEqual(['r1', 'r2']);
    reruns.forget('r1');
    expect(pendingAfter(2)).toEqual(['r2']);
    reruns.track('r2', () => {});
    expect(pendingAfter(3)).toEqual([]);
  });
});
