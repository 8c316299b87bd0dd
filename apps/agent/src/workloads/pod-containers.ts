// The containers of one Pod in their order: init containers one after another, sidecars among them for good, then all others at once.
import type { PodBody } from '@xebec/config';
import type { ContainerRun } from './container-run.ts';
import type { Launch, Launches } from './pod-launch.ts';

export type Outcome = 'succeeded' | 'failed';

export interface PodContainersOptions {
  readonly launches: Launches;
  readonly restartPolicy: PodBody['restartPolicy'];
  readonly start: (
    launch: Launch,
    restartPolicy: PodBody['restartPolicy'],
    onChange: () => void,
  ) => ContainerRun;
  /** Something that a report shows has changed. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

export class PodContainers {
  /** Those of `containers` that have been started: all or none. */
  main: readonly ContainerRun[] = [];
  /** Why no container runs yet, or why none ever will; empty otherwise. */
  message = '';
  readonly #options: PodContainersOptions;
  readonly #sidecars: ContainerRun[] = [];
  #initial: ContainerRun | undefined;
  #hasFailed = false;
  #wake: () => void = () => undefined;

  constructor(options: PodContainersOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** Set once all containers of a Pod that ends have ended. */
  get outcome(): Outcome | undefined {
    if (this.#hasFailed) return 'failed';
    const { launches, restartPolicy } = this.#options;
    if (restartPolicy === 'Always' || this.main.length < launches.main.length || this.main.length === 0)
      return undefined;
    const codes = this.main.flatMap(({ report: { state } }) =>
      state.kind === 'terminated' ? [state.exitCode] : [],
    );
    if (codes.length < this.main.length) return undefined;
    return codes.every((code) => code === 0) ? 'succeeded' : 'failed';
  }

  /** Of the first container; undefined while it runs. */
  get exitCode(): number | undefined {
    const state = this.main[0]?.report.state;
    return state?.kind === 'terminated' ? state.exitCode : undefined;
  }

  /** Resolves once all have been started, or an init container has failed for good. */
  async run(): Promise<void> {
    const { launches, signal, restartPolicy } = this.#options;
    for (const [index, launch] of launches.init.entries()) {
      this.message = `init container ${launch.container.name} (${index + 1} of ${launches.init.length}) has not ended`;
      const isGood =
        launch.container.isSidecar === true
          ? await this.#startSidecar(launch)
          : await this.#initialize(launch);
      if (!isGood || signal.aborted) return;
    }
    this.message = '';
    if (signal.aborted) return;
    this.main = launches.main.map((launch) => this.#start(launch, restartPolicy));
    this.#options.onChange();
  }

  /** The containers first, then the sidecars, the last one started first. */
  async stop(): Promise<void> {
    const running = this.#initial === undefined ? this.main : [this.#initial, ...this.main];
    await Promise.all(running.map((container) => container.stop()));
    for (const sidecar of this.#sidecars.toReversed()) await sidecar.stop();
  }

  #start(launch: Launch, restartPolicy: PodBody['restartPolicy']): ContainerRun {
    return this.#options.start(launch, restartPolicy, () => {
      this.#wake();
      this.#options.onChange();
    });
  }

  async #startSidecar(launch: Launch): Promise<boolean> {
    const sidecar = this.#start(launch, 'Always');
    this.#sidecars.push(sidecar);
    const mustPass = launch.probes.startup !== undefined;
    await this.#until(() => (mustPass ? sidecar.report.isReady : sidecar.report.state.kind === 'running'));
    return true;
  }

  async #initialize(launch: Launch): Promise<boolean> {
    const { restartPolicy, signal } = this.#options;
    const step = this.#start(launch, restartPolicy === 'Never' ? 'Never' : 'OnFailure');
    this.#initial = step;
    await this.#until(() => step.report.state.kind === 'terminated');
    const { state } = step.report;
    if (signal.aborted) return false;
    await step.stop();
    this.#initial = undefined;
    if (state.kind === 'terminated' && state.exitCode === 0) return true;
    this.#hasFailed = true;
    this.message = `init container ${launch.container.name} failed${state.kind === 'terminated' ? ` with code ${state.exitCode}` : ''}`;
    this.#options.onChange();
    return false;
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && !this.#options.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
