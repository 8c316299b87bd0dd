// One Pod from its first moment to its last: a place, an identity, a proxy, and only then the application; the other way round at its end.
import { randomUUID } from 'node:crypto';
import * as path from 'node:path';
import type { Container } from '@xebec/config';
import type { Diagnostic, Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { backoffMs, pause } from '../backoff.ts';
import type { CapturedWorkload } from '../capture/capture.ts';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import type { PodStage } from '../events.ts';
import { scrapeTargetOf } from '../metrics/merged-metrics.ts';
import { inWords, refuse } from '../problem.ts';
import { type ApplicationCommand, commandOf, finishCommand } from './application-command.ts';
import { ContainerRun } from './container-run.ts';
import { applicationEnvironment } from './environment.ts';
import { type BoundPort, chooseGatewayPorts, gatewayAddress } from './gateway-ports.ts';
import type { ReplicaState } from './plan-replicas.ts';
import type { PodContext } from './pod-context.ts';
import {
  type ContainerReport,
  nodeName,
  type PodReport,
  podManifest,
  templateHashLabel,
} from './pod-manifest.ts';
import { type ContainerProbes, probesOf } from './probes.ts';
import { startWorkloadProxy, type WorkloadProxy } from './workload-proxy.ts';
import { isMeshed, type WorkloadTemplate } from './workload-template.ts';

export interface PodOptions {
  readonly context: PodContext;
  readonly template: WorkloadTemplate;
  readonly name: string;
  /** Something that matters to the number of replicas has changed. */
  readonly onChange: () => void;
}

interface Launch {
  readonly container: Container;
  readonly command: ApplicationCommand;
  readonly probes: ContainerProbes;
}

const retry = { firstMs: 1_000, longestMs: 30_000 };

export class Pod implements ReplicaState {
  readonly name: string;
  readonly hash: string;
  readonly #options: PodOptions;
  readonly #uid = randomUUID();
  readonly #createdAt: number;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #captured: CapturedWorkload | undefined;
  #proxy: WorkloadProxy | undefined;
  #containers: ContainerRun[] = [];
  #gatewayPorts: readonly BoundPort[] = [];
  #waiting: { readonly reason: string; readonly message: string } | undefined;
  #stopped: Promise<void> | undefined;
  #wasReady = false;
  #availableTimer: Disposable | undefined;
  isReady = false;

  constructor(options: PodOptions) {
    this.#options = options;
    this.name = options.name;
    this.hash = options.template.hash;
    this.#createdAt = options.context.clock();
    this.#running = this.#run();
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  get key(): string {
    return `Pod/${this.#options.template.namespace}/${this.name}`;
  }

  get report(): PodReport {
    const { template } = this.#options;
    const containers = this.#containerReports();
    const isReady = this.#isServing();
    const hasStarted = this.#containers.length > 0 || this.#proxy?.isReady === true;
    return {
      name: this.name,
      namespace: template.namespace,
      workload: template.name,
      phase: this.#endedPhase() ?? (hasStarted ? 'Running' : 'Pending'),
      address: this.#address(),
      isReady,
      isTerminating: this.isStopping,
      message: isReady ? '' : this.#message(),
      containers,
      hostPorts: Object.fromEntries(this.#gatewayPorts.map(({ port, boundPort }) => [port, boundPort])),
    };
  }

  /** Drains, ends the application, then its proxy, and takes the Pod back. */
  stop(drainMs: number): Promise<void> {
    this.#stopped ??= this.#end(drainMs);
    return this.#stopped;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 1; !signal.aborted; failures += 1) {
      const started = await this.#start();
      if (signal.aborted || started.ok) return;
      this.#wait(started.diagnostics);
      const isFinal = started.diagnostics.some(
        ({ code }) => code === 'unknown-image' || code === 'not-yet-supported',
      );
      if (isFinal) return;
      await this.#release();
      const { timers, random } = this.#options.context;
      await pause(timers, backoffMs(retry, failures, random), signal);
    }
  }

  async #start(): Promise<Result<void>> {
    const launches = this.#launches();
    if (!launches.ok) return launches;
    const captured = await this.#capture();
    if (!captured.ok) return captured;
    this.#waiting = undefined;
    await this.#tell();
    if (isMeshed(this.#options.template)) {
      const proxy = await this.#startProxy(captured.value);
      if (proxy !== undefined) return proxy;
      await this.#proxyReady();
    }
    if (this.#stop.signal.aborted) return succeed(undefined);
    this.#startContainers(captured.value, launches.value);
    return succeed(undefined);
  }

  #launches(): Result<readonly Launch[]> {
    const { template, context } = this.#options;
    if (template.body.initContainers.length > 0) return notYetSupported('init containers are');
    if (template.body.hostNetwork) return notYetSupported('hostNetwork is');
    const launches: Launch[] = [];
    for (const container of template.body.containers) {
      const command = commandOf(container, context.localImages);
      if (!command.ok) return command;
      const probes = probesOf(container);
      if (!probes.ok) return probes;
      launches.push({ container, command: command.value, probes: probes.value });
    }
    return succeed(launches);
  }

  async #capture(): Promise<Result<CapturedWorkload>> {
    const { context, template } = this.#options;
    this.#event('capture', 'choosing its addresses');
    const isGateway = template.gatewayPorts !== undefined;
    const captured = await (isGateway ? context.gatewayCapture : context.capture).prepare({
      namespace: template.namespace,
      name: this.name,
      role: isGateway ? 'router' : isMeshed(template) ? 'sidecar' : 'none',
      ports: this.#applicationPorts(),
      annotations: template.annotations,
    });
    if (!captured.ok) return captured;
    this.#captured = captured.value;
    const bound = await this.#bindGateway();
    return bound.ok ? captured : bound;
  }

  async #bindGateway(): Promise<Result<void>> {
    const { template, context } = this.#options;
    if (template.gatewayPorts === undefined) return succeed(undefined);
    const chosen = await chooseGatewayPorts(template.gatewayPorts);
    if (!chosen.ok) return chosen;
    this.#gatewayPorts = chosen.value;
    for (const { name, port, hostPort, boundPort } of chosen.value) {
      if (hostPort === boundPort) continue;
      const message = `port ${hostPort} (${name}) is taken; ${template.name} listens on ${boundPort} instead`;
      context.onEvent({
        kind: 'gateway-port',
        pod: this.#fullName,
        port,
        wantedPort: hostPort,
        hostPort: boundPort,
        message,
      });
    }
    return succeed(undefined);
  }

  /** Undefined when it has been started, or nobody wants it any more. */
  async #startProxy(captured: CapturedWorkload): Promise<Result<never> | undefined> {
    const { context, template } = this.#options;
    this.#event('certificate', 'asking for its certificate');
    const host = captured.applicationAddress;
    const [defaultPort] = this.#applicationPorts();
    const proxy = await startWorkloadProxy({
      context,
      description: this.#describeProxy(captured),
      captured,
      application: scrapeTargetOf(template.annotations, { host, defaultPort }),
      signal: this.#stop.signal,
      onIdentity: () => this.#event('proxy', 'starting its proxy'),
      onChange: () => this.#proxyChanged(),
      onSlow: (reason) =>
        context.onEvent({
          kind: 'warning',
          code: 'proxy-slow',
          pod: this.#fullName,
          message: `${this.name}: ${reason}`,
        }),
    });
    if (proxy === undefined) return undefined;
    if (!proxy.ok) return proxy;
    this.#proxy = proxy.value;
    return undefined;
  }

  #describeProxy(captured: CapturedWorkload): ProxyDescription {
    const { context, template } = this.#options;
    const isGateway = template.gatewayPorts !== undefined;
    const asked = template.annotations['xebec.io/discovery'];
    const discovery = asked === 'eager' || asked === 'on-demand' ? asked : context.discovery;
    return {
      role: isGateway ? 'router' : 'sidecar',
      namespace: template.namespace,
      name: this.name,
      workloadName: template.name,
      serviceAccount: template.body.serviceAccountName,
      labels: { ...template.labels, [templateHashLabel]: template.hash },
      containers: template.body.containers.map(({ name }) => name),
      address: this.#address(),
      statusAddress: captured.address,
      applicationAddress: captured.applicationAddress,
      capture: isGateway ? context.gatewayCapture.mode : context.capture.mode,
      discovery: isGateway ? 'eager' : discovery,
      gatewayPorts: Object.fromEntries(this.#gatewayPorts.map(({ port, boundPort }) => [port, boundPort])),
      ...context.mesh,
    };
  }

  /** The application is held back until its proxy takes traffic. */
  async #proxyReady(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && this.#proxy?.isReady !== true) await this.#nextChange();
  }

  #wake: () => void = () => undefined;

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stop.signal.aborted || this.#proxy?.isReady === true) resolve();
    });
  }

  #startContainers(captured: CapturedWorkload, launches: readonly Launch[]): void {
    if (launches.length > 0) this.#event('application', 'starting its application');
    this.#containers = launches.map((launch, index) => this.#startContainer(captured, launch, index));
    this.#changed();
  }

  #startContainer(
    captured: CapturedWorkload,
    { container, command, probes }: Launch,
    index: number,
  ): ContainerRun {
    const { context, template } = this.#options;
    const { bindAddress, environment: place } = captured;
    const pod = { ...this.#facts(), address: captured.address };
    const environment = applicationEnvironment({
      pod,
      container,
      bindAddress,
      place,
      inherited: context.inheritedEnvironment,
    });
    const log = index === 0 ? 'app.log' : `app-${container.name}.log`;
    return new ContainerRun({
      context,
      container,
      restartPolicy: template.body.restartPolicy,
      terminationGracePeriodMs: template.body.terminationGracePeriodMs,
      command: captured.wrapCommand(finishCommand(command, environment), 'app'),
      directory: command.directory,
      environment,
      logPath: path.join(context.stateDirectory, 'logs', this.name, log),
      probes,
      probeHost: captured.applicationAddress,
      onChange: () => this.#changed(),
      onRestart: ({ restarts, reason }) => this.#restarted(container.name, restarts, reason),
    });
  }

  #facts() {
    const { template } = this.#options;
    const { namespace, labels, annotations, body } = template;
    const { serviceAccountName: serviceAccount } = body;
    return { name: this.name, namespace, uid: this.#uid, nodeName, serviceAccount, labels, annotations };
  }

  #proxyChanged(): void {
    const { isReady = false, restarts = 0 } = this.#proxy ?? {};
    if (!isReady && !this.isStopping) this.#restarted('envoy', restarts + 1, 'the proxy ended');
    this.#wake();
    this.#changed();
  }

  #restarted(process: string, restarts: number, reason: string): void {
    const message = `${this.name}: ${process} is started again (${reason})`;
    this.#options.context.onEvent({ kind: 'restart', pod: this.#fullName, process, restarts, message });
    this.#changed();
  }

  #wait(diagnostics: readonly Diagnostic[]): void {
    const [first] = diagnostics;
    this.#waiting = { reason: reasonOf(first?.code ?? ''), message: inWords(diagnostics) };
    this.#event('waiting', this.#waiting.message);
    this.#changed();
  }

  /** Tells the mesh, and whoever decides about replicas, when readiness has changed. */
  #changed(): void {
    if (this.isStopping) return;
    void this.#tell();
    const isServing = this.#isServing();
    if (isServing === this.#wasReady) return;
    this.#wasReady = isServing;
    this.#event(isServing ? 'ready' : 'unready', isServing ? 'is ready' : this.#message());
    this.#availableTimer?.[Symbol.dispose]();
    const { minReadyMs } = this.#options.template;
    if (isServing && minReadyMs > 0) {
      this.#availableTimer = this.#options.context.timers.after(minReadyMs, () => this.#setAvailable(true));
    } else {
      this.#setAvailable(isServing);
    }
  }

  #setAvailable(isReady: boolean): void {
    this.isReady = isReady;
    this.#options.onChange();
  }

  #tell(): Promise<void> {
    const { context, template } = this.#options;
    const now = context.clock();
    const frame = { template, uid: this.#uid, createdAt: this.#createdAt, now };
    return context.reporter.put(this.key, podManifest(this.report, frame));
  }

  async #end(drainMs: number): Promise<void> {
    const { context } = this.#options;
    const wasServing = this.#wasReady;
    this.#availableTimer?.[Symbol.dispose]();
    this.isReady = false;
    this.#stop.abort();
    this.#wake();
    this.#event('draining', 'is going away');
    // Nobody waits for the control plane here: a proxy is drained with or without it.
    if (this.#captured !== undefined) void this.#tellTerminating();
    await this.#running;
    if (wasServing) {
      await this.#proxy?.drain();
      await pause(context.timers, drainMs, new AbortController().signal);
    }
    await Promise.all(this.#containers.map((container) => container.stop()));
    await this.#release();
    void context.reporter.delete(this.key);
    this.#event('stopped', 'is gone');
  }

  #tellTerminating(): Promise<void> {
    return Promise.resolve().then(() => this.#tell());
  }

  async #release(): Promise<void> {
    const proxy = this.#proxy;
    this.#proxy = undefined;
    await proxy?.[Symbol.asyncDispose]();
    const captured = this.#captured;
    this.#captured = undefined;
    await captured?.dispose();
  }

  get #fullName(): string {
    return `${this.#options.template.namespace}/${this.name}`;
  }

  #event(stage: PodStage, what: string): void {
    const { context, template } = this.#options;
    const message = `${this.name}: ${what}`;
    context.onEvent({ kind: 'pod', pod: this.#fullName, workload: template.name, stage, message });
  }

  #address(): string {
    if (this.#captured === undefined) return '';
    return this.#options.template.gatewayPorts === undefined ? this.#captured.address : gatewayAddress;
  }

  #applicationPorts(): readonly number[] {
    const ports = this.#options.template.body.containers.flatMap((container) => container.ports);
    return ports.filter(({ transport }) => transport === 'TCP').map(({ port }) => port);
  }

  #isServing(): boolean {
    if (this.isStopping || this.#waiting !== undefined) return false;
    const { template } = this.#options;
    const isProxyReady = !isMeshed(template) || this.#proxy?.isReady === true;
    const areAllStarted = this.#containers.length === template.body.containers.length;
    return isProxyReady && areAllStarted && this.#containers.every(({ report }) => report.isReady);
  }

  #containerReports(): readonly ContainerReport[] {
    const { template } = this.#options;
    const started = this.#containers.map(({ report }) => report);
    const waiting = this.#waiting ?? { reason: 'ContainerCreating', message: 'waits for its proxy' };
    const others = template.body.containers.slice(started.length).map(
      ({ name, image }): ContainerReport => ({
        name,
        image,
        restarts: 0,
        isReady: false,
        state: { kind: 'waiting', ...waiting },
      }),
    );
    return [...this.#proxyReport(), ...started, ...others];
  }

  #proxyReport(): readonly ContainerReport[] {
    const proxy = this.#proxy;
    if (proxy === undefined) return [];
    const { isReady, restarts } = proxy;
    return [
      {
        name: 'istio-proxy',
        image: 'envoy',
        isReady,
        restarts,
        state: { kind: 'running', startedAt: this.#createdAt },
      },
    ];
  }

  /** Jobs end: a Pod whose containers all ended for good has succeeded or failed. */
  #endedPhase(): 'Succeeded' | 'Failed' | undefined {
    const states = this.#containers.map(({ report }) => report.state);
    const codes = states.flatMap((state) => (state.kind === 'terminated' ? [state.exitCode] : []));
    if (this.isStopping || codes.length === 0 || codes.length < states.length) return undefined;
    return codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  }

  #message(): string {
    if (this.isStopping) return 'is going away';
    if (this.#waiting !== undefined) return this.#waiting.message;
    const container = this.#containers.map(({ message }) => message).find((message) => message !== '');
    if (container !== undefined) return container;
    if (isMeshed(this.#options.template) && this.#proxy?.isReady !== true) return 'its proxy is not ready';
    return 'its containers are not ready';
  }
}

const notYetSupported = (what: string): Result<never> =>
  refuse({
    code: 'not-yet-supported',
    message: `${what} not yet supported by the local runtime`,
    remedy: 'remove it from the template, or run this workload on a cluster',
  });

const reasons: Readonly<Record<string, string>> = {
  'unknown-image': 'ErrImageNeverPull',
  'not-yet-supported': 'NotYetSupported',
  'unknown-port-name': 'InvalidProbe',
};

const reasonOf = (code: string): string => reasons[code] ?? 'CreatePodSandboxError';
