// What was confirmed comes back; what a failing disk refused leaves no trace; files are private.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '@xebec/std';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Disk, systemDisk } from './disk.ts';
import { type OpenedJournal, openJournal } from './file-journal.ts';
import { encodeFileHeader } from './frame.ts';
import { contentAt, revisionOf, revisionsUpTo } from './testing/revisions.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

function codeOf(result: Result<unknown>): string | undefined {
  return result.ok ? undefined : result.diagnostics[0]?.code;
}

function reopen(): OpenedJournal {
  const opened = unwrap(openJournal(directory));
  opened.journal[Symbol.dispose]();
  return opened;
}

const segmentPath = () => join(directory, readdirSync(directory).find((n) => n.startsWith('segment-')) ?? '');

test('what was appended is recovered, in files that only their owner can read', () => {
  const inner = join(directory, 'a', 'journal');
  const { journal, recovered } = unwrap(openJournal(inner));
  expect(recovered).toEqual({ base: { revision: 0, objects: [], tombstones: [] }, revisions: [] });
  for (const revision of revisionsUpTo(20)) expect(journal.append(revision).ok).toBe(true);
  journal[Symbol.dispose]();

  const again = unwrap(openJournal(inner));
  again.journal[Symbol.dispose]();
  expect(again.recovered.revisions).toEqual(revisionsUpTo(20));
  expect(statSync(inner).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(inner)) expect(statSync(join(inner, name)).mode & 0o777).toBe(0o600);
});

