// Where a workload's files and sockets are below the state directory; their real place has a short path that its proxy can reach.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { hashText, type Result, succeed } from '@xebec/std';
import type { ProcessOwner } from '../capture/capture.ts';
import { messageOf, refuse } from '../problem.ts';

/** Systems take 103 to 107 bytes. */
const longestSocketPath = 100;

export interface WorkloadSockets {
  /** Envoy's admin interface. */
  readonly admin: string;
  readonly xds: string;
  readonly agent: string;
}

export interface WorkloadFiles extends WorkloadSockets {
  readonly directory: string;
  readonly bootstrap: string;
  /** `<state>/logs/<pod>`. */
  readonly logs: string;
  /** Where others look for the directory: itself, or a link to it. */
  readonly entry: string;
}

/** `<state>/run`, or the directory that the file `sockets` in it names because that path is too long for sockets. */
function entriesOf(stateDirectory: string): string {
  const run = path.join(stateDirectory, 'run');
  try {
    const recorded = readFileSync(path.join(run, 'sockets'), 'utf8').trim();
    return path.isAbsolute(recorded) ? recorded : run;
  } catch {
    return run;
  }
}

/** Programs that were started by hand have state directories of their own below the mesh's. */
export const programDirectory = (stateDirectory: string, name: string): string =>
  path.join(stateDirectory, 'programs', name);

function entryOfProgram(stateDirectory: string, pod: string): string | undefined {
  const programs = path.join(stateDirectory, 'programs');
  if (!existsSync(programs)) return undefined;
  const entries = readdirSync(programs).map((name) => path.join(entriesOf(path.join(programs, name)), pod));
  return entries.find((entry) => existsSync(entry));
}

/** The sockets of a Pod: for everybody who wants to talk to its Envoy. */
export function workloadSockets(stateDirectory: string, pod: string): WorkloadSockets {
  const own = path.join(entriesOf(stateDirectory), pod);
  const entry = existsSync(own) ? own : (entryOfProgram(stateDirectory, pod) ?? own);
  return socketsIn(existsSync(entry) ? realpathSync(entry) : entry);
}

const socketsIn = (directory: string): WorkloadSockets => ({
  admin: path.join(directory, 'admin.sock'),
  xds: path.join(directory, 'xds.sock'),
  agent: path.join(directory, 'agent.sock'),
});

const isShortEnough = (directory: string): boolean =>
  Object.values(socketsIn(directory)).every((socket) => Buffer.byteLength(socket) <= longestSocketPath);

/** Makes the directory of a Pod, for nobody else to enter but `owner`, and empty of what an earlier run left. */
export function makeWorkloadFiles(
  stateDirectory: string,
  pod: string,
  owner: ProcessOwner | undefined,
): Result<WorkloadFiles> {
  const entry = path.join(entriesOf(stateDirectory), pod);
  const logs = path.join(stateDirectory, 'logs', pod);
  try {
    mkdirSync(path.dirname(entry), { recursive: true, mode: 0o700 });
    removeEntry(entry);
    const isGood = isShortEnough(entry) && (owner === undefined || isOpenToOthers(path.dirname(entry)));
    const directory = isGood ? entry : path.join(makeOpenDirectory(stateDirectory), hashText(pod));
    mkdirSync(directory, { mode: 0o700 });
    if (!isGood) symlinkSync(directory, entry);
    give(directory, owner);
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    const bootstrap = path.join(directory, 'bootstrap.json');
    return succeed({ ...socketsIn(directory), directory, entry, logs, bootstrap });
  } catch (error) {
    return notWritable(entry, error);
  }
}

const notWritable = (file: string, error: unknown): Result<never> =>
  refuse({
    code: 'state-not-writable',
    message: `${file}: ${messageOf(error)}`,
    remedy: 'check the rights and the free space of the state directory, or choose another',
  });

/** A directory and what it links to. */
function removeEntry(entry: string): void {
  const found = lstatSync(entry, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true && existsSync(entry)) {
    rmSync(realpathSync(entry), { recursive: true, force: true });
  }
  rmSync(entry, { recursive: true, force: true });
}

/** Whether any user can reach what is in the directory. */
export function isOpenToOthers(directory: string): boolean {
  const isOpen = (statSync(directory).mode & 0o001) !== 0;
  const parent = path.dirname(directory);
  return isOpen && (parent === directory || isOpenToOthers(parent));
}

const openDirectoryOf = (stateDirectory: string): string =>
  path.join(tmpdir(), `xebec-${process.getuid?.() ?? 0}-${hashText(path.resolve(stateDirectory))}`);

/** A directory with a short path that anybody may pass through and nobody but us may look into. */
export function makeOpenDirectory(stateDirectory: string): string {
  const directory = openDirectoryOf(stateDirectory);
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  // In a place where everybody may write, somebody else may have been first.
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${directory} belongs to somebody else; remove it or set TMPDIR`);
  }
  chmodSync(directory, 0o711);
  return directory;
}

function give(file: string, owner: ProcessOwner | undefined): void {
  if (owner !== undefined) chownSync(file, owner.uid, owner.gid);
}

/** Writes what the proxy reads once at its start. */
export function writeBootstrap(
  { bootstrap }: WorkloadFiles,
  text: string,
  owner: ProcessOwner | undefined,
): Result<undefined> {
  try {
    writeFileSync(bootstrap, text, { mode: 0o600 });
    give(bootstrap, owner);
    return succeed(undefined);
  } catch (error) {
    return notWritable(bootstrap, error);
  }
}

/** Removes sockets and bootstrap; logs stay. */
export const removeWorkloadFiles = ({ entry }: WorkloadFiles): void => removeEntry(entry);

/** Removes what an agent left that was killed: nothing runs there any more. */
export function removeLeftOverFiles(stateDirectory: string): void {
  const entries = entriesOf(stateDirectory);
  for (const name of existsSync(entries) ? readdirSync(entries) : []) {
    const entry = path.join(entries, name);
    const isOurs = ['bootstrap.json', 'xds.sock', 'agent.sock'].some((file) =>
      existsSync(path.join(entry, file)),
    );
    if (isOurs) removeEntry(entry);
  }
  rmSync(openDirectoryOf(stateDirectory), { recursive: true, force: true });
}
