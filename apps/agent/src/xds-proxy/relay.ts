// Carries one discovery stream between a proxy and the control plane, byte for byte; when one side ends, so does the other.
import * as grpc from '@grpc/grpc-js';
import type { DuplexStream } from './upstream.ts';

export type ServerStream = grpc.ServerDuplexStream<Buffer, Buffer>;

/** The proxy keeps what it has and reconnects by itself when the stream ends. */
export function relay(
  downstream: ServerStream,
  upstream: DuplexStream,
  onBreak: (reason: string) => void,
): void {
  let isEnded = false;
  const end = (code: grpc.status, details: string): void => {
    if (isEnded) return;
    isEnded = true;
    onBreak(details);
    downstream.emit('error', { code, details });
  };
  upstream.on('error', (error: grpc.ServiceError) => end(error.code, error.details));
  upstream.on('end', () => end(grpc.status.UNAVAILABLE, 'the control plane ended the stream'));
  downstream.on('cancelled', () => {
    isEnded = true;
    upstream.cancel();
  });
  downstream.on('error', () => upstream.cancel());
  downstream.on('end', () => upstream.end());
  forward(downstream, upstream);
  forward(upstream, downstream);
}

/** A slow reader on one side holds up the other side's sender. */
function forward(from: ServerStream | DuplexStream, to: ServerStream | DuplexStream): void {
  from.on('data', (message: Buffer) => {
    if (to.write(message)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
}
