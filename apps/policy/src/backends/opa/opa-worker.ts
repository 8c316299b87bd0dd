// The program of the thread that evaluates a compiled policy: one evaluation after the other, each from the same state. Rule: memory is bounded; after a failure the policy begins anew.
import { parentPort } from 'node:worker_threads';
import { loadPolicy } from '@open-policy-agent/opa-wasm';
import { readCompiledPolicy } from './bundle.ts';
import type { FromOpaThread, LoadMessage, ToOpaThread } from './thread-messages.ts';

/** 64 MiB, in pages of Wasm. */
const mostPages = 1_024;
/** What a module needs at the start is written in it; one of these is enough. */
const firstPages = [16, 64, 256, mostPages];

interface Policy {
  evaluate(input: unknown, entrypoint: string): unknown;
  setData(data: object): void;
  readonly entrypoints: Readonly<Record<string, number>>;
}

async function instantiate(module: Uint8Array<ArrayBuffer>): Promise<Policy> {
  for (const initial of firstPages) {
    try {
      return await loadPolicy(module, { initial, maximum: mostPages });
    } catch (error) {
      if (Object(error).name !== 'LinkError' || initial === firstPages.at(-1)) throw error;
    }
  }
  throw new Error('needs more memory than there is');
}

async function load({ content, entrypoint, data }: LoadMessage): Promise<() => Promise<Policy>> {
  const file = readCompiledPolicy(content, entrypoint);
  const module = new Uint8Array(file.module);
  const all = { ...file.data, ...data };
  const begin = async (): Promise<Policy> => {
    const policy = await instantiate(module);
    if (Object.keys(all).length > 0) policy.setData(all);
    return policy;
  };
  const { entrypoints } = await begin();
  if (Object.hasOwn(entrypoints, entrypoint)) return begin;
  const known = Object.keys(entrypoints).map((name) => `data.${name.replaceAll('/', '.')}`);
  throw new Error(
    `has no decision data.${entrypoint.replaceAll('/', '.')}; it has ${known.slice(0, 10).join(', ')}`,
  );
}

interface Loaded {
  readonly entrypoint: string;
  begin(): Promise<Policy>;
  policy?: Policy | undefined;
}

async function evaluate(loaded: Loaded, input: unknown): Promise<unknown> {
  loaded.policy ??= await loaded.begin();
  try {
    const results = loaded.policy.evaluate(input, loaded.entrypoint);
    const first: unknown = Array.isArray(results) ? results[0] : undefined;
    return Object(first).result;
  } catch (error) {
    loaded.policy = undefined;
    throw error;
  }
}

/** The runtime throws texts and objects, too. */
function problemOf(error: unknown): string {
  const message: unknown = typeof error === 'string' ? error : Object(error).message;
  return String(message ?? error).slice(0, 300);
}

const answer = (message: FromOpaThread): void => parentPort?.postMessage(message);

let loaded: Loaded | undefined;
/** One message after the other, in their order. */
let turn: Promise<void> = Promise.resolve();

async function take(message: ToOpaThread): Promise<void> {
  if (message.kind === 'load') {
    try {
      loaded = { entrypoint: message.entrypoint, begin: await load(message) };
      loaded.policy = await loaded.begin();
      answer({ kind: 'ready' });
    } catch (error) {
      answer({ kind: 'refused', problem: problemOf(error) });
    }
    return;
  }
  const { id, input } = message;
  try {
    if (loaded === undefined) throw new Error('no policy is loaded');
    answer({ kind: 'decided', id, decision: await evaluate(loaded, input) });
  } catch (error) {
    answer({ kind: 'failed', id, problem: problemOf(error) });
  }
}

parentPort?.on('message', (message: ToOpaThread) => {
  turn = turn.then(() => take(message));
});
