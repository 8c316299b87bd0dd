// Keeps the store as files say: one save is one transaction, what is broken keeps its last good value, and nothing is lost.
import { statSync } from 'node:fs';
import { basename, normalize } from 'node:path';
import type { ObjectKey } from '@xebec/config';
import { type Diagnostic, deepEqual, fail, type Result, succeed } from '@xebec/std';
import type { Applied, Owner, Store } from '@xebec/store';
import { isConfigName, type Root } from './config-file.ts';
import { Debounce } from './debounce.ts';
import { FileSet } from './file-set.ts';
import { unwatched } from './problems.ts';
import { Refusals } from './refusals.ts';
import { SystemWatch } from './system-watch.ts';

export interface WatchOptions {
  /** Files and directories. Origins name files below them as they are written here. */
  readonly paths: readonly string[];
  /** Files at any depth, or only those directly in the directories. */
  readonly recursive: boolean;
  readonly store: Store;
  /** Keep it the same over restarts: objects of this owner that no file declares are deleted. */
  readonly owner: Owner;
  /** Shown in the history; `files` by default. */
  readonly author?: string;
  readonly defaultNamespace?: string;
  /** Quiet time before files are read: 10 to 100 ms, 50 by default; changes wait a second at most. */
  readonly debounceMs?: number;
  /** Everything that is wrong now, whenever that changes, and once after the first load. */
  readonly onDiagnostics?: (diagnostics: readonly Diagnostic[]) => void;
  readonly onApplied?: (applied: Applied) => void;
}

export interface DirectoryWatch {
  /** The first load: one transaction for all files. Not ok only when the store could not take it. */
  readonly ready: Promise<Result<Applied>>;
  /** Everything that is wrong now. */
  diagnostics(): readonly Diagnostic[];
  /** Looks at all files now, and resolves when what they say has been applied. */
  rescan(): Promise<void>;
  /** Stops watching; what is being applied is finished first. */
  close(): Promise<void>;
}

const maxDelayMs = 1_000;
const retryMs = 1_000;

/** Loads files into the store and follows them until closed. */
export function watchDirectory(options: WatchOptions): DirectoryWatch {
  return new FileSource(options);
}

class FileSource implements DirectoryWatch {
  readonly ready: Promise<Result<Applied>>;
  private readonly options: WatchOptions;
  private readonly files: FileSet;
  private readonly refusals = new Refusals();
  private readonly debounce: Debounce;
  private readonly system: SystemWatch;
  /** Touched since the last look; `all` stands for anything. */
  private touched: Set<string> | 'all' = new Set();
  /** Declarations that the store has not taken yet. */
  private readonly pending = new Set<ObjectKey>();
  private applyProblems: readonly Diagnostic[] = [];
  private watchProblem: Diagnostic | undefined;
  private reported: readonly Diagnostic[] | undefined;
  private retry: NodeJS.Timeout | undefined;
  private work: Promise<unknown>;
  private isClosed = false;

  constructor(options: WatchOptions) {
    const { debounceMs = 50, defaultNamespace = 'default', recursive } = options;
    this.options = options;
    const roots = options.paths.map(rootOf);
    this.system = new SystemWatch({
      onTouch: (path) => this.touch(path),
      onError: (directory, error) => {
        this.watchProblem = unwatched(directory, error);
        this.lookLater();
      },
    });
    const onDirectory = this.system.visit.bind(this.system);
    this.files = new FileSet({ roots, isRecursive: recursive, defaultNamespace, onDirectory });
    const quietMs = Math.min(100, Math.max(10, debounceMs));
    this.debounce = new Debounce(quietMs, maxDelayMs, () => void this.enqueue(() => this.look()));
    this.ready = this.load();
    this.work = this.ready;
  }

  diagnostics(): readonly Diagnostic[] {
    const own = [...this.applyProblems, ...(this.watchProblem === undefined ? [] : [this.watchProblem])];
    return [...own, ...this.files.diagnostics(), ...this.refusals.diagnostics()];
  }

  rescan(): Promise<void> {
    this.touched = 'all';
    return this.enqueue(() => this.look());
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.debounce[Symbol.dispose]();
    clearTimeout(this.retry);
    this.system.close();
    await this.work;
  }

