// What the agent tells while it works: one line of text for people, the facts for programs.

/** Where a Pod is on its way. `waiting`: it cannot be started, and the message says why. */
export type PodStage =
  | 'capture'
  | 'certificate'
  | 'proxy'
  | 'application'
  | 'ready'
  | 'unready'
  | 'waiting'
  | 'draining'
  | 'stopped'
  | 'ended';

export type AgentEvent = { readonly message: string } & (
  | {
      readonly kind: 'pod';
      /** `NAMESPACE/NAME`. */
      readonly pod: string;
      readonly workload: string;
      readonly stage: PodStage;
    }
  /** A process of the Pod ended or was ended, and is started again. */
  | {
      readonly kind: 'restart';
      readonly pod: string;
      /** `envoy`, or the container's name. */
      readonly process: string;
      readonly restarts: number;
    }
  /** `delayed`: an attempt failed and is repeated; `expiring`: less than a fifth of the life is left. */
  | {
      readonly kind: 'certificate';
      readonly pod: string;
      readonly change: 'issued' | 'renewed' | 'delayed' | 'expiring';
      /** Milliseconds since the epoch; absent before the first certificate. */
      readonly notAfter?: number;
    }
  | { readonly kind: 'control-plane'; readonly state: 'connected' | 'disconnected' }
  /** A gateway listens elsewhere than asked, because the port is taken. */
  | {
      readonly kind: 'gateway-port';
      readonly pod: string;
      /** The port that Gateway objects name. */
      readonly port: number;
      readonly wantedPort: number;
      readonly hostPort: number;
    }
  | { readonly kind: 'warning'; readonly pod?: string; readonly code: string }
);

export type OnEvent = (event: AgentEvent) => void;
