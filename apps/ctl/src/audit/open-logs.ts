// Finds and reads audit logs: the named ones, or all of a mesh; a log that cannot be read is a problem, never left out.
import { join, resolve } from 'node:path';
import { findChains, type ReadChain, type ReadRecord, readChain } from '@xebec/journal-file';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';

export interface LogOptions {
  readonly state: string | undefined;
  /** Whose fields are wanted. */
  readonly keepsFields: (record: ReadRecord) => boolean;
}

export function openLogs(
  cli: Cli,
  paths: readonly string[],
  { state, keepsFields }: LogOptions,
): Result<readonly ReadChain[]> {
  const places =
    paths.length > 0
      ? paths.map((path) => resolve(cli.cwd, path))
      : [join(stateDirectory(cli, state), 'audit')];
  try {
    const chains = places.flatMap(findChains).map((path) => readChain(path, { keepsFields }));
    if (chains.length > 0) return succeed(chains);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail(problem('audit-log-unreadable', message, 'name a directory of audit logs that you may read'));
  }
  const remedy = 'name a mesh with --state, or a directory of audit logs';
  return fail(problem('no-audit-log', `there is no audit log in ${places.join(', ')}`, remedy));
}
