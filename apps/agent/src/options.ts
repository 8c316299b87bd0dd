// What an agent is told at its start, and what it gives back.
import type { KeyAlgorithm, MetricsAccess } from '@xebec/ca';
import type { Probe } from '@xebec/config';
import type { AuditSink } from '@xebec/journal-file';
import type { Timers } from '@xebec/supervise';
import type { Capture } from './capture/capture.ts';
import type { OnEvent } from './events.ts';
import type { LocalImages } from './workloads/local-images.ts';
import type { PodReport } from './workloads/pod-manifest.ts';

export interface AgentOptions {
  /** Holds `run/` and `logs/` of this agent's workloads; one agent at a time. */
  readonly stateDirectory: string;
  /** Unix socket of the control plane's admin API. */
  readonly controlSocket: string;
  /** Where the control plane serves certificates and discovery with TLS; default `127.0.0.1:15012`. */
  readonly xdsAddress?: string;
  /** DNS name in the control plane's certificate; default `istiod.istio-system.svc`. */
  readonly xdsServerName?: string;
  /** File with the root certificates that the control plane's certificate must come from; read at every first contact. */
  readonly rootsFile: string;
  /** Who may read the metrics of workloads; absent: nobody. */
  readonly metricsAccess?: MetricsAccess;
  readonly envoyPath: string;
  readonly capture: 'explicit' | Capture;
  readonly localImages: readonly LocalImages[];
  /** Of sidecars whose template does not say (`xebec.io/discovery`); default `on-demand`. */
  readonly discovery?: 'on-demand' | 'eager';
  /** Life of certificates to ask for; default: what the authority gives. */
  readonly leafTtlMs?: number;
  /** Of the keys of workloads; default `ecdsa-p256`. */
  readonly workloadKey?: KeyAlgorithm;
  /** Default `cluster.local`. */
  readonly trustDomain?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Default: the trust domain. */
  readonly meshId?: string;
  /** Default: none. */
  readonly network?: string;
  /** How long a Pod goes on serving after the mesh has been told that it goes away; default 1500. */
  readonly terminationDrainMs?: number;
  /** The same when the whole agent stops; default 300. */
  readonly shutdownDrainMs?: number;
  /** Milliseconds since the epoch; default: the system's. */
  readonly clock?: () => number;
  readonly timers?: Timers;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Of which applications get the few variables programs need to run; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: OnEvent;
  /** Where audit records are kept; default `audit/agent` in the state directory. */
  readonly auditDirectory?: string;
  /** Get copies of audit records. */
  readonly auditSinks?: readonly AuditSink[];
  /** Runs this one program, and none of the workloads of the mesh. */
  readonly program?: Program;
}

/** One program of this machine as a workload of the mesh. */
export interface Program {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number; readonly transport: 'TCP' | 'UDP' }[];
  readonly command: readonly string[];
  /** The group of its namespace that it joins: it is known by the WorkloadEntry made there, not by a Pod. */
  readonly workloadGroup?: string;
  /** Whether it is healthy, once it runs; without one it is. */
  readonly readinessProbe?: Probe;
  readonly directory: string;
  /** It has ended, its proxy too; with its exit code, or 128 and the number of the signal. */
  readonly onEnded: (exitCode: number) => void;
}

export interface AgentHandle extends AsyncDisposable {
  /** What runs now. */
  pods(): readonly PodReport[];
  /** Drains and ends everything it started, takes its Pods back and removes its sockets. */
  close(): Promise<void>;
}
