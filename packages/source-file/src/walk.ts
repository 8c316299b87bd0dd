// Finds the configuration files below the roots, following links; what cannot be read is named, not skipped.
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Diagnostic } from '@xebec/std';
import { isConfigName, isHidden, type Root } from './config-file.ts';
import { unreadable } from './problems.ts';
import type { Interest } from './system-watch.ts';

export interface Walk {
  /** Path to stamp: equal as long as the file was not touched. */
  readonly files: ReadonlyMap<string, string>;
  /** Files and directories whose content is unknown now. */
  readonly problems: ReadonlyMap<string, Diagnostic>;
}

export interface WalkOptions {
  readonly roots: readonly Root[];
  readonly isRecursive: boolean;
  /** Called before the entries of a directory are read. */
  readonly onDirectory: (path: string, identity: string, interest: Interest) => void;
}

interface Progress {
  readonly files: Map<string, string>;
  readonly problems: Map<string, Diagnostic>;
  readonly options: WalkOptions;
}

export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':');

export async function walk(options: WalkOptions): Promise<Walk> {
  const progress: Progress = { files: new Map(), problems: new Map(), options };
  for (const { path, isFile } of options.roots) {
    if (isFile) await visitNamedFile(path, progress);
    else await visitDirectory(path, progress, []);
  }
  return progress;
}

async function visitDirectory(path: string, progress: Progress, parents: readonly string[]): Promise<void> {
  try {
    const identity = await announce(path, progress, 'files');
    if (parents.includes(identity)) return;
    const entries = await readdir(path, { withFileTypes: true });
    const visible = entries.filter(({ name }) => !isHidden(name));
    for (const entry of visible.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      const isLink = entry.isSymbolicLink();
      const isDirectory = entry.isDirectory() || (isLink && (await leadsToDirectory(inner)));
      if (!isDirectory && isConfigName(entry.name)) await visitFile(inner, progress, isLink);
      if (isDirectory && progress.options.isRecursive) {
        await visitDirectory(inner, progress, [...parents, identity]);
      }
    }
  } catch (error) {
    progress.problems.set(path, unreadable(path, error));
  }
}

async function announce(path: string, { options }: Progress, interest: Interest): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  const identity = `${dev}:${ino}`;
  options.onDirectory(path, identity, interest);
  return identity;
}

async function visitFile(path: string, progress: Progress, isLink: boolean): Promise<void> {
  try {
    if (isLink) await announce(dirname(await realpath(path)), progress, 'anything');
    const stats = await stat(path, { bigint: true });
    if (stats.isFile()) progress.files.set(path, stampOf(stats));
  } catch (error) {
    if (!isGone(error)) progress.problems.set(path, unreadable(path, error));
  }
}

/** A file that was named and is not there is a problem. */
async function visitNamedFile(path: string, progress: Progress): Promise<void> {
  try {
    await announce(dirname(path), progress, new Set([basename(path)]));
    const isLink = (await lstat(path)).isSymbolicLink();
    await stat(path);
    await visitFile(path, progress, isLink);
  } catch (error) {
    progress.problems.set(path, unreadable(path, error));
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function leadsToDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
