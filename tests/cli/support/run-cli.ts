// Runs the built command as people do, each test with its own state directory, and leaves nothing running.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = join(root, 'dist', 'xebec.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Without the privileges of root. */
  readonly isUnprivileged?: boolean;
}

/** A directory of one test with a state directory in it; `dispose` ends a mesh that still runs there. */
export interface Workspace {
  readonly directory: string;
  readonly state: string;
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Starts it and lets it run. */
  start(args: readonly string[], options?: RunOptions): RunningCommand;
  write(name: string, text: string): string;
  /** Pids that the mesh wrote down. */
  pid(name: string): number | undefined;
  dispose(): Promise<void>;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Resolves once the text shows up on either stream; rejects when the command ends before. */
  until(text: string | RegExp): Promise<void>;
}

export function openWorkspace(): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'xc-'));
  const state = join(directory, 's');
  const running = new Set<RunningCommand>();
  const start = (args: readonly string[], options: RunOptions = {}): RunningCommand => {
    const command = startCommand(args, {
      cwd: directory,
      ...options,
      env: { XEBEC_STATE: state, ...options.env },
    });
    running.add(command);
    void command.ended.then(() => running.delete(command));
    return command;
  };
  const run = (args: readonly string[], options?: RunOptions): Promise<Outcome> => start(args, options).ended;
  return {
    directory,
    state,
    run,
    start,
    write(name, text) {
      const file = join(directory, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    pid(name) {
      const file = join(state, 'run', `${name}.pid`);
      if (!existsSync(file)) return undefined;
      const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
      return pid;
    },
    async dispose() {
      await run(['down']);
      for (const { child } of running) child.kill('SIGKILL');
      await Promise.all([...running].map(({ ended }) => ended));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function startCommand(args: readonly string[], options: RunOptions): RunningCommand {
  const isStripped = options.isUnprivileged === true && process.getuid?.() === 0;
  const [file = '', ...before] = isStripped
    ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', process.execPath]
    : [process.execPath];
  const child = spawn(file, [...before, program, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
  return {
    child,
    ended,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const all = output.stdout + output.stderr;
          if (typeof text === 'string' ? all.includes(text) : text.test(all)) resolve();
        };
        listeners.add(look);
        look();
        void ended.then(({ code }) =>
          reject(new Error(`ended with ${code}: ${output.stdout}${output.stderr}`)),
        );
      }),
  };
}

/** True while a process of this pid lives. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    // A zombie is not running.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Asks until it is true. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
