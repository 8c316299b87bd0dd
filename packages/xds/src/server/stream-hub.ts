// What all streams have in common: catalogs, budget, and the turn in which each is served.
import type { status } from '@grpc/grpc-js';
import type { Catalog } from '../catalog/catalog.ts';
import { type NameSet, sweepNames } from '../names.ts';
import type { Clock, Limits, XdsServerOptions } from '../options.ts';
import type { Session } from '../session/state.ts';
import type { Admission, Peer, StreamEvent, StreamStatus } from '../types.ts';
import type { ConnectionGate } from './connection-gate.ts';
import type { SendBudget } from './send-budget.ts';

/** A stream as the hub serves it. */
export interface ServedStream extends Disposable {
  readonly id: number;
  readonly client: string;
  /** What its peer has proven; undefined: nothing, as on a plaintext connection. */
  readonly identity: string | undefined;
  readonly session: Session | undefined;
  pump(): void;
  refresh(): void;
  check(nowMs: number): void;
  stopWaiting(): void;
  status(): StreamStatus | undefined;
  end(code: status, details: string): void;
}

/** Sums since the server was made. */
export interface XdsCounters {
  requests: number;
  responses: number;
  resources: number;
  bytes: number;
  acknowledgements: number;
  rejections: number;
  /** Streams that were not opened, or were ended for what nobody may do. */
  refusals: number;
  faults: number;
}

/** After this long the event loop gets its turn before the next streams. */
const SLICE_MS = 5;
const CHECK_INTERVAL_MS = 1_000;
const REST_INTERVAL_MS = 10_000;
/** Below this many interned names a sweep is not worth it. */
const SWEEP_ABOVE = 1_000;

export interface StreamHubOptions {
  readonly catalogs: readonly Catalog[];
  readonly admission: Admission;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly epoch: () => number;
  readonly onEvent: (event: StreamEvent) => void;
  readonly authenticate: XdsServerOptions['authenticate'];
}

export class StreamHub implements Disposable {
  readonly catalogs: readonly Catalog[];
  readonly admission: Admission;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly epoch: () => number;
  readonly versionPrefix: string;
  readonly authenticate: XdsServerOptions['authenticate'];
  readonly budget: SendBudget;
  readonly gates = new Set<ConnectionGate>();
  readonly waiting = new Set<ServedStream>();
  readonly counters: XdsCounters = {
    requests: 0,
    responses: 0,
    resources: 0,
    bytes: 0,
    acknowledgements: 0,
    rejections: 0,
    refusals: 0,
    faults: 0,
  };
  lastFault: unknown;
  private readonly onEvent: (event: StreamEvent) => void;
  private readonly byClient = new Map<string, Set<ServedStream>>();
  /** Streams of an identity; none is held that has no stream. */
  private readonly byIdentity = new Map<string, number>();
  private readonly woken = new Set<ServedStream>();
  private isTurnDue = false;
  private tick: Disposable | undefined;
  private restDueMs = 0;
  private lastStream = 0;

  constructor(options: StreamHubOptions) {
    this.catalogs = options.catalogs;
    this.admission = options.admission;
    this.clock = options.clock;
    this.limits = options.limits;
    this.epoch = options.epoch;
    this.onEvent = options.onEvent;
    this.authenticate = options.authenticate;
    this.versionPrefix = new Date(options.clock.nowMs()).toISOString();
    this.budget = { limitBytes: options.limits.unsentBytes, usedBytes: 0 };
  }

  nextStream(): number {
    return ++this.lastStream;
  }

  streamsOf(client: string): number {
    return this.byClient.get(client)?.size ?? 0;
  }

  /** A client is known behind the connection from this address. */
  introduce(address: string): void {
    for (const gate of this.gates) gate.introduce(address);
  }

  /** Connections that were closed because nobody was known behind them, or there were too many. */
  get refusedConnections(): number {
    return [...this.gates].reduce((sum, { refused }) => sum + refused, 0);
  }

