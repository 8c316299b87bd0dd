// What the operating system says went wrong, as a code and as words.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Diagnostic, fail, type Result } from '@xebec/std';

/** `ENOENT` and its like; undefined for anything that is not a system error. */
export function errorCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An expected failure of this package, as a value. */
export function refuse(code: string, message: string, remedy: string): Result<never> {
  return fail(problem(code, message, remedy));
}

export const problem = (code: string, message: string, remedy: string): Diagnostic => ({
  severity: 'error',
  code,
  message,
  remedy,
});

/**
 * Like `mkdir -p`. Node says of a read-only disk that there is no such directory; this says what the system said.
 */
export function makeDirectories(directory: string, mode: number): void {
  try {
    mkdirSync(directory, { recursive: true, mode });
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
    let missing = directory;
    // Where the current directory was removed, even "." is missing.
    while (!existsSync(dirname(missing)) && dirname(missing) !== missing) missing = dirname(missing);
    mkdirSync(missing, { mode });
    mkdirSync(directory, { recursive: true, mode });
  }
}

/** A file-system failure as a value: a full disk and missing rights have their own remedies. */
export function refuseFileError(what: string, path: string, error: unknown): Result<never> {
  const code = errorCodeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return refuse('disk-full', `${what}: no space left for ${path}`, 'free some space and start again');
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return refuse(
      'not-permitted',
      `${what}: ${path} may not be written`,
      'change its owner or choose another directory',
    );
  }
  return refuse('file-error', `${what}: ${messageOf(error)}`, `see what is wrong with ${path}`);
}
