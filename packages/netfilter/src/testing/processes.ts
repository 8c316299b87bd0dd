// Programs for tests: started, awaited by what they print, and ended by their own ids.
import { type ChildProcess, spawn } from 'node:child_process';

export interface RunningProgram extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything printed so far, on both streams. */
  printed(): string;
  /** Resolves once what was printed matches; rejects with it after a deadline or an early end. */
  untilPrinted(pattern: RegExp): Promise<void>;
}

export function startProgram(command: readonly string[]): RunningProgram {
  const [program = '', ...flags] = command;
  const child = spawn(program, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let hasEnded = false;
  const watchers = new Set<() => void>();
  const notify = (): void => {
    for (const watcher of watchers) watcher();
  };
  const add = (text: string): void => {
    printed += text;
    notify();
  };
  child.stdout.setEncoding('utf8').on('data', add);
  child.stderr.setEncoding('utf8').on('data', add);
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      hasEnded = true;
      notify();
      resolve();
    });
    child.on('error', (error) => add(error.message));
  });
  return {
    child,
    printed: () => printed,
    untilPrinted: (pattern) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void): void => {
          clearTimeout(deadline);
          watchers.delete(look);
          settle();
        };
        const give = (why: string): void =>
          finish(() => reject(new Error(`${why} before ${pattern}:\n${printed}`)));
        const look = (): void => {
          if (pattern.test(printed)) finish(resolve);
          else if (hasEnded) give('ended');
        };
        const deadline = setTimeout(() => give('deadline'), 10_000);
        watchers.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits for a condition, looking again and again up to a deadline. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`deadline: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
