// Finds the configuration files below the roots, following links; what cannot be read is named, not skipped.
import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic } from '@xebec/std';
import { isConfigName, isHidden, type Root } from './config-file.ts';
import { unreadable } from './problems.ts';

export interface Walk {
  /** Path to stamp: equal as long as the file was not touched. */
  readonly files: ReadonlyMap<string, string>;
  /** Files and directories whose content is unknown now. */
  readonly problems: ReadonlyMap<string, Diagnostic>;
}

interface Progress {
  readonly files: Map<string, string>;
  readonly problems: Map<string, Diagnostic>;
  readonly isRecursive: boolean;
}

export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':');

export async function walk(roots: readonly Root[], isRecursive: boolean): Promise<Walk> {
  const progress: Progress = { files: new Map(), problems: new Map(), isRecursive };
  for (const { path, isFile } of roots) {
    if (isFile) await visitFile(path, progress, true);
    else await visitDirectory(path, progress, []);
  }
  return progress;
}

async function visitDirectory(path: string, progress: Progress, parents: readonly string[]): Promise<void> {
  try {
    const real = await realpath(path);
    if (parents.includes(real)) return;
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      if (isHidden(entry.name)) continue;
      const inner = join(path, entry.name);
      const isDirectory = entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToDirectory(inner)));
      if (!isDirectory && isConfigName(entry.name)) await visitFile(inner, progress, false);
      if (isDirectory && progress.isRecursive) await visitDirectory(inner, progress, [...parents, real]);
    }
  } catch (error) {
    progress.problems.set(path, unreadable(path, error));
  }
}

async function visitFile(path: string, progress: Progress, isNamed: boolean): Promise<void> {
  try {
    const stats = await stat(path, { bigint: true });
    if (stats.isFile()) progress.files.set(path, stampOf(stats));
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isGone || isNamed) progress.problems.set(path, unreadable(path, error));
  }
}

async function leadsToDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
