// Floods of HTTP/2 frames that no library would send, and how the server ends them.
import { connect, type Socket } from 'node:net';

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const settings = (): Buffer => frame(4, 0, 0);
export const ping = (): Buffer => frame(6, 0, 0, Buffer.alloc(8));

/** An HPACK integer behind a prefix of seven bits. */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Header fields as literals that nobody indexes. */
export const headerBlock = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0]),
      ...[name, value].flatMap((text) => [
        length(Buffer.byteLength(text, 'latin1')),
        Buffer.from(text, 'latin1'),
      ]),
    ]),
  );

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
export const callHeaders = (more: readonly (readonly [string, string])[] = []): Buffer =>
  headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', service],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]);

export interface Flood {
  /** How it ended: the server closed the connection, said that it takes no more, or neither. */
  readonly end: 'closed' | 'goaway' | 'open';
}

/** A server that takes all at once would keep this process from hearing what it says. */
const writesAtOnce = 1_000;

/** Writes what `next` gives, as fast as the server takes it, until there is no more or the server closes. */
export function flood(
  port: number,
  next: (turn: number) => Buffer | undefined,
  patienceMs = 5_000,
): Promise<Flood> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port });
    let turn = 0;
    const settle = (end: Flood['end']): void => {
      clearTimeout(timer);
      resolve({ end });
      socket.destroy();
    };
    const timer = setTimeout(() => settle('open'), patienceMs);
    const pour = (): void => {
      for (let round = 0; round < writesAtOnce; round++) {
        const bytes = next(turn);
        turn += 1;
        if (bytes === undefined || socket.destroyed) return;
        if (!socket.write(bytes)) {
          socket.once('drain', pour);
          return;
        }
      }
      setImmediate(pour);
    };
    socket.on('connect', () => {
      socket.write(Buffer.concat([preface, settings()]));
      pour();
    });
    let rest = Buffer.alloc(0);
    socket.on('data', (part: Buffer) => {
      const got = Buffer.concat([rest, part]);
      const { types, taken } = wholeFrames(got);
      rest = got.subarray(taken);
      if (types.includes(7)) settle('goaway');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => settle('closed'));
  });
}

/** Types of the frames that are whole, and their bytes. */
function wholeFrames(bytes: Buffer): { readonly types: readonly number[]; readonly taken: number } {
  const types: number[] = [];
  let at = 0;
  while (at + 9 <= bytes.length && at + 9 + bytes.readUIntBE(at, 3) <= bytes.length) {
    types.push(bytes.readUInt8(at + 3));
    at += 9 + bytes.readUIntBE(at, 3);
  }
  return { types, taken: at };
}
