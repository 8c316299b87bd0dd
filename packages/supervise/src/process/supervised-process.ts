// Keeps one process running: starts it, watches it, starts it again, and ends it with everything it started.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, fchownSync } from 'node:fs';
import { messageOf } from '../error-code.ts';
import { systemTimers, type Timers } from '../timers.ts';
import type { Guard } from './guard.ts';
import { processStart, signalGroup } from './identity.ts';
import { type LogFile, type LogFileOptions, openLogFile } from './log-file.ts';
import { callsForRestart, type Ending, type RestartPolicy, restartDelayMs } from './restart-policy.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Where standard output goes; nowhere without it. */
  readonly stdout?: LogFileOptions;
  /** Both go where this process writes; then there is no log. */
  readonly inheritsOutput?: boolean;
  /** Where standard error goes; default: with standard output. */
  readonly stderr?: LogFileOptions;
  /** Default `{when: 'always'}`. */
  readonly restart?: RestartPolicy;
  /** Default SIGTERM, sent to the whole process group. */
  readonly stopSignal?: NodeJS.Signals;
  /** After this the group gets SIGKILL; default 10000. */
  readonly stopTimeoutMs?: number;
  readonly onStart?: (pid: number) => void;
  readonly onExit?: (ending: Ending) => void;
  readonly onState?: (state: ProcessState) => void;
}

/** `waiting`: ended, and to be started again after a delay. `ended`: of itself and for good. `stopped`: by us. */
export type ProcessState = 'running' | 'waiting' | 'stopping' | 'ended' | 'stopped';

export interface Surroundings {
  /** Without one, children outlive us when we are killed. */
  readonly guard?: Guard;
  readonly timers?: Timers;
  /** In [0, 1). */
  readonly random?: () => number;
}

export interface SupervisedProcess extends Disposable, AsyncDisposable {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: ProcessState;
  /** Starts after the first. */
  readonly restarts: number;
  readonly lastEnding: Ending | undefined;
  /** Ends the process and does not start it again; resolves when it is gone and the rest of its group was killed. */
  readonly stop: () => Promise<void>;
  /** Ends it and starts it at once, whatever the policy says. */
  readonly restart: () => Promise<void>;
  /** Sends a signal to the process itself; false when it is not running. */
  readonly signal: (signal: NodeJS.Signals) => boolean;
}

interface Run {
  readonly child: ChildProcess;
  readonly startedAtMs: number;
  readonly ended: Promise<void>;
}

/** Starts a process and keeps it as its spec says, until `stop`. Throws only if a log file cannot be opened. */
export function superviseProcess(spec: ProcessSpec, surroundings: Surroundings = {}): SupervisedProcess {
  return new Supervision(spec, surroundings);
}

class Supervision implements SupervisedProcess {
  readonly name: string;
  state: ProcessState = 'waiting';
  restarts = 0;
  lastEnding: Ending | undefined;
  readonly #spec: ProcessSpec;
  readonly #guard: Guard | undefined;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #logs: readonly [LogFile | undefined, LogFile | undefined];
  #run: Run | undefined;
  #starts = 0;
  #failures = 0;
  #nextStart: Disposable | undefined;
  #stopping: Promise<void> | undefined;

  constructor(spec: ProcessSpec, surroundings: Surroundings) {
    this.name = spec.name;
    this.#spec = spec;
    this.#guard = surroundings.guard;
    this.#timers = surroundings.timers ?? systemTimers;
    this.#random = surroundings.random ?? Math.random;
    this.#logs = openLogs(spec, this.#timers);
    this.#start();
  }

