// Holds the guard process: whatever happens to us, kill -9 included, the processes we started end soon after.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { guardProgram } from './guard-program.ts';
import { processStart } from './identity.ts';

/** Watches over child processes on behalf of this one. */
export interface Guard extends Disposable {
  readonly pid: number | undefined;
  /** Put this into the environment of every child: it finds those that leave their process group, too. */
  readonly environment: Readonly<Record<string, string>>;
  /** The leader of a process group, from now on not to outlive us. */
  readonly watch: (pid: number) => void;
  readonly forget: (pid: number) => void;
}

export interface GuardOptions {
  /** How long children have between SIGTERM and SIGKILL once we are gone; default 2000. */
  readonly graceMs?: number;
}

const launchLimit = 20;

/** Starts a guard; one is enough for any number of children. Disposing it ends all that is still watched. */
export function startGuard(options: GuardOptions = {}): Guard {
  const mark = randomUUID();
  const leaders = new Map<number, string>();
  let isDisposed = false;
  let launches = 0;
  let child = launch();

  function launch(): ChildProcess {
    const args = ['-e', guardProgram, mark, String(options.graceMs ?? 2_000)];
    const guard = spawn(process.execPath, args, {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own session: the terminal's Ctrl-C is not for it.
      detached: true,
      cwd: '/',
      env: { PATH: process.env['PATH'] },
    });
    guard.stdin?.on('error', () => undefined);
    guard.once('error', () => undefined);
    guard.once('exit', () => {
      // One that was killed is replaced; one that cannot live here is not tried for ever.
      if (!isDisposed && launches++ < launchLimit) child = launch();
    });
    guard.unref();
    if (guard.stdin instanceof Socket) guard.stdin.unref();
    for (const [pid, start] of leaders) guard.stdin?.write(`+ ${pid} ${start}\n`);
    return guard;
  }

  return {
    get pid() {
      return child.pid;
    },
    environment: { XEBEC_GUARD: mark },
    watch: (pid) => {
      const start = processStart(pid);
      if (start === undefined) return;
      leaders.set(pid, start);
      child.stdin?.write(`+ ${pid} ${start}\n`);
    },
    forget: (pid) => {
      if (leaders.delete(pid)) child.stdin?.write(`- ${pid}\n`);
    },
    [Symbol.dispose]: () => {
      isDisposed = true;
      child.stdin?.end();
    },
  };
}
