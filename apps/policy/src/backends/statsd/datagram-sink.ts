// Datagrams over UDP. Rule: sending never waits for the other end; that nobody listens there is noticed where its machine says so, and a name is looked up again after a failure and every half minute.
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { DatagramSink } from '@xebec/policy';

const lookupMs = 30_000;

export function openDatagramSink(address: string, now: () => number = Date.now): DatagramSink {
  const colon = address.lastIndexOf(':');
  const to = {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
  };
  let held: { readonly opening: Promise<Connected>; readonly sinceMs: number } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const drop = (): void => {
    held?.opening.then(close, () => undefined);
    held = undefined;
  };
  const send = async (datagram: string): Promise<void> => {
    if (isClosed) throw new Error('closed');
    if (held !== undefined && now() >= held.sinceMs + lookupMs) drop();
    held ??= { opening: connected(to), sinceMs: now() };
    try {
      await sendOver(await held.opening, datagram);
    } catch (error) {
      drop();
      throw error;
    }
  };
  return {
    send(datagram) {
      const next = last.then(() => send(datagram));
      last = next.catch(() => undefined);
      return next;
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}

interface Connected {
  readonly socket: Socket;
  /** What the other end's machine said of a datagram that was sent. */
  refusal: Error | undefined;
}

async function connected({ host, port }: { host: string; port: number }): Promise<Connected> {
  const { address, family } = await lookup(host, { verbatim: false });
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  socket.unref();
  const connection: Connected = { socket, refusal: undefined };
  socket.on('error', (error) => {
    connection.refusal = error;
  });
  await new Promise<void>((opened, failed) => {
    socket.connect(port, address, (error?: Error) => (error === undefined ? opened() : failed(error)));
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  return connection;
}

const close = ({ socket }: Connected): void => {
  socket.close();
};

/** On this machine a refusal is there in the next turn; from afar it comes later and is told of a later datagram. */
async function sendOver(connection: Connected, datagram: string): Promise<void> {
  await new Promise<void>((sent, failed) => {
    connection.socket.send(datagram, (error) => (error === null ? sent() : failed(error)));
  });
  await turn();
  const { refusal } = connection;
  connection.refusal = undefined;
  if (refusal !== undefined) throw refusal;
}
