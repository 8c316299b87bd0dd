// A workload's proxy with all that belongs to it: identity, secrets, the way to the control plane, status pages, and Envoy itself.
import { chmodSync, chownSync, closeSync, openSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { FOLLOW_PATH, spiffeId } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import type { Ending } from '@xebec/supervise';
import { createAccessLogHandler } from '../audit/access-log-service.ts';
import { auditMetrics, droppedRecords } from '../audit/audit-metrics.ts';
import type { ProxyRecords } from '../audit/audit-writer.ts';
import { pause } from '../backoff.ts';
import { encodeBootstrap } from '../bootstrap/bootstrap.ts';
import { nodeId, proxyEnvironment } from '../bootstrap/node.ts';
import type { CapturedWorkload, ProcessOwner } from '../capture/capture.ts';
import { createEnvoyAdmin, type EnvoyAdmin } from '../envoy/envoy-admin.ts';
import { startEnvoy } from '../envoy/envoy-process.ts';
import { executableForOthers } from '../envoy/executable-for.ts';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import { followTrust } from '../identity/follow-trust.ts';
import { openIdentity, type WorkloadIdentity } from '../identity/workload-identity.ts';
import { mergeMetrics, type ScrapeTarget } from '../metrics/merged-metrics.ts';
import { startStatusServer } from '../metrics/status-server.ts';
import { createModuleLinks } from '../modules/module-links.ts';
import { ResourceStack } from '../resource-stack.ts';
import { createSecretStore } from '../sds/secrets.ts';
import { startDiscoveryServer } from '../xds-proxy/discovery-server.ts';
import { createExtensionPass } from '../xds-proxy/extension-pass.ts';
import type { MessagePass, PassEnds } from '../xds-proxy/relay.ts';
import { createUpstream } from '../xds-proxy/upstream.ts';
import type { PodContext } from './pod-context.ts';
import { launchFor } from './proxy-launch.ts';
import {
  makeWorkloadFiles,
  removeWorkloadFiles,
  type WorkloadFiles,
  writeBootstrap,
} from './workload-files.ts';

export interface ProxyOptions {
  readonly context: PodContext;
  readonly description: ProxyDescription;
  readonly captured: Pick<CapturedWorkload, 'wrapCommand' | 'proxyOwner'>;
  readonly application: ScrapeTarget | undefined;
  /** Aborts a start that is still under way. */
  readonly signal: AbortSignal;
  /** It has its certificate and Envoy is about to start. */
  readonly onIdentity: () => void;
  /** `isReady` or `restarts` has changed. */
  readonly onChange: () => void;
  /** Envoy ended by itself and is started again. */
  readonly onExit: (restarts: number, reason: string) => void;
  /** It takes longer than usual, and why. */
  readonly onSlow: (reason: string) => void;
}

export interface WorkloadProxy extends AsyncDisposable {
  readonly isReady: boolean;
  readonly restarts: number;
  /** From now on it says that it is not ready, and new connections are less and less welcome. */
  drain(): Promise<void>;
}

const slowMs = 10_000;
const pollMs = 50;

/** Resolves once Envoy has been started, not once it is ready; undefined when aborted before. */
export async function startWorkloadProxy(options: ProxyOptions): Promise<Result<WorkloadProxy> | undefined> {
  const stack = new ResourceStack();
  const started = await open(options, stack);
  if (started === undefined || !started.ok) await stack[Symbol.asyncDispose]();
  return started;
}

async function open(given: ProxyOptions, stack: ResourceStack): Promise<Result<WorkloadProxy> | undefined> {
  const { context, captured, signal } = given;
  const launch = await launchFor(given);
  const description = { ...given.description, launch };
  const options = { ...given, description };
  const files = makeWorkloadFiles(context.stateDirectory, description.name, captured.proxyOwner);
  if (!files.ok) return files;
  stack.defer(() => removeWorkloadFiles(files.value));
  const identity = await enrol(options);
  if (identity === undefined || !identity.ok) return identity;
  stack.use(identity.value);
  options.onIdentity();
  const proxy = new RunningProxy(options, files.value, stack);
  const envoyPath = envoyPathFor(options);
  if (!envoyPath.ok) return envoyPath;
  const served = await serve(options, { files: files.value, identity: identity.value, stack, proxy });
  if (!served.ok) return served;
  if (signal.aborted) return undefined;
  const written = writeBootstrap(files.value, await bootstrapText(options, files.value), captured.proxyOwner);
  if (!written.ok) return written;
  proxy.start(envoyPath.value);
  return succeed(proxy);
}

/** Somebody else must be able to run it, where the proxy runs as somebody else. */
const envoyPathFor = ({ context, captured }: ProxyOptions): Result<string> =>
  captured.proxyOwner === undefined
    ? succeed(context.envoyPath)
    : executableForOthers(context.envoyPath, context.stateDirectory);

async function enrol({
  context,
  description,
  signal,
}: ProxyOptions): Promise<Result<WorkloadIdentity> | undefined> {
  const { namespace, serviceAccount, name } = description;
  const id = spiffeId({ trustDomain: context.mesh.trustDomain, namespace, serviceAccount });
  if (!id.ok) return id;
  const identity = await openIdentity(
    {
      spiffeId: id.value,
      sources: context.identitySources({ namespace, serviceAccount }),
      timers: context.timers,
      clock: context.clock,
      random: context.random,
      onChange: (change) => context.onEvent({ kind: 'certificate', pod: `${namespace}/${name}`, ...change }),
    },
    signal,
  );
  return identity === undefined ? undefined : succeed(identity);
}

interface Serving {
  readonly files: WorkloadFiles;
  readonly identity: WorkloadIdentity;
  readonly stack: ResourceStack;
  readonly proxy: RunningProxy;
}

async function serve(
  options: ProxyOptions,
  { files, identity, stack, proxy }: Serving,
): Promise<Result<void>> {
  const { context, captured, application, description } = options;
  const pod = `${description.namespace}/${description.name}`;
  const owner = captured.proxyOwner === undefined ? {} : { owner: captured.proxyOwner };
  const warn = (code: string, message: string): void =>
    context.onEvent({ kind: 'warning', code, pod, message });
  const secrets = stack.use(
    createSecretStore(identity, {
      timers: context.timers,
      stateDirectory: context.stateDirectory,
      onProblem: (name, reason) => warn('secret-unreadable', `${name} is not served: ${reason}`),
    }),
  );
  const upstream = stack.use(createUpstream({ ...context.xds, identity }));
  stack.use(
    followTrust({
      open: () => upstream.open(FOLLOW_PATH),
      identity,
      secrets,
      node: nodeId(description),
      timers: context.timers,
      random: context.random,
    }),
  );
  const records = stack.use(auditedProxy(options, { identity, proxy }));
  const discovery = await startDiscoveryServer({
    socketPath: files.xds,
    ...owner,
    secrets,
    upstream,
    gate: context.gate,
    pass: extensionPass(options, files, (message) => warn('extension-missing', message)),
    onAccessLog: createAccessLogHandler({
      whose: { workload: `${description.namespace}/${description.workloadName}`, pod },
      append: (found) => records.append(found),
    }),
    onRefusal: (message) => warn('secret-refused', `the proxy refused a secret: ${message}`),
    onBreak: () => undefined,
  });
  if (!discovery.ok) return discovery;
  stack.use(discovery.value);
  const status = await startStatusServer({
    socketPath: files.agent,
    ...owner,
    isReady: () => proxy.isReady && !proxy.isDraining,
    access: context.metricsAccess,
    metrics: async () =>
      `${await mergeMetrics({ admin: proxy.admin, application })}${auditMetrics(context.audit.counts)}`,
  });
  if (!status.ok) return fail(...status.diagnostics);
  stack.use(status.value);
  return succeed(undefined);
}

/** Its records are kept, and its identity may sign them. */
function auditedProxy(
  { context, description }: ProxyOptions,
  { identity, proxy }: Pick<Serving, 'identity' | 'proxy'>,
): ProxyRecords {
  return context.audit.addProxy({
    pod: `${description.namespace}/${description.name}`,
    identity() {
      const { spiffeId: signer, certificatesPem, privateKeyPem } = identity.current;
      return { signer, certificatesPem, privateKeyPem };
    },
    dropped: () => droppedRecords(proxy.admin),
  });
}

/** Filters that are Wasm modules get them from this machine's store. */
function extensionPass(
  { context: { modules, timers } }: ProxyOptions,
  { directory }: WorkloadFiles,
  onProblem: (message: string) => void,
) {
  const links = createModuleLinks(directory);
  return (ends: PassEnds): MessagePass => createExtensionPass({ modules, timers, links, onProblem }, ends);
}

/** As the mesh's EnvoyFilters want it, if the control plane can be asked. */
async function bootstrapText(
  { context, description }: ProxyOptions,
  { bootstrap, admin, xds, agent }: WorkloadFiles,
): Promise<string> {
  const text = encodeBootstrap(description, {
    ...{ bootstrap, adminSocket: admin, discoverySocket: xds, agentSocket: agent },
  });
  const patched = await context.patchBootstrap(text);
  if (patched.ok) return patched.value;
  const [problem] = patched.diagnostics;
  const message = `the proxy starts without patches of its bootstrap: ${problem?.message ?? ''}`;
  const pod = `${description.namespace}/${description.name}`;
  context.onEvent({ kind: 'warning', code: 'bootstrap-not-patched', pod, message });
  return text;
}

class RunningProxy implements WorkloadProxy {
  isReady = false;
  isDraining = false;
  restarts = 0;
  readonly admin: EnvoyAdmin;
  readonly #options: ProxyOptions;
  readonly #files: WorkloadFiles;
  readonly #stack: ResourceStack;
  readonly #stop = new AbortController();
  #starts = 0;

  constructor(options: ProxyOptions, files: WorkloadFiles, stack: ResourceStack) {
    this.#options = options;
    this.#files = files;
    this.#stack = stack;
    this.admin = createEnvoyAdmin(files.admin);
  }

  start(envoyPath: string): void {
    const { context, description, captured } = this.#options;
    const logs = {
      access: path.join(this.#files.logs, 'access.log'),
      envoy: path.join(this.#files.logs, 'envoy.log'),
    };
    for (const log of Object.values(logs)) giveLog(log, captured.proxyOwner);
    const envoy = startEnvoy({
      name: `${description.name}/envoy`,
      envoyPath,
      bootstrapPath: this.#files.bootstrap,
      environment: proxyEnvironment(description),
      ...(description.launch?.concurrency === undefined
        ? {}
        : { concurrency: description.launch.concurrency }),
      wrapCommand: (command) => captured.wrapCommand(command, 'proxy'),
      logs,
      drainMs: context.drainMs,
      surroundings: { guard: context.guard, timers: context.timers, random: context.random },
      onStart: () => this.#started(),
      onExit: (ending) => this.#ended(ending),
    });
    this.#stack.use(envoy);
  }

  async drain(): Promise<void> {
    if (this.isDraining) return;
    this.isDraining = true;
    const scope = this.#options.description.role === 'sidecar' ? 'inboundonly&' : '';
    try {
      await this.admin.post(`/drain_listeners?${scope}graceful&skip_exit`);
    } catch {
      // An Envoy that does not answer has nothing to drain.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isReady = false;
    this.isDraining = true;
    this.#stop.abort();
    await this.#stack[Symbol.asyncDispose]();
  }

  #started(): void {
    this.#starts += 1;
    this.restarts = this.#starts - 1;
    void this.#awaitReady(this.#starts);
  }

  #ended(ending: Ending): void {
    if (this.#stop.signal.aborted) return;
    this.isReady = false;
    this.#options.onExit(this.#starts, whyEnded(ending, path.join(this.#files.logs, 'envoy.log')));
  }

  /** Asks until it is ready; a later start has its own asking. */
  async #awaitReady(start: number): Promise<void> {
    const { timers } = this.#options.context;
    const { signal } = this.#stop;
    let slowAt = timers.nowMs() + slowMs;
    while (!signal.aborted && start === this.#starts) {
      if (await this.admin.isReady()) {
        if (signal.aborted || start !== this.#starts) return;
        this.isReady = true;
        this.#options.onChange();
        return;
      }
      if (timers.nowMs() >= slowAt) {
        slowAt = timers.nowMs() + slowMs;
        this.#options.onSlow(await this.admin.explain());
      }
      await pause(timers, pollMs, signal);
    }
  }
}

/** Envoy opens its standard output anew by its path, so the log must be its own. */
function giveLog(log: string, owner: ProcessOwner | undefined): void {
  if (owner === undefined) return;
  closeSync(openSync(log, 'a', 0o600));
  chmodSync(log, 0o600);
  chownSync(log, owner.uid, owner.gid);
}

/** How it ended, and what it said last. */
function whyEnded({ code, signal, reason }: Ending, log: string): string {
  const how = reason ?? (signal === null ? `exit code ${code}` : `ended by ${signal}`);
  try {
    const last = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .findLast((line) => /\[(error|critical)\]/.test(line));
    return last === undefined ? how : `${how}: ${last.slice(0, 300)}`;
  } catch {
    return how;
  }
}
