// HTTP/2 by hand: frames that no library would send, and what the server makes of them.
import { connect } from 'node:net';
import { frame, preface, settings } from './raw-frames.ts';

/** A connection with one request. */
export function requestFrames(block: Buffer, body?: string): Buffer {
  const endsHere = body === undefined ? 1 : 0;
  return Buffer.concat([
    preface,
    settings(),
    frame(1, 4 | endsHere, 1, block),
    ...(body === undefined ? [] : [frame(0, 1, 1, Buffer.from(body))]),
  ]);
}

/** `reset`, `goaway`, `closed`, or the status of the answer. */
export function framesOf(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes));
    const settle = (answer: string): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject).on('close', () => resolve('closed'));
    socket.on('data', (part: Buffer) => {
      got = Buffer.concat([got, part]);
      for (const { type, payload } of framesIn(got)) {
        if (type === 3) settle('reset');
        else if (type === 7) settle('goaway');
        else if (type === 1) settle(statusOf(payload));
      }
    });
  });
}

function framesIn(bytes: Buffer): readonly { readonly type: number; readonly payload: Buffer }[] {
  const frames: { type: number; payload: Buffer }[] = [];
  let at = 0;
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({ type: bytes.readUInt8(at + 3), payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

/** The first field is the status: usually one of HPACK's table. */
function statusOf(block: Buffer): string {
  const known = { 8: '200', 9: '204', 10: '206', 11: '304', 12: '400', 13: '404', 14: '500' };
  const index = block.readUInt8(0) & 127;
  return Object.entries(known).find(([key]) => Number(key) === index)?.[1] ?? `status ${index}`;
}
