// Connections before anybody is known behind them. The rule: they come in at a steady rate, address by address, and who proves nothing in time goes.
import type { Socket } from 'node:net';
import type { Clock } from '../options.ts';

export interface ConnectionLimits {
  /** Open at one time, known or not. */
  readonly connections: number;
  /** Open at one time with nobody known behind them; one more ends the oldest. */
  readonly strangers: number;
  /** How long a connection may be a stranger's. */
  readonly introductionMs: number;
  /** This many at once, then this many per second; others wait. */
  readonly connectionBurst: number;
  readonly connectionsPerSecond: number;
}

export interface ConnectionGate extends Disposable {
  /** Takes a new connection: passed on at once or when its turn comes, or closed. */
  accept(socket: Socket): void;
  /** Somebody is known behind the connection from this address, written as gRPC writes peers. */
  introduce(address: string): void;
  readonly refused: number;
}

export interface ConnectionGateOptions {
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly pass: (socket: Socket) => void;
}

/** As gRPC writes the peer of a call. */
const addressOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress}:${remotePort}`;

export function createConnectionGate(options: ConnectionGateOptions): ConnectionGate {
  return new Gate(options);
}

class Gate implements ConnectionGate {
  refused = 0;
  private readonly limits: ConnectionLimits;
  private readonly clock: Clock;
  private readonly pass: (socket: Socket) => void;
  /** Passed on, with nobody known behind them; the oldest first. */
  private readonly strangers = new Map<string, { readonly socket: Socket; readonly sinceMs: number }>();
  /** By host, in the order of their turns. */
  private readonly waiting = new Map<string, Set<Socket>>();
  private open = 0;
  private tokens: number;
  private filledAtMs: number;
  private turn: Disposable | undefined;
  private sweep: Disposable | undefined;

  constructor({ limits, clock, pass }: ConnectionGateOptions) {
    this.limits = limits;
    this.clock = clock;
    this.pass = pass;
    this.tokens = limits.connectionBurst;
    this.filledAtMs = clock.nowMs();
  }

  accept(socket: Socket): void {
    // Nobody else listens while it waits; an error is followed by the end.
    socket.on('error', () => undefined);
    if (socket.remoteAddress === undefined || this.open >= this.limits.connections) {
      this.refused += 1;
      socket.destroy();
      return;
    }
    this.open += 1;
    socket.once('close', () => this.closed(socket));
    this.fill();
    if (this.waiting.size === 0 && this.tokens >= 1) this.begin(socket);
    else this.wait(socket);
  }

  introduce(address: string): void {
    this.strangers.delete(address);
  }

  [Symbol.dispose](): void {
    this.turn?.[Symbol.dispose]();
    this.sweep?.[Symbol.dispose]();
    for (const sockets of this.waiting.values()) for (const socket of sockets) socket.destroy();
    for (const { socket } of this.strangers.values()) socket.destroy();
  }

  private fill(): void {
    const nowMs = this.clock.nowMs();
    const { connectionBurst, connectionsPerSecond } = this.limits;
    const gained = (Math.max(0, nowMs - this.filledAtMs) * connectionsPerSecond) / 1_000;
    this.tokens = Math.min(connectionBurst, this.tokens + gained);
    this.filledAtMs = nowMs;
  }

  private begin(socket: Socket): void {
    this.tokens -= 1;
    const sinceMs = this.clock.nowMs();
    this.strangers.set(addressOf(socket), { socket, sinceMs });
    if (this.strangers.size > this.limits.strangers) this.endOldest();
    this.sweep ??= this.clock.after(this.limits.introductionMs, () => this.endOverdue());
    this.pass(socket);
  }

  private endOldest(): void {
    const [oldest] = this.strangers;
    if (oldest === undefined) return;
    this.strangers.delete(oldest[0]);
    this.refused += 1;
    oldest[1].socket.destroy();
  }

  private wait(socket: Socket): void {
    socket.pause();
    const host = socket.remoteAddress ?? '';
    this.waiting.set(host, (this.waiting.get(host) ?? new Set()).add(socket));
    this.schedule();
  }

  private schedule(): void {
    if (this.turn !== undefined || this.waiting.size === 0) return;
    const delayMs = Math.ceil((1_000 * Math.max(0, 1 - this.tokens)) / this.limits.connectionsPerSecond);
    this.turn = this.clock.after(Math.max(1, delayMs), () => this.serveWaiting());
  }

  /** One of each host in turn: who opens many waits for itself. */
  private serveWaiting(): void {
    this.turn = undefined;
    this.fill();
    while (this.tokens >= 1) {
      const [next] = this.waiting;
      if (next === undefined) return;
      const [host, sockets] = next;
      this.waiting.delete(host);
      const [socket] = sockets;
      if (socket === undefined) continue;
      sockets.delete(socket);
      if (sockets.size > 0) this.waiting.set(host, sockets);
      this.begin(socket);
    }
    this.schedule();
  }

  private endOverdue(): void {
    this.sweep = undefined;
    const nowMs = this.clock.nowMs();
    for (const [address, { socket, sinceMs }] of this.strangers) {
      const leftMs = sinceMs + this.limits.introductionMs - nowMs;
      if (leftMs > 0) {
        this.sweep = this.clock.after(leftMs, () => this.endOverdue());
        return;
      }
      this.strangers.delete(address);
      this.refused += 1;
      socket.destroy();
    }
  }

  private closed(socket: Socket): void {
    this.open -= 1;
    const address = addressOf(socket);
    if (this.strangers.get(address)?.socket === socket) this.strangers.delete(address);
    const host = socket.remoteAddress ?? '';
    const sockets = this.waiting.get(host);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.waiting.delete(host);
  }
}
