// A log of records in one file, for state that is worked out anew from them. Written when `append` returns, so that the end of the process loses nothing; on the disk after `sync`, so that the end of the machine loses what came since. Damage costs what comes after it, never the start.
import { closeSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import {
  createDurably,
  type Disk,
  makePrivateDirectory,
  openForAppend,
  systemDisk,
  writeFully,
} from '../disk.ts';
import {
  encodeFileHeader,
  encodeFrame,
  fileHeaderBytes,
  formatVersion,
  readFileVersion,
  scanFrames,
} from '../frame.ts';
import { failedAccess } from '../problems.ts';

export interface RecordLog extends Disposable {
  /** Of the file. */
  readonly bytes: number;
  append(records: readonly unknown[]): Result<undefined>;
  /** Replaces all records as one. */
  rewrite(records: Iterable<unknown>): Result<undefined>;
  sync(): Result<undefined>;
}

export interface OpenedLog {
  readonly log: RecordLog;
  readonly records: readonly unknown[];
}

/** Opens the log, made when absent (mode 0600). A damaged file is set aside as `PATH.damaged`, and what is before the damage is taken over; a newer format is refused. */
export function openRecordLog(path: string, disk: Disk = systemDisk): Result<OpenedLog> {
  try {
    makePrivateDirectory(dirname(path));
    if (!existsSync(path)) createDurably(disk, path, [encodeFileHeader()]);
    const file = readFileSync(path);
    const version = readFileVersion(file);
    if (version !== undefined && version > formatVersion) return fail(newerFormat(path));
    const { records, end, fault } =
      version === undefined
        ? { records: [], end: fileHeaderBytes, fault: { kind: 'damaged' } }
        : scanFrames(file);
    const values = records.map(({ value }) => value);
    if (fault?.kind !== 'damaged') return succeed({ log: new FileLog(path, disk, end), records: values });
    renameSync(path, `${path}.damaged`);
    createDurably(disk, path, chunks(values));
    return succeed({ log: new FileLog(path, disk), records: values }, [damaged(path)]);
  } catch (error) {
    return fail(failedAccess(path, 'opening the log', error));
  }
}

function* chunks(records: Iterable<unknown>): Iterable<Buffer> {
  yield encodeFileHeader();
  for (const record of records) yield encodeFrame(record);
}

class FileLog implements RecordLog {
  private readonly path: string;
  private readonly disk: Disk;
  private file: number;
  private end: number;

  /** `end`: of what is kept; what is behind it was never finished. */
  constructor(path: string, disk: Disk, end?: number) {
    this.path = path;
    this.disk = disk;
    this.file = openForAppend(path);
    this.end = end ?? readFileSync(path).length;
    disk.truncate(this.file, this.end);
  }

  get bytes(): number {
    return this.end;
  }

  append(records: readonly unknown[]): Result<undefined> {
    const bytes = Buffer.concat(records.map(encodeFrame));
    try {
      writeFully(this.disk, this.file, { bytes, position: this.end });
      this.end += bytes.length;
      return succeed(undefined);
    } catch (error) {
      // The next append writes over what was left half done.
      return fail(failedAccess(this.path, 'writing the log', error));
    }
  }

  rewrite(records: Iterable<unknown>): Result<undefined> {
    try {
      const size = createDurably(this.disk, this.path, chunks(records));
      // Never without a file: a number that is closed may be another's by the next append.
      const before = this.file;
      this.file = openForAppend(this.path);
      this.end = size;
      closeSync(before);
      return succeed(undefined);
    } catch (error) {
      return fail(failedAccess(this.path, 'making the log smaller', error));
    }
  }

  sync(): Result<undefined> {
    try {
      this.disk.sync(this.file);
      return succeed(undefined);
    } catch (error) {
      return fail(failedAccess(this.path, 'writing the log', error));
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.file);
  }
}

const damaged = (path: string): Diagnostic => ({
  severity: 'warning',
  code: 'damaged-log',
  message: `${path} was damaged: what came after the damage is lost`,
  remedy: `look at ${path}.damaged, and remove it`,
});

const newerFormat = (path: string): Diagnostic => ({
  severity: 'error',
  code: 'newer-format',
  message: `${path} was written by a newer version`,
  remedy: 'run that version, or remove the file to begin anew',
});
