// The format of a state directory: what a newer Xebec wrote is left alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, type Result, succeed } from '@xebec/std';
import { problem } from '../output/diagnostics.ts';
import { version } from '../version.ts';

const format = 1;

/** Refuses a directory of a newer format; marks a new one. Throws what the file system says. */
export function claimFormat(state: string): Result<undefined> {
  const file = join(state, 'format');
  const found = readFormat(file);
  if (found !== undefined && found > format) {
    const message = `${state} was written by a newer Xebec (format ${found}; this is ${version}, which knows ${format})`;
    return fail(
      problem('state-newer', message, 'run that version, or choose another directory with --state'),
    );
  }
  if (found !== format) writeFileSync(file, `${format}\n`, { mode: 0o600 });
  return succeed(undefined);
}

function readFormat(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    // A text that is no number was not written by a Xebec of today.
    return /^\d{1,9}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
