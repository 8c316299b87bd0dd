// Any history, one state: the incremental graph equals the naive one, and runs exactly what had a reason to run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGraph } from './index.ts';
import { type Buildable, createNaiveGraph, printed } from './testing/naive-graph.ts';
import type { Collection, Graph } from './types.ts';

interface Service {
  readonly ns: string;
  readonly v: number;
}
interface Endpoint {
  readonly ref: string;
  readonly v: number;
}

/** What may be different from one built graph to the next. */
interface Plan {
  readonly mayThrow: boolean;
  readonly ran: (name: string, key: string) => void;
}

const equals = (left: unknown, right: unknown) => printed(left) === printed(right);

function openSources(graph: Buildable) {
  return {
    services: graph.source<string, Service>('services', { equals }),
    endpoints: graph.source<string, Endpoint>('endpoints', { equals }),
    settings: graph.source<string, number>('settings'),
  };
}

type Sources = ReturnType<typeof openSources>;

/** One-to-many, several anchors, keys read that may not exist, reads that depend on reads, and throws. */
function buildTransforms(graph: Buildable, { services, endpoints, settings }: Sources, plan: Plan) {
  const refuse = (isBad: boolean) => {
    if (isBad && plan.mayThrow) throw new Error('bad value');
  };
  const byRef = graph.index(endpoints, 'byRef', ({ ref, v }) => {
    refuse(v === 11);
    return v % 4 === 0 ? [ref, 'all'] : [ref];
  });
  const weights = graph.derive({
    name: 'weights',
    from: services,
    reads: { byRef, settings },
    fn: ({ ns, v }, key, read) => {
      plan.ran('weights', key);
      const members = read.byRef.at(key).map(([name, endpoint]) => `${name}=${endpoint.v}`);
      refuse(v === (read.settings.get('bad') ?? -1));
      const base = v > 6 ? read.settings.get(ns) : read.byRef.count('all');
      return [[`weight/${key}`, `${ns} ${base ?? 'none'} ${members.join()}`]];
    },
  });
  const byLength = graph.index(weights, 'byLength', (text) => [String(text.length % 5)]);
  const parts = graph.derive({
    name: 'parts',
    from: endpoints,
    reads: { services },
    *fn({ ref, v }, key, read): Generator<[string, string]> {
      plan.ran('parts', key);
      for (let part = 0; part < v % 4; part += 1) {
        yield [`${key}/${part}`, `${read.services.get(ref)?.ns ?? 'alone'} ${v >> 1}`];
        refuse(v === 7);
      }
    },
  });
  const owners = graph.group(byRef);
  const sums = graph.derive({
    name: 'sums',
    from: owners,
    reads: { endpoints },
    fn: (keys, ref, read) => {
      plan.ran('sums', ref);
      const total = [...keys].reduce((sum, key) => sum + (read.endpoints.get(key)?.v ?? Number.NaN), 0);
      return [[`sum/${ref}`, String(total % 7)]];
    },
  });
  const chained = graph.derive({
    name: 'chained',
    from: services,
    reads: { byLength, parts, sums, owners },
    fn: ({ v }, key, read) => {
      plan.ran('chained', key);
      const part = read.parts.get(`e${v % 4}/0`);
      const next = part === undefined ? read.sums.get(`sum/${key}`) : read.parts.get(`e${part.length % 4}/1`);
      refuse(next === '3');
      const members = v % 2 === 0 ? read.byLength.at(String(v % 5)).map(([, text]) => text) : [];
      return [
        [`chained/${key}`, `${next} ${read.byLength.count('1')} ${members} ${read.owners.get(key)?.size}`],
      ];
    },
  });
  const everything = graph.union('everything', weights, parts, sums, chained);
  const byText = graph.index(everything, 'byText', (text) => [text.slice(0, 2)]);
  const texts = graph.group(byText);
  const last = graph.derive({
    name: 'last',
    from: everything,
    reads: { byText },
    fn: (text, key, read) => {
      plan.ran('last', key);
      return text.length % 3 === 0 ? [] : [[key, read.byText.count(text.slice(0, 2))]];
    },
  });
  return { weights, parts, owners, sums, chained, everything, texts, last };
}

type Built = ReturnType<typeof buildTransforms>;

const write = fc.oneof(
  fc.record({
    to: fc.constant('services' as const),
    key: fc.constantFrom('s0', 's1', 's2', 's3'),
    value: fc.option(fc.record({ ns: fc.constantFrom('x', 'y'), v: fc.nat(9) }), { nil: undefined }),
  }),
  fc.record({
    to: fc.constant('endpoints' as const),
    key: fc.constantFrom('e0', 'e1', 'e2', 'e3', 'e4'),
    value: fc.option(fc.record({ ref: fc.constantFrom('s0', 's1', 's2'), v: fc.nat(12) }), {
      nil: undefined,
    }),
  }),
  fc.record({
    to: fc.constant('settings' as const),
    key: fc.constantFrom('x', 'y', 'bad'),
    value: fc.option(fc.nat(9), { nil: undefined }),
  }),
);
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;
const history = fc.array(fc.array(write, { maxLength: 5 }), { minLength: 1, maxLength: 8 });

function store(sources: Sources, write: Write): void {
  if (write.value === undefined) sources[write.to].delete(write.key);
  else if (write.to === 'services') sources.services.set(write.key, write.value);
  else if (write.to === 'endpoints') sources.endpoints.set(write.key, write.value);
  else sources.settings.set(write.key, write.value);
}

