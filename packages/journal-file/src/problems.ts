// What can be wrong with a journal, each with the file and the way out.
import type { Diagnostic } from '@xebec/std';
import { formatVersion } from './frame.ts';

const problem = (file: string, diagnostic: Omit<Diagnostic, 'severity' | 'origin'>): Diagnostic => ({
  severity: 'error',
  ...diagnostic,
  origin: { file },
});

export const damaged = (file: string, offset: number, what: string): Diagnostic =>
  problem(file, {
    code: 'journal-damaged',
    message: `the journal is damaged at byte ${offset}: ${what}`,
    remedy:
      offset === 0
        ? 'restore the file from a backup, or start with another state directory'
        : `restore the file from a backup; or give up what comes after byte ${offset}: truncate -s ${offset} '${file}'`,
  });

export const damagedSnapshot = (file: string, offset: number): Diagnostic =>
  problem(file, {
    code: 'journal-damaged',
    message: `the snapshot is damaged at byte ${offset}`,
    remedy: 'restore the file from a backup, or start with another state directory',
  });

export const newerFormat = (file: string, version: number): Diagnostic =>
  problem(file, {
    code: 'journal-newer',
    message: `written by a newer Xebec (journal format ${version}; this one reads up to ${formatVersion})`,
    remedy: 'run that version, or use another state directory',
  });

export const missingRevisions = (file: string, expected: number, found: number): Diagnostic =>
  problem(file, {
    code: 'journal-damaged',
    message: `revision ${expected} is missing: revision ${found} is the next one found`,
    remedy: 'restore the file that held it from a backup, or start with another state directory',
  });

export const tornTail = (file: string, offset: number, bytes: number): Diagnostic => ({
  ...problem(file, {
    code: 'journal-torn',
    message: `cut off ${bytes} bytes at byte ${offset}: a write that was interrupted before it was confirmed`,
  }),
  severity: 'warning',
});

export const inUse = (file: string): Diagnostic =>
  problem(file, {
    code: 'journal-in-use',
    message: 'another process writes to this journal',
    remedy: 'stop the other control plane, or give this one its own state directory',
  });

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'free some disk space and try again',
  EDQUOT: 'free some of your disk quota and try again',
  EROFS: 'the file system is read-only: remount it or use another state directory',
  EACCES: 'give this user access, or use another state directory',
  EPERM: 'give this user access, or use another state directory',
  ENOTDIR: 'a file is where a directory should be: use another state directory',
};

/** A failed file operation. */
export function failedAccess(file: string, task: string, error: unknown): Diagnostic {
  const code = errorCode(error);
  return problem(file, {
    code: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'journal-access-failed',
    message: `${task} failed: ${error instanceof Error ? error.message : String(error)}`,
    remedy: remedies[code] ?? 'check the disk and try again',
  });
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
