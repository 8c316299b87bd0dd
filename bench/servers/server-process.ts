// A server under measurement as a child process. The rule: it is ended by its own id, with its whole process group.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { nowMs, pause, until } from '../measure/clock.ts';
import { measureProcess, type ProcessUsage } from '../measure/process-usage.ts';

export interface ServerCommand {
  /** How tables call it. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Plaintext xDS, `HOST:PORT`. */
  readonly address: string;
}

export interface RunningServer {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  readonly startedAtMs: number;
  usage(): ProcessUsage;
  /** Set when it ended by itself. */
  problem(): string | undefined;
  stop(): Promise<void>;
}

const lastWords = (logFile: string): string =>
  readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');

export function startServer(command: ServerCommand): RunningServer {
  const log = openSync(command.logFile, 'w');
  const startedAtMs = nowMs();
  const child: ChildProcess = spawn(command.file, command.args, {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...command.env },
  });
  closeSync(log);
  let failure: string | undefined;
  let isOver = false;
  child.once('error', (error) => {
    failure = error.message;
    isOver = true;
  });
  child.once('exit', (code, signal) => {
    failure ??= `${command.name} ended with ${signal ?? code}:\n${lastWords(command.logFile)}`;
    isOver = true;
  });
  const pid = child.pid ?? 0;
  const killGroup = (signal: NodeJS.Signals): void => {
    if (pid === 0) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Already gone.
    }
  };
  const onParentExit = (): void => killGroup('SIGKILL');
  process.once('exit', onParentExit);
  return {
    name: command.name,
    address: command.address,
    pid,
    startedAtMs,
    usage: () => measureProcess(pid),
    problem: () => (isOver ? failure : undefined),
    async stop() {
      killGroup('SIGTERM');
      if (!(await until(() => isOver, 5_000))) killGroup('SIGKILL');
      await pause(0);
      process.off('exit', onParentExit);
    },
  };
}

/** A port of 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
