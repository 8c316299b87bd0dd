// What a probe asks and how often: the fields, defaults and meaning of Kubernetes' probes.

export type ProbeAction =
  | {
      readonly kind: 'httpGet';
      readonly port: number;
      readonly path?: string;
      /** Default: the target's. */
      readonly host?: string;
      /** Certificates are not verified, as Kubernetes does not. */
      readonly scheme?: 'HTTP' | 'HTTPS';
      readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'tcpSocket'; readonly port: number; readonly host?: string }
  | { readonly kind: 'grpc'; readonly port: number; readonly service?: string }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

export interface ProbeSpec {
  readonly action: ProbeAction;
  /** Default 0. */
  readonly initialDelaySeconds?: number;
  /** Default 10. */
  readonly periodSeconds?: number;
  /** Default 1. */
  readonly timeoutSeconds?: number;
  /** Default 1. */
  readonly successThreshold?: number;
  /** Default 3. */
  readonly failureThreshold?: number;
  /** Until the first success, ask this often if that is more often than the period: a start should not wait. */
  readonly firstSuccessPeriodMs?: number;
}

/** What is probed: an address, and for `exec` the environment and directory of the process. */
export interface ProbeTarget {
  readonly host: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export interface ProbeAnswer {
  readonly passing: boolean;
  /** `200`, `connection refused`, `no answer within 1 s`. */
  readonly message: string;
}
