// What the application hands to the server: types, admission, clock and limits.
import type { Graph } from '@xebec/flow';
import type { ConnectionLimits } from './server/connection-gate.ts';
import type { IntakeLimits } from './server/intake.ts';
import type { Admission, PresentedToken, ResourceType, StreamEvent } from './types.ts';

/** Time as the server sees it; injected, so that tests own it. */
export interface Clock {
  nowMs(): number;
  /** Runs once after a delay unless disposed before; never keeps the process alive. */
  after(delayMs: number, run: () => void): Disposable;
}

/** Bounds on what one client can cost. Times in milliseconds, sizes in bytes. */
export interface Limits extends IntakeLimits, ConnectionLimits {
  readonly requestBytes: number;
  readonly nodeBytes: number;
  readonly nameBytes: number;
  readonly namesPerRequest: number;
  readonly namesPerStream: number;
  readonly streamsPerClient: number;
  /** Streams whose peers have proven the same identity; replicas of a workload share one. */
  readonly streamsPerIdentity: number;
  /** A delta response larger than this is sent in parts. */
  readonly responseBytes: number;
  /** A stream that takes nothing of what was written for this long is cut. */
  readonly sendTimeoutMs: number;
  /** How long routes and listeners wait for new clusters to be acknowledged. */
  readonly gateMs: number;
  /** Bytes written to all sockets and not yet taken; larger responses of other streams wait. */
  readonly unsentBytes: number;
  /** A connection without any call for this long is closed. */
  readonly idleConnectionMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Asked names without an exact answer that one stream keeps in mind. */
  readonly rememberedAsks: number;
  /** Pushes of one type to one stream: this many at once, then this many per second. */
  readonly pushBurst: number;
  readonly pushesPerSecond: number;
  /** Responses sent to find out which resource of a refused response is the bad one. */
  readonly isolationProbes: number;
}

export const defaultLimits: Limits = {
  connections: 20_000,
  strangers: 1_000,
  introductionMs: 30_000,
  connectionBurst: 500,
  connectionsPerSecond: 500,
  requestBytes: 4 * 1024 * 1024,
  requestBurst: 20_000,
  requestsPerSecond: 2_000,
  intakeBurstBytes: 64 * 1024 * 1024,
  intakeBytesPerSecond: 1024 * 1024,
  nodeBytes: 256 * 1024,
  nameBytes: 4096,
  namesPerRequest: 100_000,
  namesPerStream: 200_000,
  streamsPerClient: 8,
  streamsPerIdentity: 10_000,
  responseBytes: 1024 * 1024,
  sendTimeoutMs: 30_000,
  gateMs: 5_000,
  unsentBytes: 16 * 1024 * 1024,
  idleConnectionMs: 300_000,
  keepaliveMs: 20_000,
  keepaliveTimeoutMs: 10_000,
  rememberedAsks: 1_000,
  pushBurst: 60,
  pushesPerSecond: 8,
  isolationProbes: 256,
};

export interface XdsServerOptions {
  readonly graph: Graph;
  /** In make-before-break order: clusters, endpoints, listeners, routes, virtual hosts; secrets anywhere. */
  readonly types: readonly ResourceType[];
  readonly admission: Admission;
  /** The identity (a URI) behind a token, for TLS connections without a client certificate. Absent: certificates only. */
  readonly authenticate?: (token: PresentedToken) => Promise<string | undefined>;
  readonly onEvent: (event: StreamEvent) => void;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
