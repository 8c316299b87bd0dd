// Keeps the keys that tokens are verified with: fetched, refreshed, retried, remembered. Nobody waits for them; what was good once stays.
import type { Collection, Graph, Source } from '@xebec/flow';
import type { KeyRequest } from '@xebec/mesh';
import type { KeySource, ObjectKey } from '@xebec/model';
import { type FetchText, fetchKeys } from './fetch-keys.ts';
import type { KeyStore, KnownKeys } from './key-store.ts';
import { createTurns } from './turns.ts';

export interface KeyFetcherOptions {
  readonly graph: Graph;
  readonly requests: Collection<KeySource, KeyRequest>;
  readonly keySets: Source<KeySource, string>;
  readonly fetchText: FetchText;
  readonly store: KeyStore;
  readonly clock: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Between two fetches that succeed. */
  readonly refreshMs: number;
  /** After the first failure; doubled with each further one. */
  readonly retryMs?: number;
  readonly onProblem: (problem: KeyProblem) => void;
}

export interface KeyProblem {
  readonly source: KeySource;
  readonly reason: string;
  readonly objects: readonly ObjectKey[];
  /** Keys from before go on being used. */
  readonly hasKeys: boolean;
}

/** What is known of the keys of one object. */
export interface KeyState {
  readonly source: KeySource;
  readonly state: 'known' | 'missing';
  readonly keys?: number;
  readonly fetchedAtMs?: number;
  /** Why the last attempt failed. */
  readonly problem?: string;
}

export interface KeyFetcher extends Disposable {
  of(object: ObjectKey): readonly KeyState[];
}

interface Entry {
  request: KeyRequest;
  known: KnownKeys | undefined;
  problem: string | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const mostAtOnce = 8;
const usualRetryMs = 1_000;
const longestRetryMs = 60_000;

export const createKeyFetcher = (options: KeyFetcherOptions): KeyFetcher => new Fetcher(options);

class Fetcher implements KeyFetcher {
  readonly #options: KeyFetcherOptions;
  readonly #entries = new Map<KeySource, Entry>();
  readonly #turns = createTurns(mostAtOnce);
  readonly #watch: Disposable;

  constructor(options: KeyFetcherOptions) {
    this.#options = options;
    const { graph, requests } = options;
    for (const source of [...requests.keys()]) this.#follow(source);
    // What watchers want to write is written after the transaction that they hear of.
    this.#watch = graph.watch(requests, ({ changes }) => {
      setImmediate(() => {
        for (const source of changes.keys()) this.#follow(source);
      });
    });
  }

  of(object: ObjectKey): readonly KeyState[] {
    return [...this.#entries]
      .filter(([, { request }]) => request.objects.includes(object))
      .map(([source, { known, problem }]) => ({
        source,
        state: known === undefined ? 'missing' : 'known',
        ...(known === undefined ? {} : { keys: known.count, fetchedAtMs: known.fetchedAtMs }),
        ...(problem === undefined ? {} : { problem }),
      }));
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  #follow(source: KeySource): void {
    const { requests, store } = this.#options;
    const request = requests.get(source);
    const entry = this.#entries.get(source);
    if (request === undefined) {
      if (entry !== undefined) this.#forget(source, entry);
    } else if (entry !== undefined) {
      entry.request = request;
    } else {
      const known = store.get(source);
      const begun: Entry = { request, known, problem: undefined, failures: 0, timer: undefined };
      this.#entries.set(source, begun);
      if (known !== undefined) this.#publish(source, known.keySet);
      this.#turns(() => this.#refresh(source, begun));
    }
  }

  #forget(source: KeySource, { timer }: Entry): void {
    clearTimeout(timer);
    this.#entries.delete(source);
    this.#options.store.delete(source);
    this.#publish(source, undefined);
  }

  async #refresh(source: KeySource, entry: Entry): Promise<void> {
    const { fetchText, store, clock, refreshMs } = this.#options;
    if (this.#entries.get(source) !== entry) return;
    const answer = await fetchKeys(source, { fetchText, timeoutMs: entry.request.timeoutMs });
    if (this.#entries.get(source) !== entry) return;
    if (answer.kind === 'failed') return this.#fail(source, entry, answer.reason);
    entry.problem = undefined;
    entry.failures = 0;
    entry.known = { keySet: answer.keySet, count: answer.count, fetchedAtMs: clock() };
    store.put(source, entry.known);
    this.#publish(source, answer.keySet);
    this.#later(source, entry, refreshMs);
  }

  #fail(source: KeySource, entry: Entry, reason: string): void {
    const { retryMs = usualRetryMs, onProblem } = this.#options;
    const isNew = entry.problem !== reason;
    entry.problem = reason;
    const hasKeys = entry.known !== undefined;
    if (isNew) onProblem({ source, reason, objects: entry.request.objects, hasKeys });
    this.#later(source, entry, Math.min(retryMs * 2 ** entry.failures++, longestRetryMs));
  }

  #later(source: KeySource, entry: Entry, delayMs: number): void {
    const spreadMs = delayMs * (0.8 + 0.4 * this.#options.random());
    entry.timer = setTimeout(() => this.#turns(() => this.#refresh(source, entry)), spreadMs).unref();
  }

  #publish(source: KeySource, keySet: string | undefined): void {
    const { graph, keySets } = this.#options;
    graph.transact(() => (keySet === undefined ? keySets.delete(source) : keySets.set(source, keySet)));
  }
}
