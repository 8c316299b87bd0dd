// Bundles of other meshes on disk, as they were sent, so that a restart while one is away shuts nobody out. They are public, but only the owner may write them.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface KeptBundle {
  readonly text: string;
  readonly fetchedAtMs: number;
}

export interface BundleStore {
  get(key: string): KeptBundle | undefined;
  put(key: string, bundle: KeptBundle): void;
  delete(key: string): void;
}

/** Without a file they live as long as the process. */
export function openBundleStore(file: string | undefined, onFault: (error: unknown) => void): BundleStore {
  const all = new Map<string, KeptBundle>(file === undefined ? [] : load(file, onFault));
  const save = (): void => {
    if (file !== undefined) write(file, all, onFault);
  };
  return {
    get: (key) => all.get(key),
    put(key, bundle) {
      all.set(key, bundle);
      save();
    },
    delete(key) {
      if (all.delete(key)) save();
    },
  };
}

function load(file: string, onFault: (error: unknown) => void): readonly (readonly [string, KeptBundle])[] {
  try {
    const written: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof written !== 'object' || written === null) return [];
    return Object.entries(written).flatMap(([key, value]) => {
      const kept = keptIn(value);
      return kept === undefined ? [] : [[key, kept] as const];
    });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) onFault(error);
    return [];
  }
}

function keptIn(value: unknown): KeptBundle | undefined {
  if (typeof value !== 'object' || value === null || !('text' in value) || !('fetchedAtMs' in value))
    return undefined;
  const { text, fetchedAtMs } = value;
  return typeof text === 'string' && typeof fetchedAtMs === 'number' ? { text, fetchedAtMs } : undefined;
}

function write(file: string, all: ReadonlyMap<string, KeptBundle>, onFault: (error: unknown) => void): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.next`, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 });
    renameSync(`${file}.next`, file);
  } catch (error) {
    onFault(error);
  }
}
