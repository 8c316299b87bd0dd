// Asks a real Envoy whether it would take resources, by its validate mode: one process at a time, many resources in each, bounded in time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CheckedResource, validationBootstrap } from '@xebec/envoy';
import { runCommand } from '@xebec/supervise';

export type Verdict =
  | { readonly kind: 'good' }
  /** In Envoy's words. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It was asked and gave no answer. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** There is no Envoy to ask. */
  | { readonly kind: 'unchecked' };

export interface EnvoyCheck {
  /** Whether there is an Envoy to ask; undefined until that is known. */
  readonly isAvailable: () => boolean | undefined;
  /** Looks for the Envoy. */
  locate(): Promise<boolean>;
  /** What Envoy says of each, by label. `clusters`: names that may be referred to. */
  check(
    resources: readonly CheckedResource[],
    clusters?: Iterable<string>,
  ): Promise<ReadonlyMap<string, Verdict>>;
  /** What Envoy says of a whole encoded bootstrap. */
  checkBootstrap(bootstrap: Uint8Array): Promise<Verdict>;
}

const batchSize = 250;
const usualTimeoutMs = 10_000;

export interface EnvoyCheckOptions {
  /** Path of the binary; asked once. */
  readonly locate: () => Promise<string | undefined>;
  /** Longest time for one run of Envoy. Default 10 s. */
  readonly timeoutMs?: number;
}

export function createEnvoyCheck({ locate, timeoutMs = usualTimeoutMs }: EnvoyCheckOptions): EnvoyCheck {
  let path: Promise<string | undefined> | undefined;
  let isAvailable: boolean | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  const located = async (): Promise<string | undefined> => {
    path ??= locate();
    const found = await path;
    isAvailable = found !== undefined;
    return found;
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = queue.then(work);
    queue = next.catch(() => undefined);
    return next;
  };
  return {
    isAvailable: () => isAvailable,
    locate: async () => (await located()) !== undefined,
    check: (resources, clusters = []) =>
      inTurn(async () => {
        const envoy = await located();
        if (envoy !== undefined)
          return await checkAll(resources, { envoy, timeoutMs, clusters: [...clusters] });
        return new Map(resources.map(({ label }) => [label, { kind: 'unchecked' }]));
      }),
    checkBootstrap: (bootstrap) =>
      inTurn(async () => {
        const envoy = await located();
        return envoy === undefined ? { kind: 'unchecked' } : await run(bootstrap, { envoy, timeoutMs });
      }),
  };
}

interface Asking {
  readonly envoy: string;
  readonly timeoutMs: number;
  readonly clusters: readonly string[];
}

/** A group that is not good is halved until it is known which of it are to blame. */
async function checkAll(
  resources: readonly CheckedResource[],
  asking: Asking,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const groups: (readonly CheckedResource[])[] = [];
  for (let at = 0; at < resources.length; at += batchSize) groups.push(resources.slice(at, at + batchSize));
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const verdict = await ask(group, asking);
    if (verdict.kind === 'good' || group.length === 1) {
      for (const { label } of group) verdicts.set(label, verdict);
      continue;
    }
    const half = group.length >>> 1;
    groups.push(group.slice(0, half), group.slice(half));
  }
  return verdicts;
}

async function ask(resources: readonly CheckedResource[], asking: Asking): Promise<Verdict> {
  const bootstrap = encode(resources, asking.clusters);
  return typeof bootstrap === 'string'
    ? { kind: 'refused', message: bootstrap }
    : await run(bootstrap, asking);
}

async function run(
  bootstrap: Uint8Array,
  { envoy, timeoutMs }: Pick<Asking, 'envoy' | 'timeoutMs'>,
): Promise<Verdict> {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-check-'));
  const file = join(directory, 'bootstrap.pb');
  try {
    writeFileSync(file, bootstrap, { mode: 0o600 });
    const args = ['--mode', 'validate', '-c', file, '--log-level', 'error', '--concurrency', '1'];
    const outcome = await runCommand(envoy, args, { env: {}, timeoutMs });
    if (outcome.kind !== 'ended') return { kind: 'unknown', reason: `${envoy} could not be started` };
    if (outcome.code === 0) return { kind: 'good' };
    if (outcome.code === null) return { kind: 'unknown', reason: 'Envoy took too long to check it' };
    return { kind: 'refused', message: wordsOf(outcome.stderr || outcome.stdout) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function encode(resources: readonly CheckedResource[], clusters: readonly string[]): Uint8Array | string {
  try {
    return validationBootstrap(resources, clusters);
  } catch (error) {
    return `cannot be decoded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The reason out of Envoy's log, without the configuration that it repeats. */
export function wordsOf(log: string): string {
  const start = log.indexOf('error initializing configuration');
  const text = start < 0 ? log : log.slice(start).replace(/^[^:]*': /, '');
  const constraint = text.lastIndexOf('Proto constraint validation failed');
  const words = (constraint < 0 ? text : withoutContent(text.slice(constraint)))
    .replace(/goo\.gle\/debug\w+\s/g, '')
    .trim()
    .replace(/\s+/g, ' ');
  return words.length > 500 ? `${words.slice(0, 500)}…` : words;
}

/** `Proto constraint validation failed (REASON): CONTENT`. */
function withoutContent(text: string): string {
  const end = text.indexOf('): ');
  return end < 0 ? text : text.slice(0, end + 1);
}
