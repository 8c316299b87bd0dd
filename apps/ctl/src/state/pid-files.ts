// Which processes belong to a mesh: one file per part, with the moment the process began, so that a reused pid is nobody.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identifyProcess, isAlive, type ProcessIdentity } from '@xebec/supervise';
import { at, numberOf, textOf } from '../admin/json.ts';
import { runDirectory } from './state-directory.ts';

const pidFile = (state: string, name: string): string => join(runDirectory(state), `${name}.pid`);

export function writePidFile(state: string, name: string, pid: number): void {
  const identity = identifyProcess(pid);
  if (identity !== undefined)
    writeFileSync(pidFile(state, name), `${JSON.stringify(identity)}\n`, { mode: 0o600 });
}

export const removePidFile = (state: string, name: string): void =>
  rmSync(pidFile(state, name), { force: true });

/** Those that still live. */
export function livePids(state: string): readonly (ProcessIdentity & { readonly name: string })[] {
  try {
    return readdirSync(runDirectory(state))
      .filter((file) => file.endsWith('.pid'))
      .flatMap((file) => {
        const name = file.slice(0, -'.pid'.length);
        const identity = readIdentity(pidFile(state, name));
        return identity !== undefined && isAlive(identity) ? [{ ...identity, name }] : [];
      });
  } catch {
    return [];
  }
}

function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const pid = numberOf(at(value, 'pid'));
    return pid === undefined ? undefined : { pid, start: textOf(at(value, 'start')) };
  } catch {
    return undefined;
  }
}
