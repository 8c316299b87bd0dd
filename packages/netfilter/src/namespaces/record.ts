// What this mesh has added to the kernel, on disk before it is added, so that a killed run can be cleaned up.
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';

/** A process, told apart from a later one with the same id by its start time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as in /proc. */
  readonly startTicks: string;
}

export interface CaptureRecord {
  readonly version: 1;
  readonly owner: ProcessIdentity;
  /** True when /etc/netns was not there before. */
  readonly madeConfigurationDirectory: boolean;
  /** Names of namespaces, the bridge's first. */
  readonly namespaces: readonly string[];
  readonly hostLink: string;
}

const recordPath = (stateDirectory: string): string => join(stateDirectory, 'capture.json');

/** Replaces the record; on return it is on disk. */
export async function writeRecord(stateDirectory: string, record: CaptureRecord): Promise<void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const path = recordPath(stateDirectory);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** The record, undefined when there is none, or what is wrong with it. */
export async function readRecord(stateDirectory: string): Promise<Result<CaptureRecord | undefined>> {
  const path = recordPath(stateDirectory);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isAbsent ? succeed(undefined) : fail(unreadable(path));
  }
  const record = parseRecord(text);
  return record === undefined ? fail(unreadable(path)) : succeed(record);
}

export async function removeRecord(stateDirectory: string): Promise<void> {
  await rm(recordPath(stateDirectory), { force: true });
}

const unreadable = (path: string): Diagnostic => ({
  severity: 'error',
  code: 'capture-record-unreadable',
  message: 'the record of the network namespaces this mesh has made cannot be read',
  remedy: 'remove the namespaces by hand ("ip netns list", "ip netns delete NAME") and then this file',
  origin: { file: path },
});

function parseRecord(text: string): CaptureRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Names are checked strictly: they become arguments of commands that remove things. */
function isRecord(value: unknown): value is CaptureRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { version, owner, namespaces, hostLink, madeConfigurationDirectory } = value as Record<
    string,
    unknown
  >;
  return (
    version === 1 &&
    isOwner(owner) &&
    typeof madeConfigurationDirectory === 'boolean' &&
    typeof hostLink === 'string' &&
    /^xb[0-9a-f]{8}$/.test(hostLink) &&
    Array.isArray(namespaces) &&
    namespaces.every((name) => typeof name === 'string' && /^xebec-[0-9a-f]{8}-[a-zA-Z0-9.-]+$/.test(name))
  );
}

function isOwner(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks } = value as Record<string, unknown>;
  return Number.isInteger(pid) && typeof startTicks === 'string';
}

/** The start time of a process, or undefined when it does not run (a zombie does not). */
export function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may hold blanks and brackets: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The identity of this process. */
export const thisProcess = (): ProcessIdentity => ({
  pid: process.pid,
  startTicks: startTicksOf(process.pid) ?? '',
});

export const isRunning = (identity: ProcessIdentity): boolean =>
  startTicksOf(identity.pid) === identity.startTicks;
