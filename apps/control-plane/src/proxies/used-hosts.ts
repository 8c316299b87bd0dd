// The virtual hosts each workload is known to use: a source of the graph, kept on disk so that a restart pushes them ahead.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Graph, Source } from '@xebec/flow';
import type { ProxyNode } from '@xebec/model';

const saveDelayMs = 500;
/** A workload that uses more than this has its oldest forgotten; its proxy keeps what it holds. */
const hostLimit = 5_000;

export interface UsedHosts extends Disposable {
  of(proxy: ProxyNode): readonly string[];
  add(proxy: ProxyNode, name: string): void;
}

export interface UsedHostsOptions {
  readonly graph: Graph;
  readonly source: Source<string, readonly string[]>;
  /** Absent: kept in memory only. */
  readonly file?: string;
  readonly onFault: (error: unknown) => void;
}

/** Replicas of a workload use the same hosts, in one style of route configuration. */
const workloadOf = (proxy: ProxyNode): string => `${proxy.namespace}/${proxy.workloadName}/${proxy.capture}`;

export function openUsedHosts(options: UsedHostsOptions): UsedHosts {
  const { graph, source, file } = options;
  const loaded = file === undefined ? {} : load(file, options.onFault);
  graph.transact(() => {
    for (const [workload, names] of Object.entries(loaded)) source.set(workload, names);
  });
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (file !== undefined) write(file, source, options.onFault);
  };
  return {
    of: (proxy) => source.get(workloadOf(proxy)) ?? [],
    add(proxy, name) {
      const workload = workloadOf(proxy);
      const names = source.get(workload) ?? [];
      if (names.includes(name)) return;
      graph.transact(() => source.set(workload, [...names, name].slice(-hostLimit)));
      timer ??= setTimeout(save, saveDelayMs).unref();
    },
    [Symbol.dispose]() {
      if (timer !== undefined) save();
    },
  };
}

function load(file: string, onFault: (error: unknown) => void): Record<string, readonly string[]> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isUsedHosts(value) ? value : {};
  } catch (error) {
    if (!isMissing(error)) onFault(error);
    return {};
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

const isUsedHosts = (value: unknown): value is Record<string, readonly string[]> =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every(
    (names) => Array.isArray(names) && names.every((name) => typeof name === 'string'),
  );

function write(
  file: string,
  source: Source<string, readonly string[]>,
  onFault: (error: unknown) => void,
): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const next = `${file}.next`;
    writeFileSync(next, JSON.stringify(Object.fromEntries(source.entries())), { mode: 0o600 });
    renameSync(next, file);
  } catch (error) {
    onFault(error);
  }
}
