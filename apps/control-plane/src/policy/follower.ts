// One policy service that follows: it gets everything once and then what changed, one transaction at a time as long as it keeps up, several at once when it is slow.
import type { IdentifiedStream } from '@xebec/ca';
import type { FollowerReport } from '@xebec/policy';
import type { FollowedConfiguration } from './followed-configuration.ts';

export interface FollowerState {
  readonly revision: () => number;
  readonly rootNamespace: () => string;
  readonly configuration: FollowedConfiguration;
}

/** Bytes of texts in one message, about. */
const messageSize = 1_000_000;

export class Follower {
  readonly connectedAtMs: number;
  readonly peer: string;
  report: FollowerReport | undefined;
  readonly #stream: IdentifiedStream;
  readonly #state: FollowerState;
  #pending: Set<string>;
  #isInitial = true;
  #isFull = false;
  #sentRevision = 0;

  constructor(stream: IdentifiedStream, state: FollowerState, nowMs: number) {
    this.#stream = stream;
    this.#state = state;
    this.peer = stream.peer;
    this.connectedAtMs = nowMs;
    this.#pending = new Set(state.configuration.keys());
    this.#flush();
  }

  /** Of the newest message. */
  get sentRevision(): number {
    return this.#sentRevision;
  }

  changed(keys: ReadonlySet<string>): void {
    for (const key of keys) this.#pending.add(key);
    if (!this.#isFull) this.#flush();
  }

  drained(): void {
    this.#isFull = false;
    if (this.#pending.size > 0) this.#flush();
  }

  #flush(): void {
    const keys = [...this.#pending];
    this.#pending = new Set();
    let chunk: Chunk = emptyChunk();
    for (const key of keys) {
      const text = this.#state.configuration.get(key);
      if (text === undefined) chunk.removed.push(key);
      else chunk.set.push(text);
      chunk.size += text?.length ?? key.length;
      if (chunk.size < messageSize) continue;
      this.#send(chunk, false);
      chunk = emptyChunk();
    }
    this.#send(chunk, true);
  }

  #send({ set, removed }: Chunk, isComplete: boolean): void {
    const revision = this.#state.revision();
    const rootNamespace = this.#state.rootNamespace();
    const isInitial = this.#isInitial;
    this.#isInitial = false;
    if (isComplete) this.#sentRevision = revision;
    if (!this.#stream.send({ revision, isInitial, isComplete, rootNamespace, set, removed }))
      this.#isFull = true;
  }
}

interface Chunk {
  readonly set: string[];
  readonly removed: string[];
  size: number;
}

const emptyChunk = (): Chunk => ({ set: [], removed: [], size: 0 });
