// What a captured workload looks like to the agent: its address and how to start its programs.
import { proxyUid } from '../rules/capture-rules.ts';

/** `app` is the workload's own program, `proxy` the Envoy beside it. */
export type ProgramRole = 'app' | 'proxy';

/** A user and group on this machine. */
export interface UserIdentity {
  readonly uid: number;
  readonly gid: number;
}

/** A workload to be captured. */
export interface WorkloadToCapture {
  /** Its Kubernetes namespace. */
  readonly namespace: string;
  /** The Pod. */
  readonly name: string;
  /** `router`: a gateway, which stays in the host's namespace. `none`: an own namespace, but nothing is captured. */
  readonly role: 'sidecar' | 'router' | 'none';
  /** Of the Pod: `traffic.sidecar.istio.io/…` are honoured. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A place where one workload can run; everything it holds is given back by `dispose`. */
export interface CapturedWorkload extends AsyncDisposable {
  /** The workload's own IP address, where others reach it. */
  readonly address: string;
  /** Of IPv6, where there is one and it is captured. */
  readonly ipv6Address?: string;
  /** `explicit`: nothing is captured here (interception mode NONE), the application names its proxy itself. */
  readonly mode?: 'explicit';
  /** Inbound connections keep their addresses. */
  readonly interception?: 'TPROXY';
  /** Where its proxy reaches the application. */
  readonly applicationAddress: string;
  /** What the application is told to bind to. */
  readonly bindAddress: string;
  /** Probes connect to the application from this address of the host: what comes from it is not captured. */
  readonly probeSource: string;
  /** Added to the application's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Set when the proxy runs as somebody else than the agent: it must be able to read its files and sockets. */
  readonly proxyOwner?: UserIdentity;
  /** The command that starts a program in its place, as its user; the process keeps its id. */
  wrapCommand(command: readonly string[], role: ProgramRole): readonly string[];
  /** Ends what still runs there and removes it. */
  dispose(): Promise<void>;
}

/** How to start programs inside a namespace. */
export interface Entrance {
  readonly ip: string;
  readonly setpriv: string;
  readonly netns: string;
  /** Left out: applications keep the user they are started by. */
  readonly applicationUser?: UserIdentity;
  /** The proxy takes the addresses of others, which is a privilege. */
  readonly isTransparent?: boolean;
}

export const proxyOwner: UserIdentity = { uid: proxyUid, gid: proxyUid };

export function enterNamespace(entrance: Entrance, command: readonly string[], role: ProgramRole): string[] {
  const { ip, netns, setpriv, applicationUser, isTransparent } = entrance;
  const become =
    role === 'proxy'
      ? becomeUser(setpriv, proxyOwner, [
          ...(isTransparent === true ? ['--inh-caps=+net_admin', '--ambient-caps=+net_admin'] : []),
          '--no-new-privs',
        ])
      : applicationUser === undefined
        ? []
        : becomeUser(setpriv, applicationUser, []);
  return [ip, 'netns', 'exec', netns, ...become, ...command];
}

const becomeUser = (setpriv: string, { uid, gid }: UserIdentity, more: readonly string[]): string[] => [
  setpriv,
  `--reuid=${uid}`,
  `--regid=${gid}`,
  '--clear-groups',
  ...more,
  '--',
];
