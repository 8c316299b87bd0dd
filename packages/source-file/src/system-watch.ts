// Tells which paths the system says were touched: single configuration files, or "something", which means look at all.
// Kubernetes swaps mounted files by renaming the hidden link `..data`: that is something.
import { basename, join } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isConfigName, isIgnored, type Root, watchedDirectory } from './config-file.ts';

export interface Touches {
  /** Undefined: anything may have changed. */
  readonly onTouch: (path: string | undefined) => void;
  readonly onError: (error: unknown) => void;
}

/** Watches the roots; the first touch, of everything, says that from now on nothing is missed. */
export function watchRoots(roots: readonly Root[], isRecursive: boolean, touches: Touches): FSWatcher {
  const { onTouch, onError } = touches;
  const directories = [...new Set(roots.map(watchedDirectory))];
  const watcher = watch(directories, {
    ignoreInitial: true,
    atomic: false,
    ...(isRecursive ? {} : { depth: 0 }),
    ignored: (path, stats) => isIgnored(path, roots, stats?.isFile() ?? false),
  });
  watcher.on('all', (event, path) => onTouch(event === 'change' ? path : undefined));
  // Unlike `change` events, raw ones are never left out because there was one shortly before.
  watcher.on('raw', (_event, name, details) => {
    const path = rawPath(name, details);
    if (path === undefined || basename(path).startsWith('..')) onTouch(undefined);
    else if (!isIgnored(path, roots, true)) onTouch(path);
  });
  watcher.on('ready', () => onTouch(undefined));
  watcher.on('error', onError);
  return watcher;
}

/** The path of a raw event: its name is relative to what is watched, a directory or the file itself. */
function rawPath(name: unknown, details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  const { watchedPath } = details;
  if (typeof watchedPath !== 'string' || typeof name !== 'string') return undefined;
  return basename(watchedPath) === name && isConfigName(name) ? watchedPath : join(watchedPath, name);
}
