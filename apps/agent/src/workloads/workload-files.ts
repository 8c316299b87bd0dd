// Where a workload's files and sockets are below the state directory; socket paths are kept short enough for the system.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
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
  /** `<state>/run/<pod>`, or a place with a short path that the proxy's user can reach. */
  readonly directory: string;
  readonly bootstrap: string;
  /** `<state>/logs/<pod>`. */
  readonly logs: string;
}

/** Holds the path of the directory for sockets whose own path would be too long. */
const pointerFile = (stateDirectory: string): string => path.join(stateDirectory, 'run', 'sockets');

/** The sockets of a Pod: for everybody who wants to talk to its Envoy. */
export function workloadSockets(stateDirectory: string, pod: string): WorkloadSockets {
  const { own, short } = placesOf(stateDirectory, pod);
  return socketsIn(existsSync(short) ? short : own);
}

const socketsIn = (directory: string): WorkloadSockets => ({
  admin: path.join(directory, 'admin.sock'),
  xds: path.join(directory, 'xds.sock'),
  agent: path.join(directory, 'agent.sock'),
});

const placesOf = (stateDirectory: string, pod: string): { readonly own: string; readonly short: string } => ({
  own: path.join(stateDirectory, 'run', pod),
  short: path.join(shortDirectory(stateDirectory), hashText(pod)),
});

const isShortEnough = (directory: string): boolean =>
  Object.values(socketsIn(directory)).every((socket) => Buffer.byteLength(socket) <= longestSocketPath);

function shortDirectory(stateDirectory: string): string {
  try {
    return readFileSync(pointerFile(stateDirectory), 'utf8').trim();
  } catch {
    return path.join(tmpdir(), `xebec-${hashText(path.resolve(stateDirectory))}`);
  }
}

/** Makes the directories of a Pod, for nobody else to enter but `owner`, and empty of what an earlier run left. */
export function makeWorkloadFiles(
  stateDirectory: string,
  pod: string,
  owner: ProcessOwner | undefined,
): Result<WorkloadFiles> {
  const { own, short } = placesOf(stateDirectory, pod);
  const logs = path.join(stateDirectory, 'logs', pod);
  try {
    mkdirSync(path.join(stateDirectory, 'run'), { recursive: true, mode: 0o700 });
    for (const stale of [own, short]) rmSync(stale, { recursive: true, force: true });
    const isOwnGood = isShortEnough(own) && (owner === undefined || isOpenToOthers(path.dirname(own)));
    if (!isOwnGood) makeShortDirectory(stateDirectory);
    const directory = isOwnGood ? own : short;
    mkdirSync(directory, { mode: 0o700 });
    give(directory, owner);
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    return succeed({
      ...socketsIn(directory),
      directory,
      logs,
      bootstrap: path.join(directory, 'bootstrap.json'),
    });
  } catch (error) {
    return refuse({
      code: 'state-not-writable',
      message: `${own}: ${messageOf(error)}`,
      remedy: 'check the rights and the free space of the state directory, or choose another',
    });
  }
}

/** Whether any user can reach what is in the directory. */
export function isOpenToOthers(directory: string): boolean {
  const isOpen = (statSync(directory).mode & 0o001) !== 0;
  const parent = path.dirname(directory);
  return isOpen && (parent === directory || isOpenToOthers(parent));
}

/** In a directory that everybody may write to: it must be ours. Others may pass through, not look. */
export function makeShortDirectory(stateDirectory: string): string {
  const directory = shortDirectory(stateDirectory);
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${directory} belongs to somebody else; remove it or set TMPDIR`);
  }
  chmodSync(directory, 0o711);
  writeFileSync(pointerFile(stateDirectory), `${directory}\n`, { mode: 0o600 });
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
): void {
  writeFileSync(bootstrap, text, { mode: 0o600 });
  give(bootstrap, owner);
}

/** Removes sockets and bootstrap; logs stay. */
export function removeWorkloadFiles({ directory }: WorkloadFiles): void {
  rmSync(directory, { recursive: true, force: true });
}
