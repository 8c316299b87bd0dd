// fluentd against a server of the test's own that reads the forward protocol, byte by byte.
import { createServer, type Server, type Socket } from 'node:net';
import { createFluentd, type Handler, Timestamp } from '@xebec/policy';
import { afterEach, describe, expect, it } from 'vitest';
import { instanceOf, testContext } from '../testing/backend-server.ts';
import { openForward } from './open-forward.ts';

const signal = new AbortController().signal;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

/** Reads one value of MessagePack. */
function reader(bytes: Buffer) {
  let at = 0;
  const take = (size: number): number => {
    at += size;
    return at - size;
  };
  const read = (): unknown => {
    const head = bytes.readUInt8(take(1));
    if (head >= 0x80 && head < 0x90) return map(head & 15);
    if (head >= 0x90 && head < 0xa0) return list(head & 15);
    if (head >= 0xa0 && head < 0xc0) return text(head & 31);
    if (head === 0xc2 || head === 0xc3) return head === 0xc3;
    if (head === 0xcb) return bytes.readDoubleBE(take(8));
    if (head === 0xd3) return Number(bytes.readBigInt64BE(take(8)));
    if (head === 0xdb) return text(bytes.readUInt32BE(take(4)));
    if (head !== 0xd7 || bytes.readUInt8(take(1)) !== 0) throw new Error(`a byte ${head}`);
    return { seconds: bytes.readUInt32BE(take(4)), nanoseconds: bytes.readUInt32BE(take(4)) };
  };
  const text = (length: number): string => bytes.subarray(take(length), at).toString('utf8');
  const list = (length: number): unknown[] => Array.from({ length }, read);
  const map = (length: number): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length }, () => [read(), read()]));
  return read();
}

async function start(onMessage: (socket: Socket, chunk: string) => void) {
  const messages: unknown[] = [];
  const server: Server = createServer((socket) => {
    undo.push(() => socket.destroy());
    socket.on('data', (bytes) => {
      const message = reader(bytes) as [string, unknown[], { chunk: string }];
      messages.push(message);
      onMessage(socket, message[2].chunk);
    });
  });
  undo.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { messages, address: `127.0.0.1:${address.port}` };
}

async function build(address: string): Promise<Handler> {
  const adapter = createFluentd(openForward);
  const parsed = adapter.parse({ address, pushTimeout: '0.3s' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const handler = await adapter.build(parsed.value, testContext());
  undo.push(() => void handler.close?.());
  return handler;
}

const entry = instanceOf('logentry', 'log', {
  severity: 'warning',
  timestamp: new Timestamp(1_600_000_000_000_000_005n),
  variables: { code: 503n, path: '/'.repeat(40), isLate: true },
});

const acknowledge = (socket: Socket, chunk: string): void => {
  socket.write(
    Buffer.concat([Buffer.from('\x81\xa3ack', 'latin1'), Buffer.of(0xa0 | chunk.length), Buffer.from(chunk)]),
  );
};

describe('fluentd', () => {
  it('[MX-6] gets entries in batches and acknowledges them', async () => {
    const { messages, address } = await start(acknowledge);
    const handler = await build(address);
    await handler.report?.([entry, entry], signal);
    const time = { seconds: 1_600_000_000, nanoseconds: 5 };
    const record = { severity: 'warning', code: 503, path: '/'.repeat(40), isLate: true };
    expect(messages).toEqual([
      [
        'log.instance.default',
        [
          [time, record],
          [time, record],
        ],
        { size: 2, chunk: expect.any(String) },
      ],
    ]);
  });

  it('[MX-11] fails when nothing is acknowledged, and works again on a new connection', async () => {
    let how: 'silent' | 'hang-up' | 'well' = 'silent';
    const { address } = await start((socket, chunk) => {
      if (how === 'well') acknowledge(socket, chunk);
      if (how === 'hang-up') socket.destroy();
    });
    const handler = await build(address);
    await expect(Promise.resolve(handler.report?.([entry], signal))).rejects.toThrow('in time');
    how = 'hang-up';
    await expect(Promise.resolve(handler.report?.([entry], signal))).rejects.toThrow();
    how = 'well';
    await handler.report?.([entry], signal);
  });
});
