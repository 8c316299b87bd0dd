// Lists from files and over HTTP, read again and again. Rule: a list is read whole or not at all, within a size and a time; who follows is told of every reading that fails.
import { open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ListListener, ListSource } from '@xebec/policy';
import { withDeadline } from '../deadline.ts';

export interface ListSourceOptions {
  /** Bytes of one list at most. */
  readonly mostBytes: number;
  /** For one reading. */
  readonly timeoutMs: number;
  /** How long who follows waits for the first answer. */
  readonly firstMs: number;
}

const defaults: ListSourceOptions = { mostBytes: 16 * 1_048_576, timeoutMs: 10_000, firstMs: 2_000 };

export function createListSource(options: Partial<ListSourceOptions> = {}): ListSource {
  const limits = { ...defaults, ...options };
  return {
    follow: async (url, refreshIntervalMs, listener) => {
      const following = new Following({ url, refreshIntervalMs, listener, limits });
      await following.start();
      return () => following.stop();
    },
  };
}

interface Followed {
  readonly url: string;
  readonly refreshIntervalMs: number;
  readonly listener: ListListener;
  readonly limits: ListSourceOptions;
}

class Following {
  readonly #followed: Followed;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(followed: Followed) {
    this.#followed = followed;
  }

  /** Resolves after the first answer, or when that takes too long. */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#followed.limits.firstMs);
    });
    await Promise.race([this.#read(), enough]);
    clearTimeout(timer);
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  async #read(): Promise<void> {
    const { url, listener, limits } = this.#followed;
    const { signal } = this.#stopped;
    try {
      const content = await readList(url, limits, signal);
      if (!signal.aborted) listener.content(content);
    } catch (error) {
      if (!signal.aborted) listener.failure(problemOf(error));
    }
    if (signal.aborted) return;
    this.#timer = setTimeout(() => void this.#read(), this.#followed.refreshIntervalMs);
    this.#timer.unref();
  }
}

function readList(url: string, limits: ListSourceOptions, stopped: AbortSignal): Promise<string> {
  if (url.startsWith('file:')) return readFileList(fileURLToPath(url), limits.mostBytes);
  return withDeadline(stopped, limits.timeoutMs, (signal) => fetchList(url, limits, signal));
}

async function fetchList(url: string, limits: ListSourceOptions, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal, redirect: 'follow' });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`answers with ${response.status}`);
  }
  return decode(await take(response.body ?? [], limits.mostBytes));
}

async function readFileList(path: string, mostBytes: number): Promise<string> {
  // Before it is opened: opening a pipe waits for who writes to it.
  if (!(await stat(path)).isFile()) throw new Error('is not a file');
  const file = await open(path, 'r');
  try {
    return decode(await take(file.createReadStream({ autoClose: false }), mostBytes));
  } finally {
    await file.close();
  }
}

async function take(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mostBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > mostBytes) throw new Error(`is longer than ${mostBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** What is not UTF-8 is no list. */
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  return cause === '' ? error.message : `${error.message}: ${cause}`;
}