  get pid(): number | undefined {
    return this.#run?.child.pid;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async restart(): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#nextStart?.[Symbol.dispose]();
    const run = this.#run;
    if (run !== undefined) {
      this.#setState('stopping');
      await this.#end(run);
    }
    if (this.#stopping !== undefined || this.#run !== undefined) return;
    this.#failures = 0;
    this.#start();
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#run?.child.kill(signal) ?? false;
  }

  [Symbol.dispose](): void {
    void this.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #setState(state: ProcessState): void {
    if (this.state === state) return;
    this.state = state;
    this.#spec.onState?.(state);
  }

  #start(): void {
    this.#nextStart = undefined;
    this.restarts = this.#starts;
    this.#starts += 1;
    const startedAtMs = this.#timers.nowMs();
    let child: ChildProcess;
    try {
      child = spawn(this.#spec.command, this.#spec.args ?? [], this.#spawnOptions());
    } catch (error) {
      this.#settle(startedAtMs, { code: null, signal: null, reason: messageOf(error) });
      return;
    }
    const { promise, resolve } = withResolvers();
    const run: Run = { child, startedAtMs, ended: promise };
    this.#run = run;
    if (child.pid !== undefined) this.#guard?.watch(child.pid);
    const finish = (ending: Ending) => {
      if (this.#run !== run) return;
      this.#run = undefined;
      if (child.pid !== undefined) this.#leave(child.pid);
      resolve();
      this.#settle(startedAtMs, ending);
    };
    child.once('exit', (code, signal) => finish({ code, signal }));
    child.on('error', (error) => {
      if (child.pid === undefined) finish({ code: null, signal: null, reason: this.#explain(error) });
    });
    if (child.pid === undefined) return;
    this.#setState('running');
    this.#spec.onStart?.(child.pid);
  }

  #explain(error: Error): string {
    const { cwd, command } = this.#spec;
    if (cwd !== undefined && !existsSync(cwd)) return `its working directory ${cwd} does not exist`;
    return `${command} cannot be started: ${error.message}`;
  }

  #spawnOptions(): SpawnOptions {
    const { env, cwd, uid, gid } = this.#spec;
    const [output, error] = this.#logs;
    return {
      env: { ...env, ...this.#guard?.environment },
      // A session of its own: one signal reaches all it started, and the terminal's Ctrl-C reaches none of it.
      detached: true,
      stdio:
        this.#spec.inheritsOutput === true
          ? ['inherit', 'inherit', 'inherit']
          : ['ignore', output?.descriptor ?? 'ignore', error?.descriptor ?? 'ignore'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    };
  }

  /** Ends what the leader left behind in its group, then has the guard forget it. */
  #leave(pid: number): void {
    // A process that has this pid by now is another one, and so is its group.
    if (processStart(pid) === undefined) signalGroup(pid, 'SIGKILL');
    this.#guard?.forget(pid);
  }

  #settle(startedAtMs: number, ending: Ending): void {
    const policy = this.#spec.restart ?? { when: 'always' };
    const ranMs = this.#timers.nowMs() - startedAtMs;
    this.#failures = ranMs >= (policy.forgiveAfterMs ?? 10_000) ? 1 : this.#failures + 1;
    this.lastEnding = ending;
    this.#spec.onExit?.(ending);
    if (this.state === 'stopping') return;
    if (!callsForRestart(policy, ending)) {
      this.#setState('ended');
      return;
    }
    const delayMs = restartDelayMs(policy, this.#failures, this.#random);
    this.#nextStart = this.#timers.after(delayMs, () => this.#start());
    this.#setState('waiting');
  }

  async #stop(): Promise<void> {
    this.#nextStart?.[Symbol.dispose]();
    const run = this.#run;
    this.#setState('stopping');
    if (run !== undefined) await this.#end(run);
    for (const log of new Set(this.#logs)) log?.[Symbol.dispose]();
    this.#setState('stopped');
  }

  async #end({ child, ended }: Run): Promise<void> {
    const { pid } = child;
    if (pid === undefined) return ended;
    signalGroup(pid, this.#spec.stopSignal ?? 'SIGTERM');
    const { stopTimeoutMs = 10_000 } = this.#spec;
    const deadline = this.#timers.after(stopTimeoutMs, () => signalGroup(pid, 'SIGKILL'));
    await ended;
    deadline[Symbol.dispose]();
  }
}

function openLogs(spec: ProcessSpec, timers: Timers): [LogFile | undefined, LogFile | undefined] {
  const open = (options: LogFileOptions) => {
    const log = openLogFile(options, timers);
    // A process that opens /dev/stdout anew (Envoy's access log does) needs the right to.
    if (spec.uid !== undefined) fchownSync(log.descriptor, spec.uid, spec.gid ?? -1);
    return log;
  };
  const output = spec.stdout === undefined ? undefined : open(spec.stdout);
  if (spec.stderr === undefined || spec.stderr.path === spec.stdout?.path) return [output, output];
  return [output, open(spec.stderr)];
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
