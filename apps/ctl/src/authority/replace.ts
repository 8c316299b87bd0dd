// Gives a mesh that is down another authority. The old files are moved, never removed.
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openAuthority } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import { acquireStateLock } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import type { ReplaceOptions } from '../commands/ca.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem, refuse } from '../output/diagnostics.ts';
import { fileProblem } from '../state/file-problem.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { certificatesOnDisk } from './on-disk.ts';

export async function replaceAuthority(cli: Cli, options: ReplaceOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const current = join(state, 'ca');
  if (!existsSync(current)) {
    return refuse(
      cli,
      problem('no-authority', `there is no authority in ${state}`, 'name another with --state'),
    );
  }
  const locked = acquireStateLock(state, 'xebec ca replace');
  if (!locked.ok) return refuse(cli, ...locked.diagnostics);
  using _lock = locked.value;
  const certificates = certificatesOnDisk(state);
  const hasExpired = certificates.some(({ notAfter }) => notAfter <= Date.now());
  if (!hasExpired && certificates.length > 0 && options.yes !== true) {
    return refuse(
      cli,
      problem(
        'authority-not-expired',
        'the authority has not expired, and every certificate that it issued would count for nothing',
        'replace it in the mesh that runs, with "xebec ca rotate", or say --yes',
      ),
    );
  }
  const kept = join(state, `ca-replaced-${new Date().toISOString().replaceAll(':', '-')}`);
  const replaced = put(
    current,
    kept,
    options.from === undefined ? undefined : resolve(cli.cwd, options.from),
  );
  if (!replaced.ok) return refuse(cli, ...replaced.diagnostics);
  printDiagnostics(cli, replaced.warnings);
  cli.stdout.write(
    `the old authority is in ${kept}; ${options.from === undefined ? 'the next start makes another one' : 'the next start uses the new one'}\n`,
  );
  return exitCode.done;
}

/** The new one is verified before the old one goes away. */
function put(current: string, kept: string, from: string | undefined): Result<void> {
  const staged = `${current}.new`;
  try {
    if (from !== undefined) {
      rmSync(staged, { recursive: true, force: true });
      mkdirSync(staged, { mode: 0o700 });
      cpSync(from, staged, { recursive: true });
      const whole = openAuthority({ directory: staged, trustDomain: 'cluster.local' });
      if (!whole.ok) {
        rmSync(staged, { recursive: true, force: true });
        return whole;
      }
    }
    renameSync(current, kept);
    if (from !== undefined) renameSync(staged, current);
    return succeed(undefined);
  } catch (error) {
    const refusal = fileProblem(current, error);
    if (refusal === undefined) throw error;
    return fail(refusal);
  }
}
