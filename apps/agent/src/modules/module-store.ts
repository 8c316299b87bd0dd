// The Wasm modules of a machine: each fetched once for all its proxies, kept by content, and asked for again ever more slowly when it cannot be had.
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { hashText } from '@xebec/std';
import type { Timers } from '@xebec/supervise';
import { type Backoff, backoffMs } from '../backoff.ts';
import { messageOf } from '../problem.ts';
import { fetchModule } from './fetch-module.ts';
import { sumOf } from './image.ts';
import { type Fetched, type ModuleOutcome, type ModuleRequest, unreachable } from './module-request.ts';
import { createSourceIndex, type SourceIndex } from './source-index.ts';

export interface ModuleStoreOptions {
  readonly directory: string;
  readonly timers: Timers;
  readonly random: () => number;
  /** Beyond it the modules that nobody asked for longest go; default 1 GiB. */
  readonly limitBytes?: number;
  readonly fetch?: (request: ModuleRequest) => Promise<Fetched>;
}

export interface ModuleStore {
  /** The module, or why there is none now. Attempts for the same are one. */
  get(request: ModuleRequest): Promise<ModuleOutcome>;
}

const backoff: Backoff = { firstMs: 1_000, longestMs: 300_000 };
const usualLimitBytes = 1024 ** 3;

interface Failed {
  readonly outcome: Extract<ModuleOutcome, { kind: 'failed' }>;
  readonly failures: number;
}

export function createModuleStore(options: ModuleStoreOptions): ModuleStore {
  const index = createSourceIndex(path.join(options.directory, 'sources.json'));
  const attempts = new Map<string, Promise<ModuleOutcome>>();
  const failed = new Map<string, Failed>();
  const attempt = async (key: string, request: ModuleRequest): Promise<ModuleOutcome> => {
    const outcome = await obtain(options, index, request);
    if (outcome.kind === 'found') {
      failed.delete(key);
      return outcome;
    }
    const failures = (failed.get(key)?.failures ?? 0) + 1;
    const retryAtMs = options.timers.nowMs() + backoffMs(backoff, failures, options.random);
    const known = { outcome: { ...outcome, retryAtMs }, failures };
    failed.set(key, known);
    return known.outcome;
  };
  return {
    get(request) {
      const key = attemptKey(request);
      const known = failed.get(key);
      if (known !== undefined && options.timers.nowMs() < known.outcome.retryAtMs)
        return Promise.resolve(known.outcome);
      const running = attempts.get(key) ?? attempt(key, request).finally(() => attempts.delete(key));
      attempts.set(key, running);
      return running;
    },
  };
}

/** Whoever changes the object wants another attempt at once. */
const attemptKey = (request: ModuleRequest): string => JSON.stringify(request);

/** Credentials are part of it: who has none does not get what others were allowed to fetch. */
const sourceKey = ({ url, pullPolicy, pullSecret, objectVersion }: ModuleRequest): string =>
  [url, hashText(pullSecret ?? ''), ...(pullPolicy === 'Always' ? [objectVersion] : [])].join(' ');

type Obtained = Extract<ModuleOutcome, { kind: 'found' }> | ReturnType<typeof unreachable>;

async function obtain(
  options: ModuleStoreOptions,
  index: SourceIndex,
  request: ModuleRequest,
): Promise<Obtained> {
  try {
    const known = await knownModule(options, index, request);
    if (known !== undefined) return known;
    const fetched = await (options.fetch ?? fetchModule)(request);
    if (fetched.kind === 'failed') return fetched;
    const digest = sumOf(fetched.bytes);
    const file = await keep(options.directory, digest, fetched.bytes);
    await index.set(sourceKey(request), { module: digest, sums: fetched.sums, usedAtMs: Date.now() });
    await evict(options, index, digest);
    return { kind: 'found', digest, file };
  } catch (error) {
    return unreachable(messageOf(error));
  }
}

/** A file may have changed since: only a sum says that it has not. */
async function knownModule(
  { directory }: ModuleStoreOptions,
  index: SourceIndex,
  request: ModuleRequest,
): Promise<Obtained | undefined> {
  const { sha256, url } = request;
  if (url.startsWith('file://') && sha256 === undefined) return undefined;
  const source = await index.get(sourceKey(request));
  if (source === undefined || (sha256 !== undefined && !source.sums.includes(sha256))) return undefined;
  const file = fileOf(directory, source.module);
  if (!(await isWhole(file, source.module))) return undefined;
  await index.set(sourceKey(request), { ...source, usedAtMs: Date.now() });
  return { kind: 'found', digest: source.module, file };
}

const fileOf = (directory: string, digest: string): string => path.join(directory, `${digest}.wasm`);

async function isWhole(file: string, digest: string): Promise<boolean> {
  try {
    return sumOf(await readFile(file)) === digest;
  } catch {
    return false;
  }
}

async function keep(directory: string, digest: string, bytes: Uint8Array): Promise<string> {
  const file = fileOf(directory, digest);
  if (await isWhole(file, digest)) return file;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const next = `${file}.${process.pid}.next`;
  await writeFile(next, bytes, { mode: 0o644 });
  // Proxies may be other users; the way to it is theirs only where it is given to them.
  await chmod(next, 0o644);
  await rename(next, file);
  return file;
}

/** Proxies have links of their own: what goes here goes on working there. */
async function evict(
  { directory, limitBytes = usualLimitBytes }: ModuleStoreOptions,
  index: SourceIndex,
  newest: string,
) {
  const modules = (await readdir(directory)).filter((name) => name.endsWith('.wasm'));
  const sized = await Promise.all(
    modules.map(async (name) => {
      const digest = name.slice(0, -'.wasm'.length);
      return {
        digest,
        name,
        size: (await stat(path.join(directory, name))).size,
        usedAtMs: await index.usedAtMs(digest),
      };
    }),
  );
  let excess = sized.reduce((sum, { size }) => sum + size, 0) - limitBytes;
  for (const { name, digest, size } of sized.sort((left, right) => left.usedAtMs - right.usedAtMs)) {
    if (excess <= 0) return;
    if (digest === newest) continue;
    await rm(path.join(directory, name), { force: true });
    await index.forget(digest);
    excess -= size;
  }
}
