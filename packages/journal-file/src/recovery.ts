// Reads a journal's files into the content they stand for, or refuses naming the file: nothing is dropped silently.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { JournalContent, StoredRevision } from '@xebec/store';
import { formatVersion, readFileVersion, type Scan, scanFrames } from './frame.ts';
import { damaged, damagedSnapshot, missingRevisions, newerFormat, tornTail } from './problems.ts';
import { decodeRevision, decodeSnapshot, latestOf } from './records.ts';

/** Where the next revision goes. */
export interface Tail {
  readonly path: string;
  readonly end: number;
}

export interface Recovery {
  readonly content: JournalContent;
  /** Absent when there is no segment yet. */
  readonly tail?: Tail;
  readonly warnings: readonly Diagnostic[];
}

export const snapshotName = (revision: number): string => `snapshot-${padded(revision)}.journal`;
export const segmentName = (first: number): string => `segment-${padded(first)}.journal`;
export const isJournalFile = (name: string): boolean => /^(?:snapshot|segment)-\d{12}\.journal$/.test(name);

const emptyContent: JournalContent = {
  base: { revision: 0, objects: [], tombstones: [] },
  revisions: [],
};

const padded = (number: number): string => String(number).padStart(12, '0');

/** Throws only when the system refuses a file operation. */
export function readJournal(directory: string): Result<Recovery> {
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.journal.tmp')) rmSync(join(directory, name), { force: true });
  }
  const names = readdirSync(directory).filter(isJournalFile).sort();
  const snapshot = readNewestSnapshot(directory, names);
  if (!snapshot.ok) return snapshot;
  return readSegments(directory, names, snapshot.value);
}

function readNewestSnapshot(directory: string, names: readonly string[]): Result<JournalContent> {
  const name = names.findLast((candidate) => candidate.startsWith('snapshot-'));
  if (name === undefined) return succeed(emptyContent);
  const path = join(directory, name);
  const scanned = scanFile(path);
  if (!scanned.ok) return scanned;
  const { records, fault, end } = scanned.value;
  const content = fault === undefined ? decodeSnapshot(records.map(({ value }) => value)) : undefined;
  return content === undefined ? fail(damagedSnapshot(path, end)) : succeed(content);
}

function readSegments(
  directory: string,
  names: readonly string[],
  snapshot: JournalContent,
): Result<Recovery> {
  const revisions = [...snapshot.revisions];
  const warnings: Diagnostic[] = [];
  let tail: Tail | undefined;
  let latest = latestOf(snapshot);
  for (const name of names.filter((candidate) => candidate.startsWith('segment-'))) {
    const segment = readSegment(join(directory, name), latest);
    if (!segment.ok) return segment;
    revisions.push(...segment.value.revisions);
    warnings.push(...segment.warnings);
    latest = revisions.at(-1)?.number ?? latest;
    tail = segment.value.tail;
  }
  const content = { base: snapshot.base, revisions };
  return succeed({ content, warnings, ...(tail === undefined ? {} : { tail }) });
}

interface Segment {
  readonly revisions: readonly StoredRevision[];
  readonly tail: Tail;
}

/** The revisions after `latest`. */
function readSegment(path: string, latest: number): Result<Segment> {
  const scanned = scanFile(path);
  if (!scanned.ok) return scanned;
  const { records, end, fault, size } = scanned.value;
  if (fault?.kind === 'damaged') return fail(damaged(path, fault.offset, 'a checksum does not match'));
  const revisions: StoredRevision[] = [];
  for (const { value, offset } of records) {
    const revision = decodeRevision(value);
    if (revision === undefined) return fail(damaged(path, offset, 'the record is not a revision'));
    if (revision.number <= latest) continue;
    const expected = latest + revisions.length + 1;
    if (revision.number !== expected) return fail(missingRevisions(path, expected, revision.number));
    revisions.push(revision);
  }
  return succeed(
    { revisions, tail: { path, end } },
    fault === undefined ? [] : [tornTail(path, end, size - end)],
  );
}

function scanFile(path: string): Result<Scan & { readonly size: number }> {
  const file = readFileSync(path);
  const version = readFileVersion(file);
  if (version === undefined) return fail(damaged(path, 0, 'this is not the start of a journal file'));
  if (version > formatVersion) return fail(newerFormat(path, version));
  return succeed({ ...scanFrames(file), size: file.length });
}
