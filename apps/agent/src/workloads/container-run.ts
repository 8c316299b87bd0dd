// One container as a local process: kept running as its policy says, probed, and ended in order.
import type { Container, Hook, PodBody } from '@xebec/config';
import {
  type Ending,
  type Probe,
  type ProbeAnswer,
  type ProbeSpec,
  type ProbeTarget,
  type ProcessState,
  type SupervisedProcess,
  startProbe,
  superviseProcess,
} from '@xebec/supervise';
import type { CapturedWorkload } from '../capture/capture.ts';
import { messageOf } from '../problem.ts';
import { runHook } from './hooks.ts';
import type { PodContext } from './pod-context.ts';
import type { ContainerReport, ContainerState } from './pod-manifest.ts';
import { attemptIn } from './probe-attempt.ts';
import { type ContainerProbes, portOf } from './probes.ts';

export interface ContainerOptions {
  readonly context: Pick<PodContext, 'guard' | 'timers' | 'random' | 'clock'>;
  readonly container: Container;
  readonly restartPolicy: PodBody['restartPolicy'];
  readonly terminationGracePeriodMs: number;
  readonly captured: Pick<CapturedWorkload, 'applicationAddress' | 'probeSource' | 'wrapCommand'>;
  readonly command: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly probes: ContainerProbes;
  /** It writes where this process does, not to its log. */
  readonly inheritsOutput?: boolean;
  /** Its report has changed. */
  readonly onChange: () => void;
  readonly onHookFailure: (message: string) => void;
  readonly onRestart: (report: { readonly restarts: number; readonly reason: string }) => void;
}

const policies = { Always: 'always', OnFailure: 'on-failure', Never: 'never' } as const;

export class ContainerRun {
  readonly #options: ContainerOptions;
  readonly #probes: Probe[] = [];
  readonly #process: SupervisedProcess | undefined;
  #failure = '';
  #startedAt = 0;
  #starts = 0;
  #isReady = false;
  #isStopping = false;
  #isRestarting = false;
  #probeMessage = '';

