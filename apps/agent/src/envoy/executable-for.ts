// An Envoy that another user can run: the one there is, or a copy of it where anybody can reach it.
import { chmodSync, constants, copyFileSync, existsSync, linkSync, renameSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { type Result, succeed } from '@xebec/std';
import { messageOf, refuse } from '../problem.ts';
import { isOpenToOthers, makeOpenDirectory } from '../workloads/workload-files.ts';

/** The path to run Envoy by as somebody else. Home directories are closed to others, and caches are in home directories. */
export function executableForOthers(envoyPath: string, stateDirectory: string): Result<string> {
  try {
    const isRunnable = (statSync(envoyPath).mode & 0o005) === 0o005;
    if (isRunnable && isOpenToOthers(path.dirname(envoyPath))) return succeed(envoyPath);
    const copy = path.join(makeOpenDirectory(stateDirectory), 'envoy');
    if (!existsSync(copy)) place(envoyPath, copy, isRunnable);
    return succeed(copy);
  } catch (error) {
    return refuse({
      code: 'envoy-not-runnable',
      message: `${envoyPath} cannot be run by the proxy's user: ${messageOf(error)}`,
      remedy: 'put Envoy where every user can run it, and name it with ENVOY_PATH',
    });
  }
}

/** A link costs nothing; other file systems get a copy. */
function place(from: string, to: string, isRunnable: boolean): void {
  if (isRunnable && tryLink(from, to)) return;
  const next = `${to}.next`;
  copyFileSync(from, next, constants.COPYFILE_FICLONE);
  chmodSync(next, 0o755);
  renameSync(next, to);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}
