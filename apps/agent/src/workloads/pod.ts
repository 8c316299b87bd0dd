// One Pod from its first moment to its last: a place, an identity, a proxy, and only then the application; the other way round at its end.
import { randomUUID } from 'node:crypto';
import * as path from 'node:path';
import type { PodBody } from '@xebec/config';
import type { Diagnostic, Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { backoffMs, pause, unlessAborted } from '../backoff.ts';
import type { CapturedWorkload } from '../capture/capture.ts';
import { captureAnnotations } from '../capture/capture-annotations.ts';
import type { PodStage } from '../events.ts';
import { scrapeTargetOf } from '../metrics/merged-metrics.ts';
import { inWords } from '../problem.ts';
import { finishCommand } from './application-command.ts';
import { ContainerRun } from './container-run.ts';
import { applicationEnvironment } from './environment.ts';
import { type BoundPort, chooseGatewayPorts, gatewayAddress } from './gateway-ports.ts';
import type { JobPodState } from './plan-job.ts';
import { type Outcome, PodContainers } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';
import { type Launch, type Launches, launchesOf, waitingReason } from './pod-launch.ts';
import { type PodReport, podManifest } from './pod-manifest.ts';
import { applicationPorts, capturedPorts, describeProxy } from './pod-proxy.ts';
import { isServing, type PodParts, reportOf, whyNotReady } from './pod-report.ts';
import { startWorkloadProxy, type WorkloadProxy } from './workload-proxy.ts';
import { isMeshed, type WorkloadTemplate } from './workload-template.ts';

export interface PodOptions {
  readonly context: PodContext;
  readonly template: WorkloadTemplate;
  readonly name: string;
  /** It has become available, or is not any more. */
  readonly onChange: () => void;
}

const retry = { firstMs: 1_000, longestMs: 30_000 };
const never = new AbortController().signal;

export class Pod implements JobPodState {
  readonly name: string;
  readonly hash: string;
  /** It has served for as long as the template asks before it counts. */
  isReady = false;
  readonly #options: PodOptions;
  readonly #uid = randomUUID();
  readonly #createdAt: number;
  readonly #aborting = new AbortController();
  readonly #starting: Promise<void>;
  #captured: CapturedWorkload | undefined;
  #proxy: WorkloadProxy | undefined;
  #containers: PodContainers | undefined;
  #isOver = false;
  #gatewayPorts: readonly BoundPort[] = [];
  #waiting: PodParts['waiting'];
  #ending: Promise<void> | undefined;
  #isServing = false;
  #untilAvailable: Disposable | undefined;
  #wake: () => void = () => undefined;

  constructor(options: PodOptions) {
    this.#options = options;
    this.name = options.name;
    this.hash = options.template.hash;
    this.#createdAt = options.context.clock();
    this.#starting = this.#run();
  }

  get isStopping(): boolean {
    return this.#ending !== undefined;
  }

  /** How it ended; undefined while it runs, and for Pods that run for ever. */
  get outcome(): Outcome | undefined {
    return this.#containers?.outcome;
  }

  /** Of its first container, once that has ended. */
  get exitCode(): number | undefined {
    return this.#containers?.exitCode;
  }

  get report(): PodReport {
    return reportOf(this.#parts());
  }

  /** Drains, ends the application, then its proxy, and takes the Pod back. */
  stop(drainMs: number): Promise<void> {
    this.#ending ??= this.#end(drainMs);
    return this.#ending;
  }

  /** Failures of the template are final; others pass. */
  async #run(): Promise<void> {
    const { timers, random, localImages } = this.#options.context;
    const { signal } = this.#aborting;
    const launches = launchesOf(this.#options.template, localImages);
    if (!launches.ok) {
      this.#wait(launches.diagnostics);
      return;
    }
    for (let failures = 1; !signal.aborted; failures += 1) {
      const started = await this.#start(launches.value);
      if (signal.aborted || started.ok) return;
      this.#wait(started.diagnostics);
      await this.#release();
      await pause(timers, backoffMs(retry, failures, random), signal);
    }
  }

  async #start(launches: Launches): Promise<Result<void>> {
    const captured = await this.#capture();
    if (!captured.ok) return captured;
    for (const { code, message } of captured.warnings) this.#warn(code, message);
    this.#captured = captured.value;
    const bound = await this.#bindGateway();
    if (!bound.ok) return bound;
    this.#waiting = undefined;
    // The control plane must know the Pod first: its proxy asks for what belongs to it.
    await unlessAborted(this.#tell(), this.#aborting.signal);
    if (isMeshed(this.#options.template)) {
      const failed = await this.#startProxy(captured.value);
      if (failed !== undefined) return failed;
      await this.#proxyReady();
    }
    if (!this.#aborting.signal.aborted) await this.#runContainers(captured.value, launches);
    return succeed(undefined);
  }

  #capture(): Promise<Result<CapturedWorkload>> {
    const { context, template } = this.#options;
    this.#event('capture', 'choosing its addresses');
    const isGateway = template.gatewayPorts !== undefined;
    return (isGateway ? context.gatewayCapture : context.capture).prepare({
      namespace: template.namespace,
      name: this.name,
      role: isGateway ? 'router' : isMeshed(template) ? 'sidecar' : 'none',
      ports: capturedPorts(template),
      annotations: captureAnnotations(template.annotations),
    });
  }

  async #bindGateway(): Promise<Result<void>> {
    const { template, context } = this.#options;
    if (template.gatewayPorts === undefined) return succeed(undefined);
    const chosen = await chooseGatewayPorts(template.gatewayPorts);
    if (!chosen.ok) return chosen;
    this.#gatewayPorts = chosen.value;
    for (const { name, port, hostPort: wantedPort, boundPort: hostPort } of chosen.value) {
      if (hostPort === wantedPort) continue;
      const message = `port ${wantedPort} (${name}) is taken; ${template.name} listens on ${hostPort} instead`;
      context.onEvent({ kind: 'gateway-port', pod: this.#fullName, port, wantedPort, hostPort, message });
    }
    return succeed(undefined);
  }

  /** Undefined when it has been started, or nobody wants it any more. */
  async #startProxy(captured: CapturedWorkload): Promise<Result<never> | undefined> {
    const { context, template } = this.#options;
    this.#event('certificate', 'asking for its certificate');
    const place = { name: this.name, captured, address: this.#address(), hostPorts: this.#hostPorts() };
    const [defaultPort] = applicationPorts(template);
    const started = await startWorkloadProxy({
      context,
      description: describeProxy(context, template, place),
      captured,
      application: scrapeTargetOf(template.annotations, { captured, defaultPort }),
      signal: this.#aborting.signal,
      onIdentity: () => this.#event('proxy', 'starting its proxy'),
      onChange: () => {
        this.#wake();
        this.#changed();
      },
      onExit: (restarts, reason) => this.#restarted('envoy', restarts, reason),
      onSlow: (reason) => this.#warn('proxy-slow', reason),
    });
    if (started === undefined) return undefined;
    if (!started.ok) return started;
    this.#proxy = started.value;
    return undefined;
  }

  /** The application is held back until its proxy takes traffic. */
  async #proxyReady(): Promise<void> {
    const isOver = (): boolean => this.#aborting.signal.aborted || this.#proxy?.isReady === true;
    while (!isOver()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #runContainers(captured: CapturedWorkload, launches: Launches): Promise<void> {
    if (launches.main.length > 0) this.#event('application', 'starting its application');
    this.#containers = new PodContainers({
      launches,
      restartPolicy: this.#options.template.body.restartPolicy,
      start: (launch, policy, onChange) => this.#startContainer(captured, launch, { policy, onChange }),
      onChange: () => this.#changed(),
      signal: this.#aborting.signal,
    });
    await this.#containers.run();
    this.#changed();
  }

  #startContainer(
    captured: CapturedWorkload,
    { container, command, probes }: Launch,
    { policy, onChange }: { readonly policy: PodBody['restartPolicy']; readonly onChange: () => void },
  ): ContainerRun {
    const { context, template } = this.#options;
    const environment = applicationEnvironment({
      pod: this.#facts(captured),
      container,
      bindAddress: captured.bindAddress,
      place: captured.environment,
      inherited: context.inheritedEnvironment,
      inheritsAll: context.single !== undefined,
    });
    const isFirst = container === template.body.containers[0];
    const log = isFirst ? 'app.log' : `app-${container.name}.log`;
    return new ContainerRun({
      context,
      container,
      captured,
      restartPolicy: policy,
      terminationGracePeriodMs: template.body.terminationGracePeriodMs,
      command: finishCommand(command, environment),
      directory: command.directory,
      environment,
      logPath: path.join(context.stateDirectory, 'logs', this.name, log),
      probes,
      onChange,
      onHookFailure: (message) => this.#warn('hook-failed', message),
      inheritsOutput: context.single !== undefined && isFirst,
      onRestart: ({ restarts, reason }) => this.#restarted(container.name, restarts, reason),
    });
  }

  #facts({ address }: CapturedWorkload) {
    const { context, template } = this.#options;
    const { namespace, labels, annotations, body } = template;
    const { serviceAccountName: serviceAccount } = body;
    return {
      name: this.name,
      namespace,
      uid: this.#uid,
      address,
      nodeName: context.nodeName,
      serviceAccount,
      labels,
      annotations,
    };
  }

  #wait(diagnostics: readonly Diagnostic[]): void {
    const [first] = diagnostics;
    this.#waiting = { reason: waitingReason(first?.code ?? ''), message: inWords(diagnostics) };
    this.#event('waiting', this.#waiting.message);
    this.#changed();
  }

  /** Tells the mesh, and whoever decides about replicas, when readiness has changed. */
  #changed(): void {
    if (this.isStopping) return;
    if (this.outcome !== undefined && !this.#isOver) void this.#finish(this.outcome);
    void this.#tell();
    const parts = this.#parts();
    const isServingNow = isServing(parts);
    if (isServingNow === this.#isServing) return;
    this.#isServing = isServingNow;
    this.#event(isServingNow ? 'ready' : 'unready', isServingNow ? 'is ready' : whyNotReady(parts));
    this.#untilAvailable?.[Symbol.dispose]();
    const { minReadyMs } = this.#options.template;
    const mustWait = isServingNow && minReadyMs > 0;
    if (mustWait)
      this.#untilAvailable = this.#options.context.timers.after(minReadyMs, () => this.#setAvailable(true));
    else this.#setAvailable(isServingNow);
  }

  #setAvailable(isReady: boolean): void {
    this.isReady = isReady;
    this.#options.onChange();
  }

  #tell(): Promise<void> {
    const { context, template } = this.#options;
    const frame = {
      template,
      uid: this.#uid,
      createdAt: this.#createdAt,
      now: context.clock(),
      nodeName: context.nodeName,
    };
    return context.reporter.put(this.#key, podManifest(this.report, frame));
  }

  /** A Pod that has ended takes its proxy with it; its report stays. */
  async #finish(outcome: Outcome): Promise<void> {
    this.#isOver = true;
    this.#untilAvailable?.[Symbol.dispose]();
    this.isReady = false;
    await this.#containers?.stop();
    await this.#release();
    await this.#tell();
    this.#event('ended', `has ${outcome}`);
    this.#options.context.single?.onEnded(this.exitCode ?? (outcome === 'succeeded' ? 0 : 1));
    this.#options.onChange();
  }

  async #end(drainMs: number): Promise<void> {
    // From here on it is terminating, also for the report: what follows runs after the promise is known.
    await Promise.resolve();
    const { context } = this.#options;
    const wasServing = this.#isServing;
    this.#untilAvailable?.[Symbol.dispose]();
    this.isReady = false;
    this.#aborting.abort();
    this.#wake();
    this.#event('draining', 'is going away');
    // Nobody waits for the control plane here: a proxy is drained with or without it.
    if (this.#captured !== undefined) void this.#tell();
    await this.#starting;
    if (wasServing) {
      await this.#proxy?.drain();
      await pause(context.timers, drainMs, never);
    }
    await this.#containers?.stop();
    if (this.exitCode !== undefined) context.single?.onEnded(this.exitCode);
    await this.#release();
    void context.reporter.delete(this.#key);
    this.#event('stopped', 'is gone');
  }

  async #release(): Promise<void> {
    const proxy = this.#proxy;
    const captured = this.#captured;
    this.#proxy = undefined;
    this.#captured = undefined;
    await proxy?.[Symbol.asyncDispose]();
    await captured?.dispose();
  }

  #restarted(process: string, restarts: number, reason: string): void {
    const message = `${this.name}: ${process} is started again (${reason})`;
    this.#options.context.onEvent({ kind: 'restart', pod: this.#fullName, process, restarts, message });
    this.#changed();
  }

  #warn(code: string, what: string): void {
    const message = `${this.name}: ${what}`;
    this.#options.context.onEvent({ kind: 'warning', code, pod: this.#fullName, message });
  }

  #event(stage: PodStage, what: string): void {
    const { context, template } = this.#options;
    const message = `${this.name}: ${what}`;
    context.onEvent({ kind: 'pod', pod: this.#fullName, workload: template.name, stage, message });
  }

  #parts(): PodParts {
    return {
      template: this.#options.template,
      name: this.name,
      createdAt: this.#createdAt,
      address: this.#address(),
      statusAddress: isMeshed(this.#options.template) ? (this.#captured?.address ?? '') : '',
      ...(this.#captured?.ipv6Address === undefined ? {} : { ipv6Address: this.#captured.ipv6Address }),
      isTerminating: this.isStopping,
      waiting: this.#waiting,
      proxy: this.#proxy,
      containers: this.#containers?.main ?? [],
      initMessage: this.#containers?.message ?? '',
      outcome: this.outcome,
      hostPorts: this.#hostPorts(),
    };
  }

  get #key(): string {
    return `Pod/${this.#fullName}`;
  }

  get #fullName(): string {
    return `${this.#options.template.namespace}/${this.name}`;
  }

  #address(): string {
    if (this.#captured === undefined) return '';
    return this.#options.template.gatewayPorts === undefined ? this.#captured.address : gatewayAddress;
  }

  #hostPorts(): Readonly<Record<number, number>> {
    return Object.fromEntries(this.#gatewayPorts.map(({ port, boundPort }) => [port, boundPort]));
  }
}