const rowsOf = (of: Collection<string, unknown>): string =>
  printed([...of.entries()].sort(([left], [right]) => (left < right ? -1 : 1)));

function expectSame(actual: Built, expected: Built): void {
  for (const name of Object.keys(expected) as (keyof Built)[]) {
    const [left, right] = [rowsOf(actual[name]), rowsOf(expected[name])];
    if (left !== right) expect.fail(`${name}: ${left} is not ${right}`);
  }
}

/** A copy of a collection made from its events only; an event that does not fit fails. */
function shadow(graph: Graph, of: Collection<string, unknown>): () => void {
  const copy = new Map<string, unknown>();
  graph.watch(of, ({ epoch, changes }) => {
    expect(epoch).toBe(graph.epoch);
    expect(changes.size).toBeGreaterThan(0);
    for (const [key, { before, after }] of changes) {
      expect(copy.get(key)).toBe(before);
      expect(before).not.toBe(after);
      if (after === undefined) copy.delete(key);
      else copy.set(key, after);
    }
  });
  return () => expect(copy).toEqual(new Map(of.entries()));
}

function ranTwiceOrMore(ran: readonly string[]): readonly string[] {
  return ran.filter((run, position) => ran.indexOf(run) !== position);
}

describe('incremental state', () => {
  it('equals the state computed anew, with the runs that had a reason and no others', () => {
    fc.assert(
      fc.property(history, (transactions) => {
        const ran: string[] = [];
        const plan = { mayThrow: true, ran: (name: string, key: string) => void ran.push(`${name} ${key}`) };
        const [graph, naive] = [createGraph(), createNaiveGraph()];
        const [sources, naiveSources] = [openSources(graph), openSources(naive)];
        const built = buildTransforms(graph, sources, plan);
        const naiveBuilt = buildTransforms(naive, naiveSources, { mayThrow: true, ran: () => {} });
        const shadows = Object.values(built).map((of) => shadow(graph, of));
        for (const writes of transactions) {
          ran.length = 0;
          graph.transact(() => {
            for (const write of writes) store(sources, write);
          });
          for (const write of writes) store(naiveSources, write);
          naive.recompute();
          expectSame(built, naiveBuilt);
          expect(ranTwiceOrMore(ran)).toEqual([]);
          expect([...ran].sort()).toEqual([...naive.justified()].sort());
          const failing = graph.errors().map(({ collection, key }) => `${collection} ${key}`);
          expect(failing.sort()).toEqual([...naive.failing()].sort());
          for (const check of shadows) check();
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('does not depend on history: one transaction, or nodes built after the data, give the same', () => {
    const plan = { mayThrow: false, ran: () => {} };
    fc.assert(
      fc.property(history, (transactions) => {
        const graph = createGraph();
        const sources = openSources(graph);
        const built = buildTransforms(graph, sources, plan);
        for (const writes of transactions)
          graph.transact(() => writes.forEach((write) => void store(sources, write)));
        const atOnce = createGraph();
        const atOnceSources = openSources(atOnce);
        const builtAfter = createGraph();
        const builtAfterSources = openSources(builtAfter);
        const builtAtOnce = buildTransforms(atOnce, atOnceSources, plan);
        const fill = (into: Sources) => () => {
          for (const [key, value] of [...sources.services.entries()].reverse()) into.services.set(key, value);
          for (const [key, value] of [...sources.endpoints.entries()].reverse())
            into.endpoints.set(key, value);
          for (const [key, value] of sources.settings.entries()) into.settings.set(key, value);
        };
        atOnce.transact(fill(atOnceSources));
        builtAfter.transact(fill(builtAfterSources));
        expectSame(builtAtOnce, built);
        expectSame(buildTransforms(builtAfter, builtAfterSources, plan), built);
      }),
      { numRuns: 500 },
    );
  });
});

describe('output keys that several inputs emit', () => {
  const claim = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    emits: fc.option(fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }), { nil: undefined }),
    v: fc.nat(2),
  });

  it('are held by one of them, the others are listed, and none is lost', () => {
    fc.assert(
      fc.property(fc.array(fc.array(claim, { maxLength: 4 }), { maxLength: 10 }), (transactions) => {
        const graph = createGraph();
        const claims = graph.source<string, { emits: readonly string[]; v: number }>('claims');
        const held = graph.derive({
          name: 'held',
          from: claims,
          fn: ({ emits, v }, key) => emits.map((output) => [output, `${key} ${v}`] as const),
        });
        const check = shadow(graph, held);
        for (const writes of transactions) {
          graph.transact(() => {
            for (const { key, emits, v } of writes) {
              if (emits === undefined) claims.delete(key);
              else claims.set(key, { emits, v });
            }
          });
          const wanted = [...claims.entries()].flatMap(([key, { emits, v }]) =>
            emits.map((output) => ({ output, key, text: `${key} ${v}` })),
          );
          expect([...held.keys()].sort()).toEqual([...new Set(wanted.map(({ output }) => output))].sort());
          const losers = wanted.filter(({ output, text }) => held.get(output) !== text);
          const winners = wanted.filter(({ output, text }) => held.get(output) === text);
          expect(winners.length).toBe(held.size);
          expect(
            graph
              .errors()
              .map(({ key }) => key)
              .sort(),
          ).toEqual(losers.map(({ key }) => key).sort());
          check();
        }
      }),
      { numRuns: 1000 },
    );
  });
});
