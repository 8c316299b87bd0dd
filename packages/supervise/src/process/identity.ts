// Which process a pid means: pids are used again, so a pid only counts together with the moment its process began.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorCodeOf } from '../error-code.ts';

/** A process, for as long as it lives and never another one after it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly start: string;
}

function linuxStart(pid: number): string | undefined {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in parentheses may hold anything, parentheses too; fields count from after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

function otherStart(pid: number): string | undefined {
  const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    timeout: 5_000,
    killSignal: 'SIGKILL',
  }).trim();
  return text === '' ? undefined : text;
}

/** When the process of this pid began, or undefined when none is alive (a zombie is not). */
export function processStart(pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? linuxStart(pid) : otherStart(pid);
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

/** The identity of a live process, also good after a restart of the machine. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const start = processStart(pid);
  return start === undefined ? undefined : { pid, start: `${bootId()}/${start}` };
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.start === identity.start;
}

/** Signals every process of a group; false when there is none left. */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}
