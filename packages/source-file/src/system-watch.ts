// Tells which paths the system says were touched: single configuration files, or "something", which means look at all.
// One watch per directory, so that an event costs the same in a directory of ten thousand files as in one of ten.
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { isConfigName, isHidden } from './config-file.ts';

/** What matters in a directory: its configuration files, only the files named, or anything (links lead there). */
export type Interest = 'files' | 'anything' | ReadonlySet<string>;

export interface Touches {
  /** Undefined: anything may have changed. */
  readonly onTouch: (path: string | undefined) => void;
  /** The directory is not watched; the next walk tries again. */
  readonly onError: (directory: string, error: unknown) => void;
}

interface Watched {
  /** Device and inode: a directory that was replaced is another one. */
  readonly identity: string;
  readonly watcher: FSWatcher;
  interest: Interest;
  isVisited: boolean;
}

/** Watches the directories that a walk visits; each from before its entries are read, so that nothing is missed. */
export class SystemWatch {
  private readonly watchedByPath = new Map<string, Watched>();
  private readonly touches: Touches;
  private isClosed = false;

  constructor(touches: Touches) {
    this.touches = touches;
  }

  /** The walk is about to read this directory. */
  visit(path: string, identity: string, interest: Interest): void {
    if (this.isClosed) return;
    const known = this.watchedByPath.get(path);
    if (known?.identity === identity) {
      known.interest = known.isVisited ? widest(known.interest, interest) : interest;
      known.isVisited = true;
      return;
    }
    if (known !== undefined) this.forget(path);
    const watcher = this.watch(path);
    if (watcher !== undefined) this.watchedByPath.set(path, { identity, interest, isVisited: true, watcher });
  }

  /** The walk is over: directories that it did not visit are not watched any more. */
  finishWalk(): void {
    for (const [path, watched] of this.watchedByPath) {
      if (watched.isVisited) watched.isVisited = false;
      else this.forget(path);
    }
  }

  close(): void {
    this.isClosed = true;
    for (const path of this.watchedByPath.keys()) this.forget(path);
  }

  private watch(path: string): FSWatcher | undefined {
    try {
      const watcher = watch(path, (event, name) => this.take(path, event, name));
      watcher.on('error', (error) => this.fail(path, error));
      return watcher;
    } catch (error) {
      this.fail(path, error);
      return undefined;
    }
  }

  private fail(path: string, error: unknown): void {
    this.forget(path);
    if (!this.isClosed) this.touches.onError(path, error);
  }

  private forget(path: string): void {
    this.watchedByPath.get(path)?.watcher.close();
    this.watchedByPath.delete(path);
  }

  private take(directory: string, event: string, name: string | null): void {
    const interest = this.watchedByPath.get(directory)?.interest;
    if (interest === undefined) return;
    // Kubernetes swaps mounted files by renaming the hidden link `..data`.
    if (name === null || interest === 'anything' || name.startsWith('..')) this.touches.onTouch(undefined);
    else if (interest !== 'files') {
      if (interest.has(name)) this.touches.onTouch(join(directory, name));
    } else if (isConfigName(name)) this.touches.onTouch(join(directory, name));
    else if (event === 'rename' && !isHidden(name)) this.touches.onTouch(undefined);
  }
}

function widest(left: Interest, right: Interest): Interest {
  if (left === 'anything' || right === 'anything') return 'anything';
  if (left === 'files' || right === 'files') return 'files';
  return new Set([...left, ...right]);
}
