// A log that children write to by themselves: it is never in their way, and is turned over when it gets large.
import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Timers } from '../timers.ts';

export interface LogFileOptions {
  readonly path: string;
  /** Turned over once larger than this; default 10 MB. */
  readonly maxBytes?: number;
  /** How many old ones stay, as `PATH.1` (the newest) and up; default 2. */
  readonly keep?: number;
}

export interface LogFile extends Disposable {
  /** Open for appending; hand it to a child as its standard output or error. */
  readonly descriptor: number;
  /** Turns the file over when it is large. The descriptor stays good: the content moves, the file does not. */
  readonly rotateIfLarge: () => void;
}

const checkEveryMs = 5_000;

function shiftOldOnes(path: string, keep: number): void {
  for (let index = keep - 1; index >= 1; index--) {
    try {
      renameSync(`${path}.${index}`, `${path}.${index + 1}`);
    } catch {
      // There is no such old one yet.
    }
  }
}

/** Opens (and makes, 0600) a log file. Throws what the file system says; a later full disk only costs log lines. */
export function openLogFile(options: LogFileOptions, timers: Timers): LogFile {
  const { path, maxBytes = 10_000_000, keep = 2 } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const descriptor = openSync(path, 'a+', 0o600);
  const rotateIfLarge = () => {
    try {
      if (fstatSync(descriptor).size <= maxBytes) return;
      shiftOldOnes(path, keep);
      if (keep > 0) copyFileSync(path, `${path}.1`);
    } catch {
      // Without a copy the log is still cut: a log must not fill the disk.
    }
    try {
      ftruncateSync(descriptor, 0);
    } catch {
      // The next check tries again.
    }
  };
  const check = () => {
    rotateIfLarge();
    next = timers.inBackground(checkEveryMs, check);
  };
  rotateIfLarge();
  let next = timers.inBackground(checkEveryMs, check);
  return {
    descriptor,
    rotateIfLarge,
    [Symbol.dispose]: () => {
      next[Symbol.dispose]();
      closeSync(descriptor);
    },
  };
}
