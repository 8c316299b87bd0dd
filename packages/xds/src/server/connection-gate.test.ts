// Connections at the gate: as many as may come, in turn, and not for ever.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type ConnectionLimits, createConnectionGate } from './connection-gate.ts';

const roomy: ConnectionLimits = {
  connections: 100,
  strangers: 100,
  introductionMs: 60_000,
  connectionBurst: 100,
  connectionsPerSecond: 1,
};

/** Time that passes only when it is told to. */
function manualClock() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    after(delayMs: number, run: () => void) {
      const timer = { atMs: nowMs + delayMs, run };
      timers.add(timer);
      return { [Symbol.dispose]: () => void timers.delete(timer) };
    },
    pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers].filter(({ atMs }) => atMs <= nowMs)) {
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function open(limits: Partial<ConnectionLimits>) {
  const clock = manualClock();
  const passed: Socket[] = [];
  const gate = createConnectionGate({
    limits: { ...roomy, ...limits },
    clock,
    pass: (socket) => void passed.push(socket.resume()),
  });
  let accepted = 0;
  const server: Server = createServer((socket) => {
    gate.accept(socket);
    accepted += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  closers.push(() => {
    gate[Symbol.dispose]();
    for (const socket of passed) socket.destroy();
    server.close();
  });
  const knock = async (host = '127.0.0.1') => {
    const before = accepted;
    const socket = connect({ host: '127.0.0.1', port, localAddress: host });
    socket.on('error', () => undefined).resume();
    const end = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    closers.push(() => socket.destroy());
    while (accepted === before) await new Promise((resolve) => setImmediate(resolve));
    return { socket, end };
  };
  return { clock, gate, passed, knock };
}

it('passes a burst, and then one at a time, host by host', async () => {
  const { clock, passed, knock } = await open({ connectionBurst: 1 });
  await knock('127.0.0.1');
  for (let i = 0; i < 3; i++) await knock('127.0.0.2');
  await knock('127.0.0.3');
  expect(passed).toHaveLength(1);
  clock.pass(1_000);
  clock.pass(1_000);
  expect(passed.map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  clock.pass(1_000);
  clock.pass(1_000);
  expect(passed).toHaveLength(5);
});

it('closes the one that is too many', async () => {
  const { gate, passed, knock } = await open({ connections: 2 });
  await knock();
  await knock();
  await (await knock()).end;
  expect([passed.length, gate.refused]).toEqual([2, 1]);
});

it('closes the oldest stranger when there are too many, and nobody who is known', async () => {
  const { gate, passed, knock } = await open({ strangers: 2 });
  const known = await knock();
  gate.introduce(`127.0.0.1:${known.socket.localPort}`);
  const oldest = await knock();
  await knock();
  await knock();
  await oldest.end;
  expect([passed.length, gate.refused, known.socket.destroyed]).toEqual([4, 1, false]);
});

it('closes strangers that are not introduced in time', async () => {
  const { clock, gate, knock } = await open({ introductionMs: 100 });
  const known = await knock();
  gate.introduce(`127.0.0.1:${known.socket.localPort}`);
  const first = await knock();
  clock.pass(60);
  const second = await knock();
  clock.pass(50);
  await first.end;
  expect(second.socket.destroyed).toBe(false);
  clock.pass(50);
  await second.end;
  expect([gate.refused, known.socket.destroyed]).toEqual([2, false]);
});
