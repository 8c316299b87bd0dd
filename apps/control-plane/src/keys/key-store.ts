// Fetched keys on disk, so that a restart while an issuer is away refuses nobody. They are public, but only the owner may write them.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { loginEndpointsOf, readKeySet } from '@xebec/config';
import type { KeySource } from '@xebec/model';

export interface KnownKeys {
  readonly keySet: string;
  readonly count: number;
  readonly fetchedAtMs: number;
}

export interface KeyStore {
  get(source: KeySource): KnownKeys | undefined;
  put(source: KeySource, keys: KnownKeys): void;
  delete(source: KeySource): void;
}

/** Without a file they live as long as the process. */
export function openKeyStore(file: string | undefined, onFault: (error: unknown) => void): KeyStore {
  const all = new Map<string, KnownKeys>(file === undefined ? [] : load(file, onFault));
  const save = (): void => {
    if (file !== undefined) write(file, all, onFault);
  };
  return {
    get: (source) => all.get(source),
    put(source, keys) {
      all.set(source, keys);
      save();
    },
    delete(source) {
      if (all.delete(source)) save();
    },
  };
}

function load(file: string, onFault: (error: unknown) => void): readonly (readonly [string, KnownKeys])[] {
  try {
    const written: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof written !== 'object' || written === null) return [];
    return Object.entries(written).flatMap(([source, value]) => {
      const keys = knownIn(source, value);
      return keys === undefined ? [] : [[source, keys] as const];
    });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) onFault(error);
    return [];
  }
}

/** What the file says is checked like what an issuer says. */
function knownIn(source: string, value: unknown): KnownKeys | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('keySet' in value) || !('fetchedAtMs' in value)) return undefined;
  const { keySet, fetchedAtMs } = value;
  if (typeof keySet !== 'string' || typeof fetchedAtMs !== 'number') return undefined;
  if (source.startsWith('login '))
    return loginEndpointsOf(keySet) === undefined ? undefined : { keySet, count: 0, fetchedAtMs };
  const read = readKeySet(keySet);
  return read.kind === 'keys' ? { keySet, count: read.keys.length, fetchedAtMs } : undefined;
}

function write(file: string, all: ReadonlyMap<string, KnownKeys>, onFault: (error: unknown) => void): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.next`, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 });
    renameSync(`${file}.next`, file);
  } catch (error) {
    onFault(error);
  }
}
