// Ends a call whose client takes nothing. The rule: what was written for it is let go at once.
import type { Http2Stream } from 'node:http2';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';

const CANCEL = 8;

function isHttp2Stream(value: unknown): value is Http2Stream {
  return typeof value === 'object' && value !== null && 'close' in value && 'destroy' in value;
}

/** The library offers no way to reset a call, and a status would wait behind what the client does not take. */
function http2StreamOf(call: object): Http2Stream | undefined {
  let inner: unknown = Reflect.get(call, 'call');
  for (let depth = 0; depth < 8 && typeof inner === 'object' && inner !== null; depth++) {
    const stream: unknown = Reflect.get(inner, 'stream');
    if (isHttp2Stream(stream)) return stream;
    inner = Reflect.get(inner, 'nextCall');
  }
  return undefined;
}

export function abortCall(call: ServerDuplexStream<Buffer, Buffer>): void {
  const stream = http2StreamOf(call);
  if (stream === undefined) {
    const details = 'the client takes nothing';
    call.emit('error', Object.assign(new Error(details), { code: status.DEADLINE_EXCEEDED, details }));
    return;
  }
  stream.close(CANCEL);
  stream.destroy();
}
