// The agent's composition root: watches workloads, runs them, and leaves nothing behind.
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { startGuard, systemTimers, type Timers } from '@xebec/supervise';
import { createAuditWriter } from './audit/audit-writer.ts';
import { createExplicitCapture } from './capture/explicit-capture.ts';
import { createUdpDirectory } from './capture/udp-directory.ts';
import { type ControlClient, createControlClient } from './control/control-client.ts';
import { ControlPlaneGate } from './control/gate.ts';
import { type WatchListener, watchObjects } from './control/object-watch.ts';
import type { OnEvent } from './events.ts';
import type { IdentitySources } from './identity/workload-identity.ts';
import { createModuleStore } from './modules/module-store.ts';
import type { AgentHandle, AgentOptions } from './options.ts';
import { inWords, messageOf, refuse } from './problem.ts';
import { groupMember } from './workloads/group-member.ts';
import { createKubelet, type Kubelet } from './workloads/kubelet.ts';
import { isLeftOver } from './workloads/left-over-pods.ts';
import type { PodContext } from './workloads/pod-context.ts';
import { createPodReporter, type PodReporter } from './workloads/pod-reporter.ts';
import { programImages, templateOfProgram } from './workloads/program-template.ts';
import { removeLeftOverFiles } from './workloads/workload-files.ts';
import { templateOfGateway, templateOfObject } from './workloads/workload-template.ts';

const certificateDeadlineMs = 10_000;
const farewellMs = 2_000;

/** Starts at once and never fails: what cannot be done yet is retried and told as events. */
export function runAgent(options: AgentOptions): Promise<AgentHandle> {
  const { timers = systemTimers, random = Math.random, onEvent = () => undefined } = options;
  removeLeftOverFiles(options.stateDirectory);
  const client = createControlClient(options.controlSocket);
  const reporter = createPodReporter({
    client: options.program?.workloadGroup === undefined ? client : groupMember(client, options.program),
    timers,
    random,
    onRefused: (key, message) =>
      onEvent({ kind: 'warning', code: 'pod-refused', message: `${key}: ${message}` }),
  });
  const gate = new ControlPlaneGate();
  const context = createContext(options, { client, reporter, gate, timers, random, onEvent });
  const kubelet = createKubelet(context);
  for (const gateway of options.localImages.flatMap(({ gateways }) => gateways)) {
    kubelet.set(templateOfGateway(gateway));
  }
  const { program } = options;
  if (program !== undefined) kubelet.set(templateOfProgram(program));
  const listener = createListener({ kubelet, reporter, gate, client, onEvent, nodeName: context.nodeName });
  const { controlSocket: socketPath } = options;
  const watch = watchObjects({
    socketPath,
    kinds: program === undefined ? ['Deployment', 'Job', 'Pod'] : ['Pod'],
    listener,
    timers,
    random,
  });
  // Timers and idle sockets do not keep a process alive; an agent that waits does.
  const alive = setInterval(() => undefined, 60_000);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await watch[Symbol.asyncDispose]();
    // While there is an identity to sign with.
    await context.audit.checkpoint();
    await kubelet.close(options.shutdownDrainMs ?? 300);
    await context.audit.close();
    await reporter.close(farewellMs);
    await context.capture.dispose();
    context.guard[Symbol.dispose]();
    removeLeftOverFiles(options.stateDirectory);
    clearInterval(alive);
  };
  const closeOnce = (): Promise<void> => {
    closed ??= close();
    return closed;
  };
  return Promise.resolve({
    pods: () => kubelet.reports(),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  });
}

interface Parts {
  readonly client: ControlClient;
  readonly reporter: PodReporter;
  readonly gate: ControlPlaneGate;
  readonly timers: Timers;
  readonly random: () => number;
  readonly onEvent: OnEvent;
}