  /** Who has proven nothing has no identity to count for. */
  streamsOfIdentity({ identities: [identity] }: Peer): number {
    return identity === undefined ? 0 : (this.byIdentity.get(identity) ?? 0);
  }

  *streams(client?: string): IterableIterator<ServedStream> {
    if (client !== undefined) yield* this.byClient.get(client) ?? [];
    else for (const streams of this.byClient.values()) yield* streams;
  }

  join(stream: ServedStream): void {
    const streams = this.byClient.get(stream.client) ?? new Set();
    this.byClient.set(stream.client, streams.add(stream));
    this.count(stream.identity, 1);
    this.tick ??= this.clock.after(CHECK_INTERVAL_MS, () => this.check());
  }

  leave(stream: ServedStream, reason: string): void {
    this.woken.delete(stream);
    this.waiting.delete(stream);
    const streams = this.byClient.get(stream.client);
    if (streams?.delete(stream) !== true) return;
    if (streams.size === 0) this.byClient.delete(stream.client);
    this.count(stream.identity, -1);
    this.emit({ kind: 'disconnected', client: stream.client, stream: stream.id, reason });
    this.wakeWaiting();
  }

  private count(identity: string | undefined, change: 1 | -1): void {
    if (identity === undefined) return;
    const streams = (this.byIdentity.get(identity) ?? 0) + change;
    if (streams > 0) this.byIdentity.set(identity, streams);
    else this.byIdentity.delete(identity);
  }

  /** The stream is served in its turn. */
  wake(stream: ServedStream): void {
    this.woken.add(stream);
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    setImmediate(() => this.serveWoken());
  }

  /** There is room: whoever waits for it is served. */
  wakeWaiting(): void {
    if (this.waiting.size === 0) return;
    for (const stream of this.waiting) {
      stream.stopWaiting();
      this.wake(stream);
    }
    this.waiting.clear();
  }

  /** Told after the current turn: a listener may change the graph, and a response must not mix two epochs. */
  emit(event: StreamEvent): void {
    queueMicrotask(() => {
      try {
        this.onEvent(event);
      } catch (error) {
        this.fault(error);
      }
    });
  }

  fault(error: unknown): void {
    this.counters.faults++;
    this.lastFault = error;
  }

  [Symbol.dispose](): void {
    this.tick?.[Symbol.dispose]();
    for (const stream of [...this.streams()]) stream[Symbol.dispose]();
    for (const catalog of this.catalogs) catalog[Symbol.dispose]();
  }

  private serveWoken(): void {
    this.isTurnDue = false;
    const until = performance.now() + SLICE_MS;
    for (const stream of this.woken) {
      this.woken.delete(stream);
      stream.pump();
      if (this.woken.size > 0 && performance.now() >= until) break;
    }
    if (this.woken.size === 0 || this.isTurnDue) return;
    this.isTurnDue = true;
    setImmediate(() => this.serveWoken());
  }

  private check(): void {
    this.tick = undefined;
    const nowMs = this.clock.nowMs();
    for (const stream of [...this.streams()]) stream.check(nowMs);
    this.wakeWaiting();
    if (nowMs >= this.restDueMs) this.rest(nowMs);
    if (this.byClient.size > 0) this.tick = this.clock.after(CHECK_INTERVAL_MS, () => this.check());
  }

  private rest(nowMs: number): void {
    this.restDueMs = nowMs + REST_INTERVAL_MS;
    for (const catalog of this.catalogs) {
      catalog.rest();
      if (catalog.names.ids.size > SWEEP_ABOVE) sweepNames(catalog.names, this.nameSets(catalog));
    }
  }

  private *nameSets(catalog: Catalog): IterableIterator<NameSet> {
    for (const stream of this.streams()) {
      const channel = stream.session?.channels.get(catalog.typeUrl);
      if (channel !== undefined) yield* [channel.subscribed, channel.held, channel.ahead];
    }
  }
}
