// What all Pods of an agent share: the machine's programs, the control plane, time, and who is told.
import type { MetricsAccess } from '@xebec/ca';
import type { ProxyLaunch } from '@xebec/config';
import type { Result } from '@xebec/std';
import type { Guard, Timers } from '@xebec/supervise';
import type { AuditWriter } from '../audit/audit-writer.ts';
import type { Capture } from '../capture/capture.ts';
import type { StartingProxy } from '../control/control-client.ts';
import type { Gate } from '../control/gate.ts';
import type { OnEvent } from '../events.ts';
import type { IdentitySources } from '../identity/workload-identity.ts';
import type { ModuleStore } from '../modules/module-store.ts';
import type { LocalImages } from './local-images.ts';
import type { PodReporter } from './pod-reporter.ts';

interface MeshNames {
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly meshId: string;
  readonly network: string;
}

export interface SingleWorkload {
  /** It has ended for good, with this code. */
  readonly onEnded: (exitCode: number) => void;
  /** The WorkloadGroup that it joins. */
  readonly workloadGroup?: string;
}

export interface PodContext {
  /** Of all that this agent runs: by it an agent knows Pods that an earlier one left behind. */
  readonly nodeName: string;
  /** The one workload is a program that somebody started here: its output and environment are this process's. */
  readonly single?: SingleWorkload;
  readonly stateDirectory: string;
  readonly envoyPath: string;
  readonly xds: { readonly address: string; readonly serverName: string };
  readonly mesh: MeshNames;
  readonly capture: Capture;
  /** Gateways listen on this machine's own addresses, however workloads are captured. */
  readonly gatewayCapture: Capture;
  readonly discovery: 'on-demand' | 'eager';
  readonly localImages: readonly LocalImages[];
  readonly reporter: PodReporter;
  /** Proxies hear of the control plane only while it knows the Pods. */
  readonly gate: Gate;
  readonly identitySources: (owner: { namespace: string; serviceAccount: string }) => IdentitySources;
  /** The bootstrap with what the mesh's EnvoyFilters say of it. */
  readonly patchBootstrap: (bootstrap: string) => Promise<Result<string>>;
  /** With what ProxyConfigs of the mesh want a proxy to be started. */
  readonly proxyLaunch: (proxy: StartingProxy) => Promise<Result<ProxyLaunch>>;
  /** Who may read the metrics of workloads; absent: nobody. */
  readonly metricsAccess?: MetricsAccess;
  /** Wasm modules of all proxies. */
  readonly modules: ModuleStore;
  /** Keeps records of what audited workloads were asked for. */
  readonly audit: AuditWriter;
  readonly guard: Guard;
  readonly timers: Timers;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly random: () => number;
  /** How long a proxy goes on serving after the mesh has been told that it will not. */
  readonly drainMs: number;
  readonly inheritedEnvironment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: OnEvent;
}
