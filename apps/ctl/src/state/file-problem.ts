// What the file system refused, as a diagnostic with a remedy.
import type { Diagnostic } from '@xebec/std';
import { problem } from '../output/diagnostics.ts';

const remedies: Readonly<Record<string, readonly [code: string, remedy: string]>> = {
  ENOSPC: ['disk-full', 'free some space and start again'],
  EDQUOT: ['disk-full', 'free some of your quota and start again'],
  EACCES: ['not-permitted', 'change its owner, or choose another directory with --state'],
  EPERM: ['not-permitted', 'change its owner, or choose another directory with --state'],
  EROFS: ['not-permitted', 'choose a directory on a writable disk with --state'],
  ENOTDIR: ['not-a-directory', 'a file is where a directory should be: choose another --state'],
  EEXIST: ['not-a-directory', 'a file is where a directory should be: choose another --state'],
  EMFILE: ['too-many-files', 'raise the limit of open files (ulimit -n)'],
};

/** Undefined for an error that is not the system's: a bug. */
export function fileProblem(state: string, error: unknown): Diagnostic | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const code: unknown = 'code' in error ? error.code : undefined;
  const [name, remedy] = remedies[String(code)] ?? ['file-error', `see what is wrong with ${state}`];
  return problem(name, `the state directory ${state} cannot be used: ${error.message}`, remedy);
}
