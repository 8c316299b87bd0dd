// The files as they were last read, and what they declare. Objects of a file that is broken now stay declared.

import { stat } from 'node:fs/promises';
import type { ObjectKey, RawObject } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { Claims } from './claims.ts';
import { isWithin } from './config-file.ts';
import { type FileContent, readConfigFile } from './read-file.ts';
import { stampOf, type Walk, type WalkOptions, walk } from './walk.ts';

export interface FileSetOptions extends WalkOptions {
  readonly defaultNamespace: string;
}

const parallelReads = 16;

export class FileSet {
  readonly claims = new Claims();
  private readonly options: FileSetOptions;
  private readonly contents = new Map<string, FileContent>();
  /** Not declared by any file now, but by one that cannot be read whole; the file it was in, when known. */
  private readonly held = new Map<ObjectKey, string | undefined>();
  private problems: Walk['problems'] = new Map();

  constructor(options: FileSetOptions) {
    this.options = options;
  }

  /** Looks at all files and reads those that were touched; returns the keys whose declaration changed. */
  async refreshAll(): Promise<Set<ObjectKey>> {
    const found = await walk(this.options);
    this.problems = found.problems;
    const touched = [...found.files].filter(([path, stamp]) => this.contents.get(path)?.stamp !== stamp);
    const gone = [...this.contents.keys()].filter((path) => !found.files.has(path) && !this.isUnknown(path));
    const affected = await this.read(touched.map(([path]) => path));
    for (const path of gone) merge(affected, this.take(path, undefined));
    return merge(affected, this.released());
  }

  /** As `refreshAll`, for files known to be touched; undefined when only `refreshAll` can tell what happened. */
  async refresh(paths: readonly string[]): Promise<Set<ObjectKey> | undefined> {
    const touched: string[] = [];
    for (const path of paths) {
      const stamp = await currentStamp(path);
      const known = this.contents.get(path);
      if (stamp === undefined || known === undefined) return undefined;
      if (known.stamp !== stamp) touched.push(path);
    }
    const affected = await this.read(touched);
    return merge(affected, this.released());
  }

  declaration(key: ObjectKey): RawObject | undefined {
    return this.claims.get(key);
  }

  /** An object read by an earlier process that no file declares now: true when it may be in a broken file. */
  hold(key: ObjectKey, file: string | undefined): boolean {
    const isOurs = file !== undefined && this.options.roots.some(({ path }) => isWithin(file, path));
    return this.holdFor(key, isOurs ? file : undefined);
  }

  isHeld(key: ObjectKey): boolean {
    return this.held.has(key);
  }

  hasProblems(): boolean {
    return this.problems.size > 0;
  }

  diagnostics(): readonly Diagnostic[] {
    const ofFiles = [...this.contents.values()].flatMap(({ diagnostics }) => diagnostics);
    return [...this.problems.values(), ...ofFiles, ...this.claims.duplicates()];
  }

  private async read(paths: readonly string[]): Promise<Set<ObjectKey>> {
    const affected = new Set<ObjectKey>();
    for (let from = 0; from < paths.length; from += parallelReads) {
      const contents = await Promise.all(
        paths.slice(from, from + parallelReads).map((path) => this.readOne(path)),
      );
      for (const content of contents) merge(affected, this.take(content.path, content));
    }
    return affected;
  }

  private readOne(path: string): Promise<FileContent> {
    const previous = this.contents.get(path);
    const { defaultNamespace } = this.options;
    return readConfigFile(path, { defaultNamespace, ...(previous === undefined ? {} : { previous }) });
  }

  private take(path: string, content: FileContent | undefined): Set<ObjectKey> {
    const before = this.contents.get(path);
    if (content === undefined) this.contents.delete(path);
    else this.contents.set(path, content);
    const affected = this.claims.replace(path, before, content);
    for (const key of affected) if (this.claims.get(key) === undefined) this.holdFor(key, path);
    return affected;
  }

  private holdFor(key: ObjectKey, file: string | undefined): boolean {
    const mayBeThere = this.mayBeIn(file);
    if (mayBeThere) this.held.set(key, file);
    return mayBeThere;
  }

  /** Held keys that are declared again, or whose file is whole again without them. */
  private released(): Set<ObjectKey> {
    const released = new Set<ObjectKey>();
    for (const [key, file] of this.held) {
      if (this.claims.get(key) === undefined && this.mayBeIn(file)) continue;
      this.held.delete(key);
      released.add(key);
    }
    return released;
  }

  /** Whether the file, or any where it is not known, has content that could not be read. */
  private mayBeIn(file: string | undefined): boolean {
    if (file !== undefined) return this.contents.get(file)?.isWhole === false || this.isUnknown(file);
    return this.problems.size > 0 || [...this.contents.values()].some(({ isWhole }) => !isWhole);
  }

  private isUnknown(path: string): boolean {
    return [...this.problems.keys()].some((unreadable) => isWithin(path, unreadable));
  }
}

async function currentStamp(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return stats.isFile() ? stampOf(stats) : undefined;
  } catch {
    return undefined;
  }
}

function merge<T>(into: Set<T>, from: ReadonlySet<T>): Set<T> {
  for (const item of from) into.add(item);
  return into;
}
