// Keeps audit records in a chain of files. Nothing is dropped without being counted, and the count is a record, too.
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { type Disk, makePrivateDirectory, systemDisk } from '../disk.ts';
import { failedAccess } from '../problems.ts';
import { encodeHead, firstSeqOf, idOf, lastRecordOf, segmentNames, writeAt } from './chain-files.ts';
import { type CheckpointSigner, signHead } from './checkpoints.ts';
import { createSegment, type OpenedChain, type OpenSegment, openChainFiles } from './open-chain.ts';
import { type AuditRecord, type ChainHead, encodeRecord } from './record.ts';

export interface AuditChainOptions {
  readonly directory: string;
  /** Who writes: `agent`, `control plane`. */
  readonly writer: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Bytes after which another file begins; 16 MiB by default. */
  readonly segmentBytes?: number;
  /** Files that are kept; 32 by default. */
  readonly keptSegments?: number;
  /** Records that wait for a disk that takes none; 10,000 by default. */
  readonly mostWaiting?: number;
  /** Get what is on the disk, too. */
  readonly sinks?: readonly AuditSink[];
  /** The disk takes nothing, told once; and `undefined` when it does again. */
  readonly onTrouble?: (problem: Diagnostic | undefined) => void;
  /** Replaces file operations, for tests of failing disks. */
  readonly disk?: Disk;
}

/** Where copies of a log go. The file is the log: what a sink cannot take is missing there and nowhere else. */
export interface AuditSink {
  /** Lines that are on the disk now, each with its line end. Never waits, never throws. */
  write(lines: readonly string[], records: readonly AuditRecord[]): void;
}

export interface AuditCounts {
  readonly written: number;
  readonly lost: number;
  readonly waiting: number;
}

export interface AuditChain extends Disposable {
  /** The same for all of the chain's life. */
  readonly id: string;
  readonly head: ChainHead;
  readonly counts: AuditCounts;
  /** Never fails: what cannot be written waits, and what cannot wait is counted. */
  append(record: AuditRecord): void;
  /** Writes what waits; false while the disk takes nothing. */
  flush(): boolean;
  /** Writes what waits and a signature over all there is. */
  checkpoint(signer: CheckpointSigner): void;
}

const retryMs = 1_000;
/** So many records wait at most for each other. */
const batch = 1_000;

/** Opens the chain of a directory, made when absent (mode 0700, files 0600). */
export function openAuditChain(options: AuditChainOptions): Result<AuditChain> {
  const { directory, disk = systemDisk, clock } = options;
  try {
    makePrivateDirectory(directory);
    const opened = openChainFiles(directory, disk, new Date(clock()).toISOString());
    return succeed(new FileChain(options, opened, idOf(directory) ?? crypto.randomUUID()));
  } catch (error) {
    return fail(failedAccess(directory, 'opening the audit log', error));
  }
}

