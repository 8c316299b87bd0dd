// Where one mesh keeps everything, and what lies where inside; the only place that knows these names.
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Cli } from '../cli.ts';

/** The directory meant by `--state`, `XEBEC_STATE`, or neither. */
export function stateDirectory(cli: Pick<Cli, 'cwd' | 'env' | 'home'>, option: string | undefined): string {
  const chosen = option ?? (cli.env['XEBEC_STATE'] || undefined);
  if (chosen === undefined) return join(cli.home, '.xebec', 'default');
  if (chosen === '~' || chosen.startsWith('~/')) return join(cli.home, chosen.slice(2));
  return isAbsolute(chosen) ? resolve(chosen) : resolve(cli.cwd, chosen);
}

export const runDirectory = (state: string): string => join(state, 'run');
export const logDirectory = (state: string): string => join(state, 'logs');
export const meshFile = (state: string): string => join(runDirectory(state), 'mesh.json');

/** The longest path that fits into a socket address on every system. */
const longestSocketPath = 100;

/** The longest name that a socket gets below the run directory: `NAME-OF-A-POD/admin.sock`. */
const roomForPods = 64;

/** Where sockets live: `run` itself, or, when its path is long, the short directory that `run/sockets` names. */
export function socketDirectory(state: string): string {
  try {
    const recorded = readFileSync(join(runDirectory(state), 'sockets'), 'utf8').trim();
    return isAbsolute(recorded) ? recorded : runDirectory(state);
  } catch {
    return runDirectory(state);
  }
}

/** A directory with the name that a mesh needs belongs to somebody else. */
class ForeignDirectory extends Error {
  readonly code = 'EACCES';
  readonly syscall = 'open';
  constructor(path: string) {
    super(`${path} belongs to somebody else; remove it, or set TMPDIR to a directory of your own`);
  }
}

/** Records a short directory for sockets when the state's own path is too long for them. */
export function prepareSocketDirectory(state: string): string {
  const run = runDirectory(state);
  mkdirSync(run, { recursive: true, mode: 0o700 });
  if (Buffer.byteLength(run) + roomForPods <= longestSocketPath) return run;
  const name = createHash('sha256').update(state).digest('hex').slice(0, 12);
  const short = join(tmpdir(), `xebec-${process.getuid?.() ?? 0}-${name}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  // Where everybody may write, somebody else may have been first: their directory would be the mesh's door.
  const found = lstatSync(short);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new ForeignDirectory(short);
  chmodSync(short, 0o700);
  writeFileSync(join(run, 'sockets'), `${short}\n`, { mode: 0o600 });
  return short;
}

export const controlSocket = (state: string): string => join(socketDirectory(state), 'control.sock');