test('a directory that others can read is closed to them', () => {
  chmodSync(directory, 0o755);
  reopen();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test('rewriting keeps the content, leaves two files, and appending goes on', () => {
  const { journal } = unwrap(openJournal(directory));
  for (const revision of revisionsUpTo(30)) unwrap(journal.append(revision));
  unwrap(journal.rewrite(contentAt(30, 10)));
  unwrap(journal.rewrite(contentAt(30, 10)));
  expect(readdirSync(directory)).toHaveLength(2);
  unwrap(journal.append(revisionOf(31)));
  journal[Symbol.dispose]();
  const { recovered } = reopen();
  expect(recovered.base).toEqual(contentAt(30, 10).base);
  expect(recovered.revisions).toEqual(revisionsUpTo(31, 21));
});

test('a crash between the new snapshot and the removal of what it replaces loses and repeats nothing', () => {
  const { journal } = unwrap(openJournal(directory));
  for (const revision of revisionsUpTo(12)) unwrap(journal.append(revision));
  const old = readFileSync(segmentPath());
  const oldName = segmentPath();
  unwrap(journal.rewrite(contentAt(12, 5)));
  journal[Symbol.dispose]();
  writeFileSync(oldName, old);
  writeFileSync(join(directory, 'snapshot-000000000099.journal.tmp'), 'half');
  const opened = unwrap(openJournal(directory));
  expect(opened.recovered).toEqual(contentAt(12, 5));
  unwrap(opened.journal.append(revisionOf(13)));
  opened.journal[Symbol.dispose]();
  expect(reopen().recovered.revisions).toEqual(revisionsUpTo(13, 8));
  expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a newer format is refused', () => {
  reopen();
  writeFileSync(segmentPath(), encodeFileHeader(2));
  const refused = openJournal(directory);
  expect(codeOf(refused)).toBe('journal-newer');
  expect(JSON.stringify(refused)).toContain('written by a newer Xebec');
});

test('a missing segment between snapshot and the rest is refused', () => {
  const { journal } = unwrap(openJournal(directory));
  unwrap(journal.append(revisionOf(1)));
  journal[Symbol.dispose]();
  const lone = join(directory, 'segment-000000000002.journal');
  writeFileSync(lone, encodeFileHeader());
  const second = unwrap(openJournal(directory));
  unwrap(second.journal.append(revisionOf(2)));
  second.journal[Symbol.dispose]();
  rmSync(join(directory, 'segment-000000000001.journal'));
  const refused = openJournal(directory);
  expect(codeOf(refused)).toBe('journal-damaged');
  expect(JSON.stringify(refused)).toContain('revision 1 is missing');
});

test('a file in place of the directory is reported', () => {
  const path = join(directory, 'file');
  writeFileSync(path, '');
  expect(codeOf(openJournal(path))).toBe('journal-access-failed');
});

test('a second writer is noticed before it can do harm', () => {
  const first = unwrap(openJournal(directory));
  const second = unwrap(openJournal(directory));
  unwrap(first.journal.append(revisionOf(1)));
  expect(codeOf(second.journal.append(revisionOf(1)))).toBe('journal-in-use');
  first.journal[Symbol.dispose]();
  second.journal[Symbol.dispose]();
  expect(reopen().recovered.revisions).toEqual(revisionsUpTo(1));
});

test('zeros that a power cut left at the end are cut off with a warning', () => {
  const { journal } = unwrap(openJournal(directory));
  for (const revision of revisionsUpTo(3)) unwrap(journal.append(revision));
  journal[Symbol.dispose]();
  truncateSync(segmentPath(), statSync(segmentPath()).size + 4_096);
  const opened = openJournal(directory);
  expect(opened.ok && opened.warnings.map(({ code }) => code)).toEqual(['journal-torn']);
  expect(unwrap(opened).recovered.revisions).toEqual(revisionsUpTo(3));
  unwrap(opened).journal[Symbol.dispose]();
  expect(openJournal(directory)).toMatchObject({ ok: true, warnings: [] });
});

interface FailingDisk extends Disk {
  failing: '' | 'write' | 'sync' | 'write-and-truncate';
}

function failingDisk(code: string): FailingDisk {
  const raise = () => {
    throw Object.assign(new Error(`${code}: injected`), { code });
  };
  return {
    failing: '',
    write(file, bytes, position) {
      if (!this.failing.startsWith('write')) return systemDisk.write(file, bytes, position);
      systemDisk.write(file, bytes.subarray(0, bytes.length >> 1), position);
      return raise();
    },
    sync(file) {
      if (this.failing === 'sync') raise();
      systemDisk.sync(file);
    },
    truncate(file, length) {
      if (this.failing === 'write-and-truncate') raise();
      systemDisk.truncate(file, length);
    },
  };
}

test.each(['write', 'sync', 'write-and-truncate'] as const)(
  'a full disk (%s) refuses, leaves no trace and heals',
  (way) => {
    const disk = failingDisk('ENOSPC');
    const { journal } = unwrap(openJournal(directory, { disk }));
    unwrap(journal.append(revisionOf(1)));
    disk.failing = way;
    const refused = journal.append(revisionOf(2));
    expect(codeOf(refused)).toBe('disk-full');
    expect(JSON.stringify(refused)).toContain('free some disk space');
    expect(codeOf(journal.rewrite(contentAt(1, 1)))).toBe('disk-full');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    disk.failing = '';
    expect(reopen().recovered.revisions).toEqual(revisionsUpTo(1));
    unwrap(journal.append(revisionOf(2)));
    journal[Symbol.dispose]();
    expect(reopen().recovered.revisions).toEqual(revisionsUpTo(2));
  },
);

test('nothing is written to a closed journal', () => {
  const { journal } = unwrap(openJournal(directory));
  journal[Symbol.dispose]();
  expect(codeOf(journal.append(revisionOf(1)))).toBe('journal-access-failed');
});

test('other files in the directory are left alone', () => {
  mkdirSync(join(directory, 'segment-notes'));
  writeFileSync(join(directory, 'README'), 'mine');
  unwrap(unwrap(openJournal(directory)).journal.rewrite(contentAt(3, 1)));
  expect(readdirSync(directory)).toContain('README');
  expect(readdirSync(directory)).toContain('segment-notes');
});