class FileChain implements AuditChain {
  readonly id: string;
  readonly #options: AuditChainOptions;
  readonly #disk: Disk;
  readonly #headFile: number;
  #segment: OpenSegment;
  #head: ChainHead;
  #waiting: AuditRecord[] = [];
  #written = 0;
  #lost = 0;
  #lostUntold = 0;
  #isFailing = false;
  #isClosed = false;
  #scheduled: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: AuditChainOptions, opened: OpenedChain, id: string) {
    this.id = id;
    this.#options = options;
    this.#disk = options.disk ?? systemDisk;
    this.#segment = opened.segment;
    this.#headFile = opened.headFile;
    this.#head = opened.head;
    closeSync(openSync(join(options.directory, `chain-${id}`), 'a', 0o600));
    for (const remark of opened.remarks) this.append(remark);
    this.append({ kind: 'start', time: this.#now(), chain: id, writer: options.writer });
    this.flush();
  }

  get head(): ChainHead {
    return this.#head;
  }

  get counts(): AuditCounts {
    return { written: this.#written, lost: this.#lost, waiting: this.#waiting.length };
  }

  append(record: AuditRecord): void {
    if (this.#isClosed || this.#waiting.length >= (this.#options.mostWaiting ?? 10_000)) {
      this.#lost += 1;
      this.#lostUntold += 1;
      return;
    }
    this.#waiting.push(record);
    if (this.#isFailing) return;
    if (this.#waiting.length >= batch) this.flush();
    else this.#scheduled ??= setImmediate(() => this.flush());
  }

  flush(): boolean {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const isIdle = this.#waiting.length === 0 && this.#lostUntold === 0 && !this.#isFailing;
    if (this.#isClosed || isIdle) return !this.#isFailing;
    try {
      if (this.#segment.end >= (this.#options.segmentBytes ?? 16 << 20)) this.#startSegment();
      this.#write();
    } catch (error) {
      this.#failed(error);
      return false;
    }
    this.#recovered();
    return true;
  }

  checkpoint(signer: CheckpointSigner): void {
    if (!this.flush()) return;
    const { seq: at, hash: head } = this.#head;
    const signed = signHead(this.id, this.#head, signer);
    this.append({ kind: 'checkpoint', time: this.#now(), at, head, ...signed });
    this.flush();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.flush();
    clearTimeout(this.#retry);
    this.#isClosed = true;
    closeSync(this.#segment.file);
    closeSync(this.#headFile);
  }

  /** All that waits, and what was lost meanwhile, as one write. */
  #write(): void {
    const records = [...this.#waiting, ...this.#lostRecord()];
    const lines: string[] = [];
    let head = this.#head;
    for (const record of records) {
      const encoded = encodeRecord(record, head);
      lines.push(encoded.line);
      head = encoded.head;
    }
    const { file, end: position } = this.#segment;
    const end = writeAt(this.#disk, file, { text: lines.join(''), position });
    this.#segment = { ...this.#segment, end };
    this.#head = head;
    this.#waiting = [];
    this.#lostUntold = 0;
    this.#written += records.length;
    this.#disk.write(this.#headFile, Buffer.from(encodeHead(head)), 0);
    if (lines.length === 0) return;
    for (const sink of this.#options.sinks ?? []) sink.write(lines, records);
  }

  #lostRecord(): readonly AuditRecord[] {
    if (this.#lostUntold === 0) return [];
    const reason = 'the disk took no records, and more came than can wait';
    return [{ kind: 'lost', time: this.#now(), count: this.#lostUntold, reason }];
  }

  #startSegment(): void {
    const next = createSegment(this.#options.directory, this.#head.seq + 1);
    closeSync(this.#segment.file);
    this.#segment = next;
    this.#prune();
  }

  /** The record of a removal is written before the file is gone. */
  #prune(): void {
    const { directory, keptSegments = 32 } = this.#options;
    const names = segmentNames(directory);
    const removed = names.slice(0, Math.max(0, names.length - Math.max(2, keptSegments)));
    const newest = removed.at(-1);
    if (newest === undefined) return;
    const last = lastRecordOf(join(directory, newest));
    const through = last?.seq ?? firstSeqOf(names[removed.length] ?? newest) - 1;
    this.#waiting.unshift({ kind: 'pruned', time: this.#now(), through, head: last?.hash ?? '' });
    this.#write();
    for (const name of removed) rmSync(join(directory, name));
  }

  #failed(error: unknown): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.flush(), retryMs);
    this.#retry.unref();
    if (this.#isFailing) return;
    this.#isFailing = true;
    const path = join(this.#options.directory, this.#segment.name);
    this.#options.onTrouble?.(failedAccess(path, 'writing the audit log', error));
  }

  #recovered(): void {
    if (!this.#isFailing) return;
    clearTimeout(this.#retry);
    this.#isFailing = false;
    this.#options.onTrouble?.(undefined);
  }

  #now(): string {
    return new Date(this.#options.clock()).toISOString();
  }
}
