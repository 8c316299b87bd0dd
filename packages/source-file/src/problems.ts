// What can go wrong with files: each with its path and what to do.
import type { Diagnostic } from '@xebec/std';

const reasons: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ['it does not exist', 'make it again or stop naming it'],
  EACCES: ['access is denied', 'give this user the right to read it'],
  EPERM: ['access is denied', 'give this user the right to read it'],
  EMFILE: ['too many files are open', 'raise the limit of open files (ulimit -n)'],
  ELOOP: ['its symbolic links go round in circles', 'correct the links'],
};

/** A file or directory that cannot be read; what was read from it before stands. */
export function unreadable(path: string, error: unknown): Diagnostic {
  const [reason, remedy] = reasons[errorCode(error)] ?? [errorText(error), 'check the file system'];
  return {
    severity: 'error',
    code: 'unreadable',
    message: `cannot be read: ${reason}; what was read from it before stands`,
    remedy,
    origin: { file: path },
  };
}

/** The system watches no more; changes are still found, by looking every now and then. */
export function unwatched(path: string, error: unknown): Diagnostic {
  const isLimit = ['ENOSPC', 'EMFILE'].includes(errorCode(error));
  return {
    severity: 'warning',
    code: 'watch-failed',
    message: `changes are noticed late: ${errorText(error)}`,
    ...(isLimit ? { remedy: 'raise fs.inotify.max_user_watches and fs.inotify.max_user_instances' } : {}),
    origin: { file: path },
  };
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
