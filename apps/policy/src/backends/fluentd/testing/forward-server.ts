// A server of the forward protocol for tests: reads every message byte by byte, and acknowledges, keeps silent or hangs up as it is told.
import { createServer, type Socket } from 'node:net';

/** `silent`: takes what comes and acknowledges nothing; `deaf`: does not even read. */
export type ForwardMood = 'well' | 'silent' | 'deaf' | 'hang-up';

export interface ForwardMessage {
  readonly tag: string;
  readonly entries: readonly (readonly [unknown, Readonly<Record<string, unknown>>])[];
  readonly option: { readonly size?: number; readonly chunk?: string };
}

export interface ForwardServer {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly port: number;
  /** Those that were acknowledged. */
  readonly messages: ForwardMessage[];
  mood: ForwardMood;
  close(): Promise<void>;
}

export async function startForwardServer(mood: ForwardMood = 'well', port = 0): Promise<ForwardServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    listen(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve());
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP server has a port');
  const forward: ForwardServer = {
    address: `127.0.0.1:${bound.port}`,
    port: bound.port,
    messages: [],
    mood,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
  function listen(socket: Socket): void {
    if (forward.mood === 'deaf') socket.pause();
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      for (let read = firstIn(rest); read !== undefined; read = firstIn(rest)) {
        rest = rest.subarray(read.length);
        answer(socket, read.message);
      }
      if (forward.mood === 'deaf') socket.pause();
    });
  }
  function answer(socket: Socket, message: ForwardMessage): void {
    if (forward.mood === 'hang-up') socket.destroy();
    if (forward.mood !== 'well') return;
    forward.messages.push(message);
    const { chunk } = message.option;
    if (chunk !== undefined) socket.write(acknowledgement(chunk));
  }
  return forward;
}

const acknowledgement = (chunk: string): Buffer =>
  Buffer.concat([Buffer.from('\x81\xa3ack', 'latin1'), Buffer.of(0xa0 | chunk.length), Buffer.from(chunk)]);

/** Undefined: it is not whole yet. */
function firstIn(bytes: Buffer): { readonly message: ForwardMessage; readonly length: number } | undefined {
  if (bytes.length === 0) return undefined;
  try {
    const { value, length } = read(bytes);
    const [tag, entries, option] = value as [string, ForwardMessage['entries'], ForwardMessage['option']];
    return { message: { tag, entries, option }, length };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** One value of MessagePack, of the forms that senders of log entries use; `RangeError`: there is more to come. */
function read(bytes: Buffer): { readonly value: unknown; readonly length: number } {
  let at = 0;
  const take = (size: number): number => {
    if (at + size > bytes.length) throw new RangeError('more is to come');
    at += size;
    return at - size;
  };
  const next = (): unknown => {
    const head = bytes.readUInt8(take(1));
    if (head < 0x80) return head;
    if (head < 0x90) return map(head & 15);
    if (head < 0xa0) return list(head & 15);
    if (head < 0xc0) return text(head & 31);
    if (head >= 0xe0) return head - 256;
    return (forms[head] ?? unknown(head))();
  };
  const unknown = (head: number) => (): never => {
    throw new Error(`a byte ${head}`);
  };
  const text = (length: number): string => bytes.subarray(take(length), at).toString('utf8');
  const list = (length: number): unknown[] => Array.from({ length }, next);
  const map = (length: number): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length }, () => [next(), next()]));
  const forms: Readonly<Record<number, () => unknown>> = {
    192: () => null,
    194: () => false,
    195: () => true,
    203: () => bytes.readDoubleBE(take(8)),
    204: () => bytes.readUInt8(take(1)),
    205: () => bytes.readUInt16BE(take(2)),
    206: () => bytes.readUInt32BE(take(4)),
    207: () => Number(bytes.readBigUInt64BE(take(8))),
    211: () => Number(bytes.readBigInt64BE(take(8))),
    215: () => {
      take(1);
      return { seconds: bytes.readUInt32BE(take(4)), nanoseconds: bytes.readUInt32BE(take(4)) };
    },
    217: () => text(bytes.readUInt8(take(1))),
    218: () => text(bytes.readUInt16BE(take(2))),
    219: () => text(bytes.readUInt32BE(take(4))),
    220: () => list(bytes.readUInt16BE(take(2))),
    221: () => list(bytes.readUInt32BE(take(4))),
    222: () => map(bytes.readUInt16BE(take(2))),
    223: () => map(bytes.readUInt32BE(take(4))),
  };
  return { value: next(), length: at };
}