function createContext(options: AgentOptions, { client, ...parts }: Parts): PodContext {
  const { stateDirectory, trustDomain = 'cluster.local', capture } = options;
  const xds = {
    address: options.xdsAddress ?? '127.0.0.1:15012',
    serverName: options.xdsServerName ?? 'istiod.istio-system.svc',
  };
  // Two that do not know of each other would give the same addresses.
  const isShared = capture !== 'explicit' && capture.mode === 'explicit';
  const udpDestinations = createUdpDirectory(options.controlSocket);
  const explicit = isShared ? capture : createExplicitCapture({ stateDirectory, udpDestinations });
  return {
    ...parts,
    nodeName: options.program === undefined ? 'local' : `local-${process.pid}`,
    ...(options.program === undefined ? {} : { single: options.program }),
    stateDirectory,
    envoyPath: options.envoyPath,
    xds,
    mesh: {
      trustDomain,
      clusterDomain: options.clusterDomain ?? 'cluster.local',
      meshId: options.meshId ?? trustDomain,
      network: options.network ?? '',
    },
    capture: capture === 'explicit' ? explicit : capture,
    gatewayCapture: explicit,
    discovery: options.discovery ?? 'on-demand',
    localImages: options.program === undefined ? options.localImages : [programImages(options.program)],
    proxyLaunch: (proxy) => client.proxyLaunch(proxy),
    patchBootstrap: (bootstrap) => client.patchBootstrap(bootstrap),
    identitySources: (owner) => createIdentitySources(options, { client, owner, xds }),
    ...(options.metricsAccess === undefined ? {} : { metricsAccess: options.metricsAccess }),
    modules: createModuleStore({
      directory: path.join(stateDirectory, 'modules'),
      timers: parts.timers,
      random: parts.random,
    }),
    audit: createAudit(options, client, parts.onEvent),
    guard: startGuard(),
    clock: options.clock ?? Date.now,
    drainMs: options.terminationDrainMs ?? 1_500,
    inheritedEnvironment: options.environment ?? process.env,
  };
}

function createAudit(
  { stateDirectory, auditDirectory, clock = Date.now, auditSinks = [] }: AgentOptions,
  client: ControlClient,
  onEvent: OnEvent,
) {
  return createAuditWriter({
    sinks: auditSinks,
    directory: auditDirectory ?? path.join(stateDirectory, 'audit', 'agent'),
    clock,
    async locate(cause) {
      const place = await client.locate(cause);
      return place.ok && place.value !== '' ? place.value : undefined;
    },
    async exchangeHeads(own) {
      const other = await client.exchangeAuditHeads(own);
      return other.ok ? other.value : undefined;
    },
    onTrouble: (problem) =>
      onEvent({
        kind: 'warning',
        code: problem === undefined ? 'audit-log-recovered' : 'audit-log-failing',
        message: problem === undefined ? 'the audit log takes records again' : inWords([problem]),
      }),
  });
}

interface IdentityParts {
  readonly client: ControlClient;
  readonly owner: { readonly namespace: string; readonly serviceAccount: string };
  readonly xds: { readonly address: string; readonly serverName: string };
}

function createIdentitySources(
  options: AgentOptions,
  { client, owner, xds }: IdentityParts,
): IdentitySources {
  return {
    createKey: (id) => createKeyAndCsr(id, options.workloadKey),
    issueToken: () => client.issueToken(owner),
    async requestCertificate(credential, csrPem, trusted) {
      const roots = await readRoots(options.rootsFile);
      if (!roots.ok && trusted.length === 0) return roots;
      return requestCertificate({
        ...xds,
        rootsPem: roots.ok ? [roots.value, ...trusted] : trusted,
        credential,
        csrPem,
        deadlineMs: certificateDeadlineMs,
        ...(options.leafTtlMs === undefined ? {} : { ttlMs: options.leafTtlMs }),
      });
    },
  };
}

async function readRoots(file: string): Promise<Result<string>> {
  try {
    return succeed(await readFile(file, 'utf8'));
  } catch (error) {
    return refuse({
      code: 'no-roots',
      message: `the root certificates cannot be read: ${messageOf(error)}`,
      remedy: 'start the control plane with the same state directory first',
    });
  }
}

interface ListenerParts {
  readonly kubelet: Kubelet;
  readonly reporter: PodReporter;
  readonly gate: ControlPlaneGate;
  readonly client: ControlClient;
  readonly onEvent: OnEvent;
  readonly nodeName: string;
}

function createListener({
  kubelet,
  reporter,
  gate,
  client,
  onEvent,
  nodeName,
}: ListenerParts): WatchListener {
  let connections = 0;
  return {
    set(key, object) {
      if (!key.startsWith('Pod/')) {
        const template = templateOfObject(key, object);
        if (template.ok) kubelet.set(template.value);
        else
          onEvent({
            kind: 'warning',
            code: 'bad-workload',
            message: `${key}: ${inWords(template.diagnostics)}`,
          });
      } else if (isLeftOver(object, nodeName) && !reporter.holds(key)) {
        void client.deleteRuntime(key);
      }
    },
    delete: (key) => kubelet.delete(key),
    synced: () => undefined,
    connected() {
      onEvent({ kind: 'control-plane', state: 'connected', message: 'watching the control plane' });
      // It keeps no Pods over a restart.
      connections += 1;
      const connection = connections;
      void reporter.resend().then(() => {
        if (connection === connections) gate.open();
      });
    },
    disconnected(reason, isFirst) {
      connections += 1;
      gate.close();
      if (!isFirst) return;
      onEvent({
        kind: 'control-plane',
        state: 'disconnected',
        message: `the control plane is away (${reason}); everything keeps running`,
      });
    },
  };
}
