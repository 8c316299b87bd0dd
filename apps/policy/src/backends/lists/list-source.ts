// Lists and other documents from files and over HTTP, read again and again. Rule: one is read whole or not at all, within a size and a time; who follows is told of every reading that fails.
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
  return {
    follow: (url, refreshIntervalMs, listener) =>
      followDocument({ url, refreshIntervalMs, listener: textListener(listener), ...options }),
  };
}

/** What is not UTF-8 is no list. */
const textListener = (listener: ListListener): DocumentListener => ({
  content: (bytes) => listener.content(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
  failure: (problem) => listener.failure(problem),
});

export interface DocumentListener {
  /** May throw where the document cannot be used: that is a failure. */
  content(bytes: Uint8Array): void | Promise<void>;
  failure(problem: string): void;
}

export interface FollowedDocument extends Partial<ListSourceOptions> {
  /** `http:`, `https:` or `file:`. */
  readonly url: string;
  readonly refreshIntervalMs: number;
  readonly listener: DocumentListener;
}

/** Reads at once and again and again. Resolves after the first answer, with what stops it. */
export async function followDocument(followed: FollowedDocument): Promise<() => void> {
  const following = new Following({ ...defaults, ...followed });
  await following.start();
  return () => following.stop();
}

type Followed = FollowedDocument & ListSourceOptions;

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
      timer = setTimeout(resolve, this.#followed.firstMs);
    });
    await Promise.race([this.#read(), enough]);
    clearTimeout(timer);
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  async #read(): Promise<void> {
    const { listener } = this.#followed;
    const { signal } = this.#stopped;
    try {
      const content = await readDocument(this.#followed, signal);
      if (!signal.aborted) await listener.content(content);
    } catch (error) {
      if (!signal.aborted) listener.failure(problemOf(error));
    }
    if (signal.aborted) return;
    this.#timer = setTimeout(() => void this.#read(), this.#followed.refreshIntervalMs);
    this.#timer.unref();
  }
}

function readDocument({ url, mostBytes, timeoutMs }: Followed, stopped: AbortSignal): Promise<Uint8Array> {
  if (url.startsWith('file:')) return readFileDocument(fileURLToPath(url), mostBytes);
  return withDeadline(stopped, timeoutMs, (signal) => fetchDocument(url, mostBytes, signal));
}

async function fetchDocument(url: string, mostBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal, redirect: 'follow' });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`answers with ${response.status}`);
  }
  return take(response.body ?? [], mostBytes);
}

async function readFileDocument(path: string, mostBytes: number): Promise<Uint8Array> {
  // Before it is opened: opening a pipe waits for who writes to it.
  if (!(await stat(path)).isFile()) throw new Error('is not a file');
  const file = await open(path, 'r');
  try {
    return await take(file.createReadStream({ autoClose: false }), mostBytes);
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

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  return cause === '' ? error.message : `${error.message}: ${cause}`;
}
