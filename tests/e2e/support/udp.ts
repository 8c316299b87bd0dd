// Datagrams as an unmodified program sends them: one socket, one answer for each.
import { createSocket, type Socket } from 'node:dgram';

export interface UdpClient extends Disposable {
  /** The answer; undefined when none came in time, or the address refused. */
  ask(message: string | Buffer, timeoutMs?: number): Promise<Buffer | undefined>;
}

/** A socket that is connected to `HOST:PORT`. */
export async function udpClient(place: string): Promise<UdpClient> {
  const colon = place.lastIndexOf(':');
  const socket = createSocket('udp4');
  // Refusals arrive as errors; they are told as an answer that did not come.
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) =>
    socket.connect(Number(place.slice(colon + 1)), place.slice(0, colon), resolve),
  );
  return {
    ask: (message, timeoutMs = 1_000) => ask(socket, message, timeoutMs),
    [Symbol.dispose]: () => socket.close(),
  };
}

function ask(socket: Socket, message: string | Buffer, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const end = (answer: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.off('message', end).off('error', refused);
      resolve(answer);
    };
    const refused = (): void => end(undefined);
    const timer = setTimeout(refused, timeoutMs);
    socket.once('message', end).once('error', refused);
    socket.send(message);
  });
}

/** The answer to one datagram of a socket of its own. */
export async function askOnce(
  place: string,
  message = 'who',
  timeoutMs = 1_000,
): Promise<string | undefined> {
  using client = await udpClient(place);
  return (await client.ask(message, timeoutMs))?.toString();
}
