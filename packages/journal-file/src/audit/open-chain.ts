// Opens a chain where an earlier writer left it. What does not fit is never made to fit: it becomes a record of its own.
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk } from '../disk.ts';
import {
  encodeHead,
  firstSeqOf,
  headName,
  lastRecordOf,
  readHead,
  readSegmentEnd,
  type SegmentEnd,
  segmentName,
  segmentNames,
} from './chain-files.ts';
import { type AuditRecord, type ChainHead, chainStart } from './record.ts';

export interface OpenSegment {
  readonly name: string;
  readonly file: number;
  /** Bytes of whole lines. */
  readonly end: number;
}

export interface OpenedChain {
  readonly segment: OpenSegment;
  readonly headFile: number;
  /** After which record the next one comes. */
  readonly head: ChainHead;
  /** What has to be said about it before anything else. */
  readonly remarks: readonly AuditRecord[];
}

export const createSegment = (directory: string, firstSeq: number): OpenSegment => {
  const name = segmentName(firstSeq);
  return { name, file: openSync(join(directory, name), 'wx', 0o600), end: 0 };
};

/** Throws as the system does. */
export function openChainFiles(directory: string, disk: Disk, time: string): OpenedChain {
  const names = segmentNames(directory);
  const known = readHead(directory);
  const { segment, found, rest } = openLast(directory, names, disk) ?? {
    segment: createSegment(directory, (typeof known === 'object' ? known.seq : 0) + 1),
    found: names.length === 0 ? chainStart : undefined,
  };
  const last = found ?? (typeof known === 'object' ? known : chainStart);
  const isShort = typeof known === 'object' && known.seq > last.seq;
  const head = isShort ? known : last;
  return {
    segment,
    headFile: openHead(directory, disk, head),
    head,
    remarks: [
      ...(rest === undefined ? [] : [{ kind: 'repaired' as const, time, ...rest }]),
      ...(isShort ? [gap(last.seq + 1, known, time)] : []),
    ],
  };
}

interface LastSegment {
  readonly segment: OpenSegment;
  /** Absent where the last line is no record any more: verification will name it. */
  readonly found?: ChainHead;
  readonly rest?: SegmentEnd['rest'];
}

function openLast(directory: string, names: readonly string[], disk: Disk): LastSegment | undefined {
  const name = names.at(-1);
  if (name === undefined) return undefined;
  const file = openSync(join(directory, name), 'r+');
  const { last, end, rest } = readSegmentEnd(file);
  if (rest !== undefined) disk.truncate(file, end);
  const before = names.at(-2);
  const record = end > 0 ? last : before === undefined ? undefined : lastRecordOf(join(directory, before));
  const segment = { name, file, end };
  const isFirst = end === 0 && before === undefined && firstSeqOf(name) === 1;
  return {
    segment,
    ...(typeof record === 'object' ? { found: record } : isFirst ? { found: chainStart } : {}),
    ...(rest === undefined ? {} : { rest }),
  };
}

const gap = (from: number, { seq, hash }: ChainHead, time: string): AuditRecord => ({
  kind: 'gap',
  time,
  from,
  to: seq,
  head: hash,
});

function openHead(directory: string, disk: Disk, { seq, hash }: ChainHead): number {
  const path = join(directory, headName);
  closeSync(openSync(path, 'a', 0o600));
  const file = openSync(path, 'r+');
  disk.write(file, Buffer.from(encodeHead({ seq, hash })), 0);
  return file;
}
