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
  /** It could not be asked. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface EnvoyCheck {
  /** What Envoy says of each, by label. `clusters`: names that may be referred to. */
  check(
    resources: readonly CheckedResource[],
    clusters?: Iterable<string>,
  ): Promise<ReadonlyMap<string, Verdict>>;
}

const batchSize = 250;
const timeoutMs = 20_000;

/** `locate` gives the path of the binary; it is asked once, at first need. */
export function createEnvoyCheck(locate: () => Promise<string | undefined>): EnvoyCheck {
  let path: Promise<string | undefined> | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  return {
    check(resources, clusters = []) {
      const next = queue.then(async () => {
        path ??= locate();
        const found = await path;
        return found === undefined
          ? unknownOf(resources, noEnvoy)
          : checkAll(found, resources, [...clusters]);
      });
      queue = next.catch(() => undefined);
      return next;
    },
  };
}

const noEnvoy = 'there is no Envoy on this machine to check it with';

const unknownOf = (resources: readonly CheckedResource[], reason: string): ReadonlyMap<string, Verdict> =>
  new Map(resources.map(({ label }) => [label, { kind: 'unknown', reason }]));

async function checkAll(
  path: string,
  resources: readonly CheckedResource[],
  clusters: readonly string[],
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const groups: (readonly CheckedResource[])[] = [];
  for (let at = 0; at < resources.length; at += batchSize) groups.push(resources.slice(at, at + batchSize));
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const verdict = await ask(path, group, clusters);
    const [only] = group;
    if (only === undefined) continue;
    if (verdict.kind !== 'refused' || group.length === 1) {
      for (const { label } of group) verdicts.set(label, verdict);
      continue;
    }
    const half = group.length >>> 1;
    groups.push(group.slice(0, half), group.slice(half));
  }
  return verdicts;
}

async function ask(
  path: string,
  resources: readonly CheckedResource[],
  clusters: readonly string[],
): Promise<Verdict> {
  const bootstrap = encode(resources, clusters);
  if (typeof bootstrap === 'string') return { kind: 'refused', message: bootstrap };
  const directory = mkdtempSync(join(tmpdir(), 'xebec-check-'));
  const file = join(directory, 'bootstrap.pb');
  try {
    writeFileSync(file, bootstrap, { mode: 0o600 });
    const args = ['--mode', 'validate', '-c', file, '--log-level', 'error', '--concurrency', '1'];
    const outcome = await runCommand(path, args, { env: {}, timeoutMs });
    if (outcome.kind !== 'ended') return { kind: 'unknown', reason: `${path} could not be started` };
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
  const words = (constraint < 0 ? text : text.slice(constraint)).trim().replace(/\s+/g, ' ');
  return words.length > 500 ? `${words.slice(0, 500)}…` : words;
}
