// Which module came from where, across restarts. What cannot be read is as if it were not there: everything can be fetched again.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';

export interface Source {
  /** Digest of the module. */
  readonly module: string;
  /** Sums by which the module, its archive or its image is known. */
  readonly sums: readonly string[];
  readonly usedAtMs: number;
}

export interface SourceIndex {
  get(key: string): Promise<Source | undefined>;
  set(key: string, source: Source): Promise<void>;
  forget(module: string): Promise<void>;
  /** 0 for a module that nobody is known to have asked for. */
  usedAtMs(module: string): Promise<number>;
}

export function createSourceIndex(file: string): SourceIndex {
  let loaded: Promise<Map<string, Source>> | undefined;
  const sources = (): Promise<Map<string, Source>> => {
    loaded ??= load(file);
    return loaded;
  };
  let saving: Promise<void> = Promise.resolve();
  const save = (): Promise<void> => {
    saving = saving.then(async () => write(file, await sources()));
    return saving;
  };
  return {
    get: async (key) => (await sources()).get(key),
    async set(key, source) {
      const known = await sources();
      const before = known.get(key);
      known.set(key, source);
      if (before?.module !== source.module) await save();
    },
    async forget(module) {
      const known = await sources();
      for (const [key, source] of known) if (source.module === module) known.delete(key);
      await save();
    },
    async usedAtMs(module) {
      const own = [...(await sources()).values()].filter((source) => source.module === module);
      return Math.max(0, ...own.map(({ usedAtMs }) => usedAtMs));
    },
  };
}

async function load(file: string): Promise<Map<string, Source>> {
  try {
    const value = parseJson(await readFile(file, 'utf8'));
    if (!isRecord(value)) return new Map();
    return new Map(Object.entries(value).flatMap(([key, each]) => sourceOf(key, each)));
  } catch {
    return new Map();
  }
}

function sourceOf(key: string, value: unknown): (readonly [string, Source])[] {
  if (!isRecord(value)) return [];
  const { module, sums, usedAtMs } = value;
  if (typeof module !== 'string' || !/^[0-9a-f]{64}$/.test(module) || !Array.isArray(sums)) return [];
  const texts = sums.filter((sum): sum is string => typeof sum === 'string');
  return [[key, { module, sums: texts, usedAtMs: typeof usedAtMs === 'number' ? usedAtMs : 0 }]];
}

async function write(file: string, sources: ReadonlyMap<string, Source>): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.next`;
  await writeFile(next, JSON.stringify(Object.fromEntries(sources)), { mode: 0o600 });
  await rename(next, file);
}