  /** One piece of work at a time. */
  private enqueue(task: () => Promise<void>): Promise<void> {
    const next = this.work.then(() => (this.isClosed ? undefined : task()));
    this.work = next;
    return next;
  }

  private touch(path: string | undefined): void {
    if (this.isClosed) return;
    if (path === undefined) this.touched = 'all';
    else if (this.touched !== 'all') this.touched.add(path);
    this.debounce.touch();
  }

  private async load(): Promise<Result<Applied>> {
    const affected = await this.readAll();
    const { store, owner } = this.options;
    for (const key of this.files.claims.keys()) {
      const file = store.get(key)?.origin.file;
      if (file !== undefined) this.files.claims.prefer(key, file);
    }
    for (const { key } of store.ownedBy(owner)) {
      if (this.files.declaration(key) !== undefined) continue;
      if (!this.files.hold(key, store.get(key)?.origin.file)) affected.add(key);
    }
    return this.apply(affected);
  }

  private async look(): Promise<void> {
    const { touched } = this;
    this.touched = new Set();
    const found = touched === 'all' ? undefined : await this.files.refresh([...touched]);
    this.apply(found ?? (await this.readAll()));
  }

  private async readAll(): Promise<Set<ObjectKey>> {
    this.watchProblem = undefined;
    const affected = await this.files.refreshAll();
    this.system.finishWalk();
    return affected;
  }

  private apply(affected: ReadonlySet<ObjectKey>): Result<Applied> {
    for (const key of affected) this.pending.add(key);
    const result = this.pending.size === 0 ? nothingToDo : this.applyPending();
    this.applyProblems = result.ok ? [] : result.diagnostics;
    this.report();
    const isLate = !result.ok || this.files.hasProblems() || this.watchProblem !== undefined;
    clearTimeout(this.retry);
    if (isLate) this.lookLater();
    return result;
  }

  private lookLater(): void {
    clearTimeout(this.retry);
    if (!this.isClosed) this.retry = setTimeout(() => this.touch(undefined), retryMs).unref();
  }

  private applyPending(): Result<Applied> {
    const { store, owner, author = 'files', defaultNamespace = 'default' } = this.options;
    const keys = [...this.pending].filter((key) => !this.files.isHeld(key));
    const upserts = keys.flatMap((key) => this.files.declaration(key) ?? []);
    const deletes = keys.filter((key) => this.files.declaration(key) === undefined);
    const gone = deletes.flatMap((key) => store.get(key)?.origin.file ?? []);
    const message = describeFiles([...upserts.flatMap(({ origin }) => origin.file ?? []), ...gone]);
    const request = { upserts, deletes, owner, author, defaultNamespace, message };
    const result = attempt(() => store.apply({ ...request, mode: 'each' }));
    if (!result.ok) return result;
    this.pending.clear();
    this.refusals.take(result.value, result.warnings);
    this.options.onApplied?.(result.value);
    return result;
  }

  private report(): void {
    const diagnostics = this.diagnostics();
    if (this.reported !== undefined && deepEqual(this.reported, diagnostics)) return;
    this.reported = diagnostics;
    this.options.onDiagnostics?.(diagnostics);
  }
}

const nothingToDo: Result<Applied> = succeed({ changes: [], refused: [] });

/** A bug elsewhere, such as a watcher that throws, must not end the following of files. */
function attempt<T>(call: () => Result<T>): Result<T> {
  try {
    return call();
  } catch (error) {
    const message = `applying files failed: ${error instanceof Error ? error.message : String(error)}`;
    return fail({ severity: 'error', code: 'internal-error', message, remedy: 'report this' });
  }
}

function rootOf(path: string): Root {
  const normal = normalize(path);
  const trimmed = normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
  const stats = statSync(trimmed, { throwIfNoEntry: false });
  return { path: trimmed, isFile: stats?.isFile() ?? isConfigName(basename(trimmed)) };
}

function describeFiles(paths: readonly string[]): string {
  const files = [...new Set(paths)];
  const shown = files.slice(0, 3).join(', ');
  return files.length > 3 ? `${shown} and ${files.length - 3} more files` : shown;
}
