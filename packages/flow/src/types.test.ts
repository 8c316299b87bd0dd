// The compiler keeps rule 2: what is not declared cannot be read.
import { describe, expectTypeOf, it } from 'vitest';
import { createGraph } from './index.ts';
import type { Collection } from './types.ts';

type Host = `host/${string}`;

describe('types', () => {
  it('follow the declaration', () => {
    const graph = createGraph();
    const pods = graph.source<string, { readonly ip: string }>('pods');
    const hosts = graph.source<Host, number>('hosts');
    const byIp = graph.index(pods, 'byIp', ({ ip }) => [ip]);
    const derived = graph.derive({
      name: 'derived',
      from: hosts,
      reads: { pods, byIp },
      fn: (value, key, read) => {
        expectTypeOf(value).toEqualTypeOf<number>();
        expectTypeOf(key).toEqualTypeOf<Host>();
        expectTypeOf(read.pods.get('p')).toEqualTypeOf<{ readonly ip: string } | undefined>();
        expectTypeOf(read.byIp.count('10.0.0.1')).toEqualTypeOf<number>();
        const [first] = read.byIp.at('10.0.0.1');
        expectTypeOf(first).toEqualTypeOf<readonly [string, { readonly ip: string }] | undefined>();
        // @ts-expect-error hosts was not declared
        void (() => read.hosts.get('host/a'));
        // @ts-expect-error a collection cannot be listed, there would be no end to what depends on it
        void (() => read.pods.keys());
        // @ts-expect-error an index is read by anchor
        void (() => read.byIp.get('p'));
        return [[key, String(value)]];
      },
    });
    expectTypeOf(derived).toEqualTypeOf<Collection<Host, string>>();
    graph.derive({
      name: 'no reads',
      from: hosts,
      fn: (_, key, read) => {
        // @ts-expect-error nothing was declared
        void (() => read.pods.get('p'));
        return [[key, 1]];
      },
    });
    // @ts-expect-error not a key of hosts
    void (() => hosts.set('a', 1));
    // @ts-expect-error a derived collection cannot be written
    void (() => derived.set('host/a', '1'));
  });
});
