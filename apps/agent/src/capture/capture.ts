// How traffic gets into a workload's proxy: the one interface behind which explicit and transparent capture are equals.
import type { Result } from '@xebec/std';

export interface CaptureRequest {
  readonly namespace: string;
  /** The Pod. */
  readonly name: string;
  /** `router`: a gateway, which has no application. `none`: a Pod that is to have no proxy. */
  readonly role: 'sidecar' | 'router' | 'none';
  /** Ports the application listens on, for connections or datagrams. */
  readonly ports: readonly number[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** A user and group on this machine. */
export interface ProcessOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A place where one workload can run; everything it holds is given back by `dispose`. */
export interface CapturedWorkload {
  /** The Pod's address, where its proxy listens and others reach it. */
  readonly address: string;
  /** Of IPv6, where it is captured like IPv4. */
  readonly ipv6Address?: string;
  /** When this one workload is captured otherwise than the rest. */
  readonly mode?: 'explicit';
  /** Inbound connections keep their addresses. */
  readonly interception?: 'TPROXY';
  /** Where proxy and probes reach the application itself. */
  readonly applicationAddress: string;
  /** What the application is told to bind to. */
  readonly bindAddress: string;
  /** The address of this machine that probes come from; without it any. */
  readonly probeSource?: string;
  /** Added to the application's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Set when the proxy runs as somebody else: its sockets and files are given to this user. */
  readonly proxyOwner?: ProcessOwner;
  /** The command that runs `command` in the workload's place. */
  wrapCommand(command: readonly string[], role: 'app' | 'proxy'): readonly string[];
  dispose(): Promise<void>;
}

export interface Capture {
  /** As the control plane knows it, in the node metadata `CAPTURE`. */
  readonly mode: 'explicit' | 'transparent';
  /** A place for one workload. Failures are expected: no rights, no addresses, a port that is taken. */
  prepare(workload: CaptureRequest): Promise<Result<CapturedWorkload>>;
  /** Gives back what is shared by all workloads, once they are all gone. */
  dispose(): Promise<void>;
}
