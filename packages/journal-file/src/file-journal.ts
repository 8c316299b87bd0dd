// A journal in a directory. What `append` reports as done is on the disk; what it reports as failed leaves no trace.
import { closeSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Journal, JournalContent, StoredRevision } from '@xebec/store';
import {
  createDurably,
  type Disk,
  makePrivateDirectory,
  openForAppend,
  sizeOf,
  syncDirectory,
  systemDisk,
  writeFully,
} from './disk.ts';
import { encodeFileHeader, encodeFrame, fileHeaderBytes } from './frame.ts';
import { failedAccess, inUse } from './problems.ts';
import { encodeSnapshot, latestOf } from './records.ts';
import {
  isJournalFile,
  type Recovery,
  readJournal,
  segmentName,
  snapshotName,
  type Tail,
} from './recovery.ts';

/** A journal to be closed at the end. */
export interface FileJournal extends Journal, Disposable {}

export interface OpenedJournal {
  readonly journal: FileJournal;
  readonly recovered: JournalContent;
}

export interface JournalOptions {
  /** Replaces file operations, for tests of failing disks. */
  readonly disk?: Disk;
}

/**
 * Opens the journal in a directory, made when absent (mode 0700, files 0600). An interrupted last write is cut off
 * with a warning; damage and newer formats are refused with the file's name.
 */
export function openJournal(directory: string, options: JournalOptions = {}): Result<OpenedJournal> {
  const { disk = systemDisk } = options;
  try {
    makePrivateDirectory(directory);
    const read = readJournal(directory);
    if (!read.ok) return read;
    const { content, warnings } = read.value;
    const journal = new SegmentJournal(directory, disk, openTail(directory, disk, read.value));
    return succeed({ journal, recovered: content }, warnings);
  } catch (error) {
    return fail(failedAccess(directory, 'opening the journal', error));
  }
}

interface OpenSegment extends Tail {
  readonly file: number;
}

function openTail(directory: string, disk: Disk, { content, tail }: Recovery): OpenSegment {
  if (tail === undefined) return createSegment(directory, disk, latestOf(content) + 1);
  const file = openForAppend(tail.path);
  if (sizeOf(file) > tail.end) {
    disk.truncate(file, tail.end);
    disk.sync(file);
  }
  return { ...tail, file };
}

function createSegment(directory: string, disk: Disk, first: number): OpenSegment {
  const path = join(directory, segmentName(first));
  createDurably(disk, path, [encodeFileHeader()]);
  return { path, end: fileHeaderBytes, file: openForAppend(path) };
}

class SegmentJournal implements FileJournal {
  private readonly directory: string;
  private readonly disk: Disk;
  private segment: OpenSegment;
  /** A failed write could not be undone: the file may be longer than `segment.end`. */
  private hasRemains = false;
  private isClosed = false;

  constructor(directory: string, disk: Disk, segment: OpenSegment) {
    this.directory = directory;
    this.disk = disk;
    this.segment = segment;
  }

  append(revision: StoredRevision): Result<undefined> {
    const { path, file, end } = this.segment;
    const bytes = encodeFrame(revision);
    try {
      if (this.isClosed) throw new Error('the journal is closed');
      if (this.hasRemains) this.undo();
      if (sizeOf(file) !== end) return fail(inUse(path));
      this.write(bytes);
    } catch (error) {
      return fail(failedAccess(path, 'writing the journal', error));
    }
    this.segment = { path, file, end: end + bytes.length };
    return succeed(undefined);
  }

  rewrite(content: JournalContent): Result<undefined> {
    const latest = latestOf(content);
    const kept = [snapshotName(latest), segmentName(latest + 1)];
    try {
      createDurably(this.disk, join(this.directory, snapshotName(latest)), encodeSnapshot(content));
      this.startSegment(latest + 1);
      this.removeAllBut(kept);
    } catch (error) {
      return fail(this.failedRewrite(error));
    }
    return succeed(undefined);
  }

  [Symbol.dispose](): void {
    if (!this.isClosed) closeSync(this.segment.file);
    this.isClosed = true;
  }

  private write(bytes: Uint8Array): void {
    const { file, end } = this.segment;
    try {
      writeFully(this.disk, file, { bytes, position: end });
      this.disk.sync(file);
    } catch (error) {
      this.hasRemains = true;
      this.tryUndo();
      throw error;
    }
  }

  private undo(): void {
    this.disk.truncate(this.segment.file, this.segment.end);
    this.disk.sync(this.segment.file);
    this.hasRemains = false;
  }

  /** What remains is cut off before the next write, or when the journal is opened again. */
  private tryUndo(): void {
    try {
      this.undo();
    } catch {
      this.hasRemains = true;
    }
  }

  private startSegment(first: number): void {
    if (basename(this.segment.path) === segmentName(first)) return;
    const next = createSegment(this.directory, this.disk, first);
    closeSync(this.segment.file);
    this.segment = next;
    this.hasRemains = false;
  }

  private removeAllBut(kept: readonly string[]): void {
    for (const name of readdirSync(this.directory)) {
      if (isJournalFile(name) && !kept.includes(name)) rmSync(join(this.directory, name));
    }
    syncDirectory(this.disk, this.directory);
  }

  private failedRewrite(error: unknown): Diagnostic {
    return failedAccess(this.directory, 'making the journal smaller', error);
  }
}
