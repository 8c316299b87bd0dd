// Watches objects through the admin API and comes back after every break: what was deleted meanwhile is told, too.
import http from 'node:http';
import type { Timers } from '@xebec/supervise';
import { backoffMs, pause } from '../backoff.ts';
import { messageOf } from '../problem.ts';
import { type Manifest, parseJson } from './control-client.ts';
import { createLineReader } from './lines.ts';

export interface WatchListener {
  /** New, changed, or told again after a break. */
  set(key: string, object: Manifest): void;
  delete(key: string): void;
  /** Everything there is has been told. Called again after every break. */
  synced(): void;
  connected(): void;
  /** `isFirst`: the first failure since it last worked, or since the start. */
  disconnected(reason: string, isFirst: boolean): void;
}

export interface WatchOptions {
  readonly socketPath: string;
  readonly kinds: readonly string[];
  readonly listener: WatchListener;
  readonly timers: Timers;
  readonly random: () => number;
}

const backoff = { firstMs: 100, longestMs: 2_000 };

/** Watches until disposed. Events of one watch come in order, and none after it was disposed. */
export function watchObjects(options: WatchOptions): AsyncDisposable {
  const stop = new AbortController();
  const running = run(options, stop.signal);
  return {
    [Symbol.asyncDispose]: () => {
      stop.abort();
      return running;
    },
  };
}

async function run(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { timers, random, listener } = options;
  const known = new Set<string>();
  let failures = 0;
  while (!signal.aborted) {
    const reason = await follow(options, signal, known, () => {
      failures = 0;
    });
    if (signal.aborted) return;
    failures += 1;
    listener.disconnected(reason, failures === 1);
    await pause(timers, backoffMs(backoff, failures, random), signal);
  }
}

/** One connection; resolves with why it ended. */
function follow(
  { socketPath, kinds, listener }: WatchOptions,
  signal: AbortSignal,
  known: Set<string>,
  onConnected: () => void,
): Promise<string> {
  return new Promise((resolve) => {
    const path = `/v1/watch?kind=${kinds.map(encodeURIComponent).join(',')}`;
    const request = http.get({ socketPath, path, agent: false, signal, headers: { host: 'localhost' } });
    request.on('error', (error) => resolve(messageOf(error)));
    request.on('response', (response) => {
      response.on('error', (error) => resolve(messageOf(error)));
      response.on('close', () => resolve('the control plane closed the watch'));
      if (response.statusCode !== 200) {
        response.destroy(new Error(`the control plane answered ${response.statusCode}`));
        return;
      }
      onConnected();
      listener.connected();
      const accept = createEventReader(listener, known);
      const read = createLineReader((line) => {
        if (!signal.aborted) accept(line);
      });
      response.on('data', (bytes: Buffer) => {
        try {
          read(bytes);
        } catch (error) {
          response.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  });
}

/** Keeps the keys that are known: those not told before `synced` were deleted during the break. */
function createEventReader(listener: WatchListener, known: Set<string>): (line: string) => void {
  const told = new Set<string>();
  let isSynced = false;
  return (line) => {
    const { type, key, object } = readEvent(line);
    if (type === 'synced' && !isSynced) {
      isSynced = true;
      for (const missed of [...known].filter((candidate) => !told.has(candidate))) {
        known.delete(missed);
        listener.delete(missed);
      }
      listener.synced();
    } else if (type === 'set' && key !== undefined && object !== undefined) {
      told.add(key);
      known.add(key);
      listener.set(key, object);
    } else if (type === 'delete' && key !== undefined) {
      told.delete(key);
      if (known.delete(key)) listener.delete(key);
    }
  };
}

interface WatchEvent {
  readonly type: unknown;
  readonly key: string | undefined;
  readonly object: Manifest | undefined;
}

function readEvent(line: string): WatchEvent {
  const event = parseJson(line);
  if (!isRecord(event)) throw new Error('a line of the watch is not a JSON object');
  const { type, key, object } = event;
  return {
    type,
    key: typeof key === 'string' ? key : undefined,
    object: isRecord(object) ? object : undefined,
  };
}

export const isRecord = (value: unknown): value is Manifest =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
