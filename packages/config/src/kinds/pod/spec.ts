// The body of a Pod, and the part of it that a Deployment repeats.

export interface ContainerPort {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  readonly transport: 'TCP' | 'UDP' | 'SCTP';
}

/** Fields of the running Pod that an environment variable may take; `key` is a label's or annotation's name. */
export type FieldReference =
  | {
      readonly kind:
        | 'name'
        | 'namespace'
        | 'uid'
        | 'podIP'
        | 'hostIP'
        | 'podIPs'
        | 'serviceAccountName'
        | 'nodeName';
    }
  | { readonly kind: 'label' | 'annotation'; readonly key: string };

export type EnvironmentVariable =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly field: FieldReference };

export type ProbeAction =
  | {
      readonly kind: 'httpGet';
      readonly path: string;
      /** Number, or the name of one of the container's ports. */
      readonly port: number | string;
      readonly scheme: 'HTTP' | 'HTTPS';
      /** Empty: the Pod's own address. */
      readonly host: string;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'tcpSocket'; readonly port: number | string; readonly host: string }
  | { readonly kind: 'grpc'; readonly port: number; readonly service: string }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

export interface Probe {
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  readonly terminationGracePeriodMs?: number;
}

/** What is done right after a container starts, or right before it is told to end. */
export type Hook = ProbeAction | { readonly kind: 'sleep'; readonly durationMs: number };

export interface Container {
  readonly name: string;
  readonly image: string;
  /** Empty: the image's own. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly EnvironmentVariable[];
  readonly ports: readonly ContainerPort[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly postStart?: Hook;
  readonly preStop?: Hook;
  /** Only of an init container: it goes on running beside the others. */
  readonly isSidecar?: true;
}

/** What a Pod and a Deployment's template have in common. */
export interface PodBody {
  readonly serviceAccountName: string;
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  readonly terminationGracePeriodMs: number;
  readonly hostNetwork: boolean;
  /** Empty when not set. */
  readonly nodeName: string;
  /** Its name under that of a headless service; empty when not set: then the Pod's own name. */
  readonly hostname: string;
}

export interface PodStatus {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  /** Empty until the Pod has an address. */
  readonly podIP: string;
  readonly podIPs: readonly string[];
  readonly hostIP: string;
  /** Condition `Ready` is `True`. */
  readonly isReady: boolean;
}

export interface PodSpec extends PodBody {
  /** The controller among the owner references. */
  readonly owner?: { readonly kind: string; readonly name: string };
  /** `metadata.deletionTimestamp` is set: it drains. */
  readonly isTerminating: boolean;
  readonly status: PodStatus;
}
