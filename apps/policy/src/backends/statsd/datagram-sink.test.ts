// Datagrams to a real socket: they arrive whole, and that nobody is there is noticed.
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, expect, it } from 'vitest';
import { openDatagramSink } from './datagram-sink.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function listen(port = 0): Promise<{ socket: Socket; seen: string[]; port: number }> {
  const socket = createSocket('udp4');
  const seen: string[] = [];
  socket.on('message', (bytes) => seen.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', () => resolve()));
  open.push(socket);
  return { socket, seen, port: socket.address().port };
}

it('[F20] tells that nobody listens, and goes on when somebody does again', async () => {
  const first = await listen();
  const sink = openDatagramSink(`127.0.0.1:${first.port}`);
  open.push(sink);
  await sink.send('one');
  await expect.poll(() => first.seen, { timeout: 10_000 }).toEqual(['one']);
  open.shift();
  await new Promise<void>((resolve) => first.socket.close(() => resolve()));
  const sent = await Promise.allSettled(['two', 'three', 'four'].map((each) => sink.send(each)));
  expect(sent.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  const second = await listen(first.port);
  await sink.send('five');
  await expect.poll(() => second.seen, { timeout: 10_000 }).toEqual(['five']);
});

it('looks up names, and takes nothing after it was closed', async () => {
  const { seen, port } = await listen();
  const sink = openDatagramSink(`localhost:${port}`);
  await sink.send('named');
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['named']);
  sink.close();
  await expect(sink.send('late')).rejects.toThrow('closed');
  await expect(openDatagramSink('nowhere.invalid:1').send('x')).rejects.toThrow();
});
