// What was fetched from others, on disk, so that a restart while they are away shuts nobody out. It is public, but only the owner may write it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface KeptMap<K extends string, V> {
  get(key: K): V | undefined;
  put(key: K, value: V): void;
  delete(key: K): void;
}

export interface KeptMapOptions<V> {
  /** Without a file the values live as long as the process. */
  readonly file: string | undefined;
  /** What the file says is checked like what its source says; undefined: it is none. */
  readonly read: (key: string, written: object) => V | undefined;
  /** The file cannot be read or written. */
  readonly onFault: (error: unknown) => void;
}

export function openKeptMap<K extends string, V>({ file, read, onFault }: KeptMapOptions<V>): KeptMap<K, V> {
  const all = new Map<string, V>(file === undefined ? [] : load(file, read, onFault));
  const save = (): void => {
    if (file !== undefined) write(file, all, onFault);
  };
  return {
    get: (key) => all.get(key),
    put(key, value) {
      all.set(key, value);
      save();
    },
    delete(key) {
      if (all.delete(key)) save();
    },
  };
}

type OnFault = KeptMapOptions<unknown>['onFault'];

function load<V>(
  file: string,
  read: KeptMapOptions<V>['read'],
  onFault: OnFault,
): readonly (readonly [string, V])[] {
  try {
    const written: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof written !== 'object' || written === null) return [];
    return Object.entries(written).flatMap(([key, value]: [string, unknown]) => {
      const kept = typeof value === 'object' && value !== null ? read(key, value) : undefined;
      return kept === undefined ? [] : [[key, kept] as const];
    });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) onFault(error);
    return [];
  }
}

function write(file: string, all: ReadonlyMap<string, unknown>, onFault: OnFault): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.next`, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 });
    renameSync(`${file}.next`, file);
  } catch (error) {
    onFault(error);
  }
}