  constructor(options: ContainerOptions) {
    this.#options = options;
    try {
      this.#process = this.#supervise();
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }

  get report(): ContainerReport {
    const { name, image } = this.#options.container;
    const restarts = Math.max(0, this.#starts - 1);
    return { name, image, restarts, isReady: this.#isReady, state: this.#state() };
  }

  /** Why it is not ready; empty when nothing is known. */
  get message(): string {
    const { name } = this.#options.container;
    const state = this.#state();
    if (state.kind === 'waiting') return `container ${name}: ${state.message}`;
    if (state.kind === 'terminated') return `container ${name} ended with code ${state.exitCode}`;
    return this.#probeMessage === '' ? '' : `container ${name}: ${this.#probeMessage}`;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endProbes();
    this.#isReady = false;
    const { preStop } = this.#options.container;
    if (preStop !== undefined && this.#process?.state === 'running') await this.#hook('preStop', preStop);
    await this.#process?.stop();
  }

  async #hook(name: string, hook: Hook): Promise<void> {
    const { captured, environment, directory, context, container, terminationGracePeriodMs } = this.#options;
    const failure = await runHook(hook, {
      target: { host: captured.applicationAddress, env: environment, cwd: directory },
      timers: context.timers,
      timeoutMs: terminationGracePeriodMs,
      attempt: attemptIn(captured),
      portNumber: (port) => portOf(port, container),
    });
    if (failure === undefined) return;
    this.#options.onHookFailure(`hook ${name} of container ${container.name} failed: ${failure}`);
    if (name === 'postStart' && !this.#isStopping) this.#restart({ passing: false, message: failure });
  }

  #supervise(): SupervisedProcess {
    const { captured, environment, directory, logPath, container, context } = this.#options;
    const [program = '', ...args] = captured.wrapCommand(this.#options.command, 'app');
    return superviseProcess(
      {
        name: container.name,
        command: program,
        args,
        env: environment,
        cwd: directory,
        ...(this.#options.inheritsOutput === true ? { inheritsOutput: true } : { stdout: { path: logPath } }),
        restart: { when: policies[this.#options.restartPolicy] },
        stopTimeoutMs: this.#options.terminationGracePeriodMs,
        onStart: () => this.#started(),
        onExit: (ending) => this.#ended(ending),
        onState: () => this.#options.onChange(),
      },
      { guard: context.guard, timers: context.timers, random: context.random },
    );
  }

  #started(): void {
    this.#starts += 1;
    this.#startedAt = this.#options.context.clock();
    const { postStart } = this.#options.container;
    if (postStart !== undefined) void this.#hook('postStart', postStart);
    const { startup } = this.#options.probes;
    if (startup === undefined) this.#probeAlways();
    else
      this.#probe('startup', startup, (answer) =>
        answer.passing ? this.#startupPassed() : this.#restart(answer),
      );
  }

  #startupPassed(): void {
    this.#endProbes();
    this.#probeAlways();
  }

  #probeAlways(): void {
    const { readiness, liveness } = this.#options.probes;
    if (readiness === undefined) this.#setReady(true);
    else this.#probe('readiness', readiness, ({ passing }) => this.#setReady(passing));
    if (liveness !== undefined) {
      this.#probe('liveness', liveness, (answer) => {
        if (!answer.passing) this.#restart(answer);
      });
    }
  }

  #probe(role: string, spec: ProbeSpec, decide: (answer: ProbeAnswer) => void): void {
    const { captured, environment, directory, context } = this.#options;
    const target: ProbeTarget = { host: captured.applicationAddress, env: environment, cwd: directory };
    const onChange = (answer: ProbeAnswer): void => {
      this.#probeMessage = answer.passing ? '' : `${role} probe: ${answer.message}`;
      decide(answer);
    };
    this.#probes.push(
      startProbe(spec, target, { onChange, timers: context.timers, attempt: attemptIn(captured) }),
    );
  }

  #restart(answer: ProbeAnswer): void {
    this.#endProbes();
    this.#probeMessage = `a probe failed: ${answer.message}`;
    this.#setReady(false);
    if (this.#isStopping) return;
    this.#isRestarting = true;
    this.#options.onRestart({ restarts: this.#starts, reason: `probe: ${answer.message}` });
    void this.#process?.restart();
  }

  #ended(ending: Ending): void {
    this.#endProbes();
    this.#isReady = false;
    this.#failure = inWords(ending);
    const isTold = this.#isStopping || this.#isRestarting;
    this.#isRestarting = false;
    if (isTold || !this.#comesBack(ending)) return;
    this.#options.onRestart({ restarts: this.#starts, reason: this.#failure });
  }

  #comesBack({ code }: Ending): boolean {
    const { restartPolicy } = this.#options;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
  }

  #setReady(isReady: boolean): void {
    if (this.#isReady === isReady) return;
    this.#isReady = isReady;
    this.#options.onChange();
  }

  #endProbes(): void {
    for (const probe of this.#probes.splice(0)) probe[Symbol.dispose]();
    this.#probeMessage = '';
  }

  #state(): ContainerState {
    const process = this.#process;
    if (process === undefined)
      return { kind: 'waiting', reason: 'CreateContainerError', message: this.#failure };
    return stateOf(process.state, {
      startedAt: this.#startedAt,
      failure: this.#failure,
      exitCode: process.lastEnding?.code ?? 128,
      starts: this.#starts,
    });
  }
}

interface Facts {
  readonly startedAt: number;
  readonly failure: string;
  readonly exitCode: number;
  readonly starts: number;
}

function stateOf(state: ProcessState, { startedAt, failure, exitCode, starts }: Facts): ContainerState {
  switch (state) {
    case 'running':
    case 'stopping':
      return { kind: 'running', startedAt };
    case 'waiting':
      return starts === 0
        ? { kind: 'waiting', reason: 'CreateContainerError', message: failure || 'not started yet' }
        : { kind: 'waiting', reason: 'CrashLoopBackOff', message: `back-off after: ${failure}` };
    case 'ended':
    case 'stopped':
      return { kind: 'terminated', exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' };
  }
}

function inWords({ code, signal, reason }: Ending): string {
  if (reason !== undefined) return reason;
  return signal === null ? `exit code ${code}` : `ended by ${signal}`;
}
