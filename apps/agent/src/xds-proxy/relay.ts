// Carries one discovery stream between a proxy and the control plane, byte for byte but for what somebody takes out on the way; when one side ends, so does the other.
import * as grpc from '@grpc/grpc-js';
import type { DuplexStream } from './upstream.ts';

export type ServerStream = grpc.ServerDuplexStream<Buffer, Buffer>;

/** Where messages that were taken, or are of one's own, go. */
export interface PassEnds {
  down(message: Buffer): void;
  up(message: Buffer): void;
}

/** Sees the messages of one stream. What it does not give back goes no further. */
export interface MessagePass extends Disposable {
  down(message: Buffer): Buffer | undefined;
  up(message: Buffer): Buffer | undefined;
}

export interface RelayOptions {
  readonly onBreak: (reason: string) => void;
  readonly pass?: ((ends: PassEnds) => MessagePass) | undefined;
}

/** The proxy keeps what it has and reconnects by itself when the stream ends. */
export function relay(
  downstream: ServerStream,
  upstream: DuplexStream,
  { onBreak, pass: open }: RelayOptions,
): void {
  let isEnded = false;
  const pass = open?.({
    down: (message) => void (isEnded || downstream.write(message)),
    up: (message) => void (isEnded || upstream.write(message)),
  });
  const close = (): void => {
    isEnded = true;
    pass?.[Symbol.dispose]();
  };
  const end = (code: grpc.status, details: string): void => {
    if (isEnded) return;
    close();
    onBreak(details);
    downstream.emit('error', { code, details });
  };
  upstream.on('error', (error: grpc.ServiceError) => end(error.code, error.details));
  upstream.on('end', () => end(grpc.status.UNAVAILABLE, 'the control plane ended the stream'));
  downstream.on('cancelled', () => {
    close();
    upstream.cancel();
  });
  downstream.on('error', () => upstream.cancel());
  downstream.on('end', () => upstream.end());
  forward(downstream, upstream, pass === undefined ? (message) => message : (message) => pass.up(message));
  forward(upstream, downstream, pass === undefined ? (message) => message : (message) => pass.down(message));
}

/** A slow reader on one side holds up the other side's sender. */
function forward(
  from: ServerStream | DuplexStream,
  to: ServerStream | DuplexStream,
  pass: (message: Buffer) => Buffer | undefined,
): void {
  from.on('data', (message: Buffer) => {
    const passed = pass(message);
    if (passed === undefined || to.write(passed)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
}
