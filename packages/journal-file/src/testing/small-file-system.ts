// Programs on a file system of 256 KB, for real; it lives in a namespace of its own and ends with the program.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from './bundle.ts';

const limitMs = 15_000;
const notMounted = 77;

export interface SmallFileSystem extends Disposable {
  /** What the program printed, given the place as its argument; undefined where nobody may mount. Throws when it fails or does not end. */
  run(): string | undefined;
}

/** Bundles one of the programs beside this file and makes a place to mount at. */
export async function openSmallFileSystem(program: string): Promise<SmallFileSystem> {
  const directory = mkdtempSync(join(tmpdir(), `${program}-`));
  const mountPoint = join(directory, 'mount');
  const bundle = join(directory, `${program}.mjs`);
  mkdirSync(mountPoint);
  await bundleProgram(program, bundle);
  return {
    run: () => (process.getuid?.() === 0 ? runMounted(mountPoint, bundle) : undefined),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function runMounted(mountPoint: string, bundle: string): string | undefined {
  const mount = `mount -t tmpfs -o size=256k none "$1" 2>/dev/null || exit ${notMounted}`;
  const script = `${mount}; exec "$2" "$3" "$1"`;
  const args = ['-m', 'sh', '-c', script, 'sh', mountPoint, process.execPath, bundle];
  const { status, stdout, stderr, error } = spawnSync('unshare', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return stdout;
  const isRefused = status === notMounted || stderr.startsWith('unshare:');
  if (isRefused || (error !== undefined && 'code' in error && error.code === 'ENOENT')) return undefined;
  throw error ?? new Error(stderr);
}
