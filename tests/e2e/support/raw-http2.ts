// HTTP/2 by hand: frames that no library would send, and what the server makes of them.
import { connect } from 'node:net';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** An HPACK string: plain bytes, the length with a prefix of seven bits. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes]);
}

/** Header fields as literals that nobody indexes. */
export const headerBlock = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

/** A connection with one request. */
export function requestFrames(block: Buffer, body?: string): Buffer {
  const endsHere = body === undefined ? 1 : 0;
  return Buffer.concat([
    Buffer.from(preface),
    frame(4, 0, 0, Buffer.alloc(0)),
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
