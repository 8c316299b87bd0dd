// The files of a chain in a directory: numbered segments of lines, and `head`, which says how far the chain has come.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, sizeOf, writeFully } from '../disk.ts';
import { type ChainHead, decodeRecord, type ReadRecord, sha256 } from './record.ts';

const segmentForm = /^audit-(\d{12})\.jsonl$/;
export const headName = 'head';

/** Named after the number of its first record. */
export const segmentName = (firstSeq: number): string => `audit-${String(firstSeq).padStart(12, '0')}.jsonl`;

export const firstSeqOf = (name: string): number => Number(segmentForm.exec(name)?.[1] ?? Number.NaN);

/** In order; a directory that is not there has none. */
export function segmentNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => segmentForm.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** A file of that name says which chain it is, also when its first records have been removed long ago. */
export function idOf(directory: string): string | undefined {
  return readdirSync(directory)
    .map((name) => /^chain-([0-9a-f-]{36})$/.exec(name)?.[1])
    .find((id) => id !== undefined);
}

/** What is written over in place, so always of one length. */
export const encodeHead = ({ seq, hash }: ChainHead): string => `${String(seq).padStart(16, '0')} ${hash}\n`;

/** Undefined where there is none; `unreadable` where it is none. */
export function readHead(directory: string): ChainHead | 'unreadable' | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, headName), 'utf8');
  } catch {
    return undefined;
  }
  const [, seq, hash] = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text) ?? [];
  return seq === undefined || hash === undefined ? 'unreadable' : { seq: Number(seq), hash };
}

export interface SegmentEnd {
  /** The last whole line, if it is a record. */
  readonly last?: ReadRecord | 'not-a-record' | 'changed';
  /** Bytes up to the end of the last whole line. */
  readonly end: number;
  /** What follows it: a line that was never finished. */
  readonly rest?: { readonly bytes: number; readonly sha256: string };
}

const tailBytes = 1 << 20;

/** Reads only the end of the file: no record is longer than that. */
export function readSegmentEnd(file: number): SegmentEnd {
  const size = sizeOf(file);
  const start = Math.max(0, size - tailBytes);
  const tail = Buffer.alloc(size - start);
  readSync(file, tail, 0, tail.length, start);
  const lineEnd = tail.lastIndexOf(10);
  const rest = tail.subarray(lineEnd + 1);
  const lineStart = lineEnd < 1 ? 0 : tail.lastIndexOf(10, lineEnd - 1) + 1;
  return {
    end: size - rest.length,
    ...(rest.length === 0 ? {} : { rest: { bytes: rest.length, sha256: sha256(rest) } }),
    ...(lineEnd < 0 ? {} : { last: decodeRecord(tail.subarray(lineStart, lineEnd).toString('utf8')) }),
  };
}

/** The last record of a closed segment; undefined where it has none. */
export function lastRecordOf(path: string): ReadRecord | undefined {
  const file = openSync(path, 'r');
  try {
    const { last } = readSegmentEnd(file);
    return typeof last === 'object' ? last : undefined;
  } finally {
    closeSync(file);
  }
}

/** Writes all of it at `position`, or nothing: what was written of it is cut off again. Throws as the system does. */
export function writeAt(disk: Disk, file: number, at: { text: string; position: number }): number {
  const bytes = Buffer.from(at.text, 'latin1');
  try {
    writeFully(disk, file, { bytes, position: at.position });
    return at.position + bytes.length;
  } catch (error) {
    disk.truncate(file, at.position);
    throw error;
  }
}
