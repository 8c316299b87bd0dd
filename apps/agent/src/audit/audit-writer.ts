// The audit log of an agent: one chain for all its workloads, whether or not the control plane is there.
import { join } from 'node:path';
import {
  type AuditChain,
  type AuditCounts,
  type AuditedRule,
  type AuditRecord,
  type CallRecord,
  openAuditChain,
} from '@xebec/journal-file';
import type { Diagnostic } from '@xebec/std';

export interface AuditWriterOptions {
  readonly stateDirectory: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Where a rule was written, if the control plane can say so now. */
  readonly locate: (cause: string) => Promise<string | undefined>;
  readonly onTrouble: (problem: Diagnostic | undefined) => void;
}

export interface AuditWriter {
  append(records: readonly CallRecord[]): void;
  readonly counts: AuditCounts;
  close(): Promise<void>;
}

export const agentAudit = (stateDirectory: string): string => join(stateDirectory, 'audit', 'agent');

/** Opens the log at once, or later: until it can be opened, records wait as they do for a full disk. */
export function createAuditWriter(options: AuditWriterOptions): AuditWriter {
  const log = new AgentLog(options);
  const origins = createOrigins(options);
  let last: Promise<void> = Promise.resolve();
  return {
    append(records) {
      if (records.length === 0) return;
      // One after the other, so that records stay in the order in which they came.
      last = last.then(async () => {
        for (const record of records) log.append(await origins.addTo(record));
      });
    },
    get counts() {
      return log.counts;
    },
    async close() {
      await last;
      log.close();
    },
  };
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

  constructor(options: AuditWriterOptions) {
    this.#options = options;
    this.#open();
  }

  get counts(): AuditCounts {
    return this.#chain?.counts ?? { written: 0, lost: this.#lost, waiting: this.#waiting.length };
  }

  append(record: CallRecord): void {
    const chain = this.#chain ?? this.#open();
    if (chain !== undefined) chain.append(record);
    else if (this.#waiting.length < mostWaiting) this.#waiting.push(record);
    else this.#lost += 1;
  }

  close(): void {
    this.#chain?.[Symbol.dispose]();
  }

  #open(): AuditChain | undefined {
    const { stateDirectory, clock, onTrouble } = this.#options;
    if (clock() < this.#triedAtMs + reopenMs) return undefined;
    this.#triedAtMs = clock();
    const opened = openAuditChain({
      directory: agentAudit(stateDirectory),
      writer: 'agent',
      clock,
      onTrouble,
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

/** How long a place is believed, and how long one waits for it: records do not wait for the control plane. */
const [freshMs, patienceMs] = [10_000, 300];
const mostKnown = 10_000;

interface Known {
  readonly origin: string | undefined;
  readonly untilMs: number;
}

function createOrigins({ clock, locate }: Pick<AuditWriterOptions, 'clock' | 'locate'>) {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<Known>>();
  const ask = (cause: string): Promise<Known> => {
    const running = asking.get(cause) ?? look(cause);
    asking.set(cause, running);
    return running;
  };
  const look = async (cause: string): Promise<Known> => {
    const origin = (await locate(cause)) ?? known.get(cause)?.origin;
    const found = { origin, untilMs: clock() + freshMs };
    if (known.size >= mostKnown) known.clear();
    known.set(cause, found);
    asking.delete(cause);
    return found;
  };
  /** What is known goes at once, and is asked for again when it is old. */
  const originOf = async (cause: string): Promise<string | undefined> => {
    const held = known.get(cause);
    if (held === undefined) return (await Promise.race([ask(cause), nothingAfter(patienceMs)]))?.origin;
    if (held.untilMs < clock()) void ask(cause);
    return held.origin;
  };
  const located = async (rule: AuditedRule): Promise<AuditedRule> => {
    if (rule.rule === undefined) return rule;
    const origin = await originOf(`${rule.policy}#spec.rules[${rule.rule}]`);
    return origin === undefined ? rule : { ...rule, origin };
  };
  return {
    async addTo(record: CallRecord): Promise<CallRecord> {
      const { by, audit } = record;
      return {
        ...record,
        ...(by === undefined ? {} : { by: await located(by) }),
        ...(audit === undefined ? {} : { audit: await located(audit) }),
      };
    },
  };
}

const nothingAfter = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), milliseconds).unref();
  });
