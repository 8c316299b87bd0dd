// Follows the bundles of other meshes: fetched, refreshed as often as they ask for, remembered. Nobody waits for them; what was good once stays, and it is told that it is old.
import { readSpiffeBundle, type SpiffeBundle, spiffeBundleLimits, spiffeIdsIn } from '@xebec/ca';
import type { ExpectedPeer, Fetched, FetchLimits } from '../outbound/guarded-fetch.ts';
import type { BundleStore } from './bundle-store.ts';

/** Where the bundle of a trust domain is. */
export interface BundleSource {
  readonly trustDomain: string;
  readonly url: string;
  /** Absent: a certificate of the web answers there. Else this identity, by the newest roots, at first by these. */
  readonly endpoint?: { readonly id: string; readonly firstPem: string };
}

export interface BundleState {
  readonly source: BundleSource;
  /** Undefined: none was ever read. */
  readonly bundle: SpiffeBundle | undefined;
  readonly fetchedAtMs: number | undefined;
  /** Why the last attempt failed. */
  readonly problem: string | undefined;
}

export interface BundleFetch extends FetchLimits {
  readonly peer?: ExpectedPeer;
}

export interface BundleFollowerOptions {
  readonly fetchText: (url: string, options: BundleFetch) => Promise<Fetched>;
  readonly store: BundleStore;
  readonly clock: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** After the first failure; doubled with each further one. */
  readonly retryMs?: number;
  /** Something is known anew, or has become old. */
  readonly onChange: () => void;
  readonly onProblem: (state: BundleState) => void;
}

export interface BundleFollower extends Disposable {
  /** These from now on, and no others. */
  follow(sources: readonly BundleSource[]): void;
  readonly states: readonly BundleState[];
  of(source: BundleSource): BundleState | undefined;
}

interface Entry {
  readonly source: BundleSource;
  bundle: SpiffeBundle | undefined;
  fetchedAtMs: number | undefined;
  problem: string | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const timeoutMs = 10_000;
const usualRetryMs = 1_000;
const longestRetryMs = 60_000;
const usualRefreshMs = 300_000;
/** Whatever another mesh asks for. */
const [soonestRefreshMs, latestRefreshMs] = [1_000, 24 * 3_600_000];

const keyOf = ({ trustDomain, url, endpoint }: BundleSource): string =>
  JSON.stringify([trustDomain, url, ...(endpoint === undefined ? [] : [endpoint.id, endpoint.firstPem])]);

export const createBundleFollower = (options: BundleFollowerOptions): BundleFollower => new Follower(options);

class Follower implements BundleFollower {
  readonly #options: BundleFollowerOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BundleFollowerOptions) {
    this.#options = options;
  }

  get states(): readonly BundleState[] {
    return [...this.#entries.values()];
  }

  of(source: BundleSource): BundleState | undefined {
    return this.#entries.get(keyOf(source));
  }

  follow(sources: readonly BundleSource[]): void {
    const wanted = new Map(sources.map((source) => [keyOf(source), source]));
    for (const [key, { timer }] of this.#entries) {
      if (wanted.has(key)) continue;
      clearTimeout(timer);
      this.#entries.delete(key);
      this.#options.store.delete(key);
    }
    for (const [key, source] of wanted) if (!this.#entries.has(key)) this.#begin(key, source);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  #begin(key: string, source: BundleSource): void {
    const { store, clock } = this.#options;
    const kept = store.get(key);
    // What the file says is checked like what another mesh says.
    const read = kept === undefined ? undefined : readSpiffeBundle(kept.text, clock());
    const bundle = read?.ok === true ? read.value : undefined;
    const fetchedAtMs = bundle === undefined ? undefined : kept?.fetchedAtMs;
    const entry = { source, bundle, fetchedAtMs, problem: undefined, failures: 0, timer: undefined };
    this.#entries.set(key, entry);
    void this.#refresh(key, entry);
  }

  async #refresh(key: string, entry: Entry): Promise<void> {
    const { fetchText, store, clock, onChange } = this.#options;
    const limits = { timeoutMs, mostBytes: spiffeBundleLimits.bytes };
    const peer = expectedAt(entry);
    const answer = await fetchText(entry.source.url, { ...limits, ...(peer === undefined ? {} : { peer }) });
    if (this.#entries.get(key) !== entry) return;
    if (answer.kind === 'failed') return this.#fail(key, entry, answer.reason);
    const read = readSpiffeBundle(answer.text, clock());
    if (!read.ok) return this.#fail(key, entry, read.diagnostics.map(({ message }) => message).join('; '));
    if (isOlder(read.value, entry.bundle))
      return this.#fail(key, entry, 'its bundle is older than one known before');
    const isNew = entry.bundle?.key !== read.value.key || entry.problem !== undefined;
    // Lists that say the same are kept as they are: signed anew they would be sent anew.
    const lists = entry.bundle?.key === read.value.key ? entry.bundle.lists : read.value.lists;
    entry.bundle = { ...read.value, lists };
    entry.fetchedAtMs = clock();
    entry.problem = undefined;
    entry.failures = 0;
    store.put(key, { text: answer.text, fetchedAtMs: entry.fetchedAtMs });
    this.#later(key, entry, refreshOf(read.value));
    if (isNew) onChange();
  }

  #fail(key: string, entry: Entry, reason: string): void {
    const { retryMs = usualRetryMs, onProblem, onChange } = this.#options;
    const isNew = entry.problem !== reason;
    entry.problem = reason;
    const backoffMs = Math.min(retryMs * 2 ** Math.min(entry.failures++, 20), longestRetryMs);
    const mostMs = entry.bundle === undefined ? longestRetryMs : refreshOf(entry.bundle);
    this.#later(key, entry, Math.min(backoffMs, mostMs));
    if (!isNew) return;
    onProblem(entry);
    onChange();
  }

  #later(key: string, entry: Entry, delayMs: number): void {
    // Never later than asked for: whoever changes a root counts on it.
    const spreadMs = delayMs * (0.8 + 0.2 * this.#options.random());
    entry.timer = setTimeout(() => void this.#refresh(key, entry), spreadMs).unref();
  }
}

const refreshOf = ({ refreshHintMs = usualRefreshMs }: SpiffeBundle): number =>
  Math.min(Math.max(refreshHintMs, soonestRefreshMs), latestRefreshMs);

const isOlder = ({ sequence }: SpiffeBundle, known: SpiffeBundle | undefined): boolean =>
  sequence !== undefined && known?.sequence !== undefined && sequence < known.sequence;

function expectedAt({ source: { endpoint }, bundle }: Entry): ExpectedPeer | undefined {
  if (endpoint === undefined) return undefined;
  return {
    rootsPem: bundle?.rootsPem ?? [endpoint.firstPem],
    check({ raw }) {
      const ids = spiffeIdsIn(raw);
      if (ids.length === 1 && ids[0] === endpoint.id) return undefined;
      return new Error(`who answers is ${ids.join(', ') || 'nobody of a mesh'} instead of ${endpoint.id}`);
    },
  };
}
