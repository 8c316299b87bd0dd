// The ledger in memory with a log beside it: what was counted is there again after a restart. What was granted since the last write is forgotten when the process is killed: a fifth of a second at most.
import { type Disk, openRecordLog, type RecordLog } from '@xebec/journal-file';
import { createMemoryLedger, type MemoryLedger } from '@xebec/policy';
import type { Diagnostic } from '@xebec/std';

export interface KeptLedgerOptions {
  /** The log's file. */
  readonly path: string;
  readonly now?: () => number;
  /** Between writes; default 200. */
  readonly writeMs?: number;
  /** After a write that failed; default 5,000. */
  readonly retryMs?: number;
  readonly disk?: Disk;
  /** The ledger counts on, but what it counts may not survive. */
  readonly onProblem: (problem: Diagnostic) => void;
}

export interface KeptLedger {
  readonly ledger: MemoryLedger;
  /** Now, and not when its time has come. */
  write(): void;
  /** Writes what is left. */
  close(): void;
}

/** The log is rewritten when it is larger than this and than four times what it was after the last time. */
const smallBytes = 4 * 1024 * 1024;

export function openKeptLedger({
  path,
  now = Date.now,
  writeMs = 200,
  retryMs = 5_000,
  disk,
  onProblem,
}: KeptLedgerOptions): KeptLedger {
  const ledger = createMemoryLedger({ now });
  const opened = openRecordLog(path, disk);
  for (const problem of opened.ok ? opened.warnings : opened.diagnostics) onProblem(problem);
  if (!opened.ok) return { ledger, write: () => undefined, close: () => undefined };
  const { log, records } = opened.value;
  for (const record of records) ledger.restore(record);
  let leastBytes = smallBytes;
  let retryAtMs: number | undefined;
  const write = (): void => {
    const changes = ledger.drainChanges();
    if (retryAtMs === undefined ? changes.length === 0 : now() < retryAtMs) return;
    // What could not be written is not among the next changes: only all of it makes up for that.
    const room = retryAtMs === undefined ? leastBytes : 0;
    const kept = keep({ log, ledger, changes, leastBytes: room }, onProblem);
    retryAtMs = kept === undefined ? now() + retryMs : undefined;
    leastBytes = kept ?? leastBytes;
  };
  const timer = setInterval(write, writeMs);
  timer.unref();
  return {
    ledger,
    write,
    close() {
      clearInterval(timer);
      if (retryAtMs !== undefined) retryAtMs = now();
      write();
      report(log.sync(), onProblem);
      log[Symbol.dispose]();
    },
  };
}

interface Writing {
  readonly log: RecordLog;
  readonly ledger: MemoryLedger;
  readonly changes: readonly unknown[];
  readonly leastBytes: number;
}

/** How large the log may become before it is rewritten; undefined: nothing could be written. */
function keep(
  { log, ledger, changes, leastBytes }: Writing,
  onProblem: KeptLedgerOptions['onProblem'],
): number | undefined {
  if (log.bytes < leastBytes) {
    const written = log.append(changes);
    report(written, onProblem);
    if (written.ok) return leastBytes;
  }
  // Also after a write that failed: what was drained is in the ledger still.
  const rewritten = log.rewrite(ledger.records());
  report(rewritten, onProblem);
  return rewritten.ok ? Math.max(smallBytes, 4 * log.bytes) : undefined;
}

function report(
  result: { readonly ok: true } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] },
  onProblem: KeptLedgerOptions['onProblem'],
): void {
  if (!result.ok) for (const one of result.diagnostics) onProblem(one);
}
