// The audit log of an agent: one chain for all its workloads, whether or not the control plane is there.
import { existsSync } from 'node:fs';
import {
  type AuditChain,
  type AuditCounts,
  type AuditRecord,
  type AuditSink,
  type CallRecord,
  type CheckpointSigner,
  openAuditChain,
} from '@xebec/journal-file';
import type { Diagnostic } from '@xebec/std';
import { createRulePlaces } from './rule-places.ts';

export interface AuditWriterOptions {
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Where a rule was written, if the control plane can say so now. */
  readonly locate: (cause: string) => Promise<string | undefined>;
  /** Tells the control plane how far this log is; how far its own is, if it can be asked now. */
  readonly exchangeHeads?: (own: NamedHead) => Promise<NamedHead | undefined>;
  /** Get what is written, too. */
  readonly sinks?: readonly AuditSink[];
  /** Milliseconds between signatures, where there is something to sign; 30 s by default. */
  readonly checkpointMs?: number;
  readonly onTrouble: (problem: Diagnostic | undefined) => void;
}

/** How far a log is. */
export interface NamedHead {
  readonly chain: string;
  readonly at: number;
  readonly head: string;
}

export interface AuditedProxy {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  /** Its identity, which may sign the log. */
  readonly identity: () => CheckpointSigner;
  /** How many records the proxy could not send since it started; rejects when it does not answer. */
  readonly dropped: () => Promise<number>;
}

export interface ProxyRecords extends Disposable {
  append(records: readonly CallRecord[]): void;
}

export interface AuditWriter {
  /** A proxy whose records are kept until this is disposed. */
  addProxy(proxy: AuditedProxy): ProxyRecords;
  /** Signs now what there is. */
  checkpoint(): Promise<void>;
  readonly counts: AuditCounts;
  close(): Promise<void>;
}

/**
 * Opens the log when it is there already, else with its first record; until it can be opened, records wait as they do
 * for a full disk.
 */
export function createAuditWriter(options: AuditWriterOptions): AuditWriter {
  const log = new AgentLog(options);
  const places = createRulePlaces(options);
  const proxies = new Map<AuditedProxy, DropCounter>();
  let last: Promise<void> = Promise.resolve();
  const checkpoint = async (): Promise<void> => {
    const drops = await Promise.all([...proxies.values()].map((counter) => counter.news()));
    for (const { pod, count } of drops) log.noteDrops(pod, count);
    await log.checkpoint([...proxies.keys()].at(-1)?.identity);
  };
  const timer = setInterval(() => void checkpoint(), options.checkpointMs ?? 30_000);
  timer.unref();
  return {
    addProxy(proxy) {
      const counter = new DropCounter(proxy);
      proxies.set(proxy, counter);
      return {
        append(records) {
          counter.isUsed = true;
          if (records.length === 0) return;
          // One after the other, so that records stay in the order in which they came.
          last = last.then(async () => {
            for (const record of records) log.append(await places.addTo(record));
          });
        },
        [Symbol.dispose]: () => void proxies.delete(proxy),
      };
    },
    async checkpoint() {
      await last;
      await checkpoint();
    },
    get counts() {
      return log.counts;
    },
    async close() {
      await last;
      clearInterval(timer);
      log.close();
    },
  };
}

/** What a proxy could not send is counted there; here it becomes a record. */
class DropCounter {
  /** Proxies that never told anything are not asked. */
  isUsed = false;
  readonly #proxy: AuditedProxy;
  #known = 0;

  constructor(proxy: AuditedProxy) {
    this.#proxy = proxy;
  }

  async news(): Promise<{ readonly pod: string; readonly count: number }> {
    const { pod, dropped } = this.#proxy;
    if (!this.isUsed) return { pod, count: 0 };
    const total = await dropped().catch(() => this.#known);
    // A proxy that was started again counts from the beginning.
    const count = total < this.#known ? total : total - this.#known;
    this.#known = total;
    return { pod, count };
  }
}

const reopenMs = 1_000;
const mostWaiting = 10_000;

class AgentLog {
  readonly #options: AuditWriterOptions;
  #chain: AuditChain | undefined;
  #waiting: AuditRecord[] = [];
  #lost = 0;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #isTold = false;
  /** Since the last signature. */
  #hasNews = false;

  constructor(options: AuditWriterOptions) {
    this.#options = options;
    if (existsSync(options.directory)) this.#open();
  }

  get counts(): AuditCounts {
    return this.#chain?.counts ?? { written: 0, lost: this.#lost, waiting: this.#waiting.length };
  }

  append(record: CallRecord): void {
    this.#hasNews = true;
    const chain = this.#chain ?? this.#open();
    if (chain !== undefined) chain.append(record);
    else if (this.#waiting.length < mostWaiting) this.#waiting.push(record);
    else this.#lost += 1;
  }

  noteDrops(pod: string, count: number): void {
    if (count === 0) return;
    const reason = `the proxy of ${pod} could not send them`;
    this.#chain?.append({ kind: 'lost', time: new Date(this.#options.clock()).toISOString(), count, reason });
  }

  /** Signs the log where somebody can, and has it and the control plane's vouch for each other. */
  async checkpoint(signer: (() => CheckpointSigner) | undefined): Promise<void> {
    const chain = this.#chain;
    if (chain === undefined || !this.#hasNews) return;
    this.#hasNews = false;
    if (signer !== undefined) chain.checkpoint(signer());
    const { seq: at, hash: head } = chain.head;
    const other = await this.#options.exchangeHeads?.({ chain: chain.id, at, head });
    const time = new Date(this.#options.clock()).toISOString();
    if (other !== undefined) chain.append({ kind: 'anchor', time, ...other });
  }

  close(): void {
    this.#chain?.[Symbol.dispose]();
  }

  #open(): AuditChain | undefined {
    const { directory, clock, onTrouble, sinks = [] } = this.#options;
    if (clock() < this.#triedAtMs + reopenMs) return undefined;
    this.#triedAtMs = clock();
    const opened = openAuditChain({
      directory,
      writer: 'agent',
      clock,
      onTrouble,
      sinks,
    });
    if (!opened.ok) {
      if (!this.#isTold) onTrouble(opened.diagnostics[0]);
      this.#isTold = true;
      return undefined;
    }
    this.#chain = opened.value;
    for (const record of this.#waiting.splice(0)) this.#chain.append(record);
    const lost = { kind: 'lost', count: this.#lost, reason: 'the log could not be opened' } as const;
    if (this.#lost > 0) this.#chain.append({ ...lost, time: new Date(clock()).toISOString() });
    return this.#chain;
  }
}
