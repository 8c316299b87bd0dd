// Small objects and stores for the tests of this package.
import { type ObjectKey, type RawObject, rawObject } from '@xebec/config';
import { createGraph, type Graph } from '@xebec/flow';
import type { Result } from '@xebec/std';
import type { JournalContent } from '../journal.ts';
import { createMemoryJournal } from '../memory-journal.ts';
import { createStore } from '../store.ts';
import type { Applied, ChangeRequest, Store, StoreOptions } from '../types.ts';

export const startMs = Date.UTC(2026, 0, 1);

export interface World {
  readonly graph: Graph;
  readonly store: Store;
  readonly journal: ReturnType<typeof createMemoryJournal>;
  readonly apply: (change: Partial<ChangeRequest>) => Result<Applied>;
}

/** A store on its own graph, with a clock that advances a second per look. */
export function createWorld(options: Partial<StoreOptions> = {}): World {
  const graph = createGraph();
  const journal = createMemoryJournal(options.recovered);
  let nowMs = startMs;
  let uids = 0;
  const clock = () => {
    nowMs += 1_000;
    return nowMs;
  };
  const newUid = () => `uid-${++uids}`;
  const store = createStore({ graph, journal, clock, newUid, ...options });
  const apply = (change: Partial<ChangeRequest>) =>
    store.apply({ author: 'ann', owner: 'api', mode: 'all-or-nothing', ...change });
  return { graph, store, journal, apply };
}

/** The same store after a restart. */
export const restart = (recovered: JournalContent, options: Partial<StoreOptions> = {}): World =>
  createWorld({ ...options, recovered: JSON.parse(JSON.stringify(recovered)) });

export const keyOfService = (name: string): ObjectKey => `Service/default/${name}`;

/** A Service as it would be read from line `line` of `file`. */
export function service(name: string, port = 80, { file = 'a.yaml', line = 1 } = {}): RawObject {
  const value = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ name: 'http', port }] },
  };
  const raw = rawObject(value, { file, line, column: 1 });
  return { ...raw, locate: (path) => ({ file, line: line + path.length, column: 3 }) };
}

/** A Service that nobody can accept. */
export const badService = (name: string, place = {}): RawObject => service(name, -1, place);

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics, null, 2));
  return result.value;
}

export const codesOf = (result: Result<unknown>): readonly string[] =>
  result.ok ? [] : result.diagnostics.map(({ code }) => code);

export const portOf = (store: Store, name: string): number | undefined =>
  store.source('Service').get(keyOfService(name))?.spec.ports[0]?.port;
