// Passes a query on to a name server of the host, byte for byte, and its answer back; nothing is cached or changed.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, isIP } from 'node:net';

export type Transport = 'udp' | 'tcp';

/** Where foreign names are asked: `address` or `address:port` for IPv4, `[address]:port` for IPv6. */
export type Upstream = string;

/** The name servers of the host itself. */
export function hostNameServers(path = '/etc/resolv.conf'): Upstream[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const server = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return server !== undefined && isIP(server) !== 0 ? [isIP(server) === 6 ? `[${server}]:53` : server] : [];
  });
}

interface Place {
  readonly address: string;
  readonly port: number;
}

function placeOf(upstream: Upstream): Place {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(upstream);
  return { address: match?.[1] ?? match?.[2] ?? '', port: Number(match?.[3] ?? 53) };
}

/** The first answer of the servers, asked one after another; undefined when none answers in time. */
export async function askUpstreams(
  message: Buffer,
  transport: Transport,
  upstreams: readonly Upstream[],
  timeoutMs: number,
): Promise<Buffer | undefined> {
  for (const upstream of upstreams) {
    const ask = transport === 'udp' ? askByDatagram : askByStream;
    const answer = await ask(message, placeOf(upstream), timeoutMs);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** Each query has a socket of its own: a port that cannot be guessed, connected to one server. */
function askByDatagram(message: Buffer, place: Place, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(place.address) === 6 ? 'udp6' : 'udp4');
    const finish = (answer?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(finish, timeoutMs);
    socket.once('error', () => finish());
    socket.on('message', (answer) => {
      if (answersTo(message, answer)) finish(answer);
    });
    socket.connect(place.port, place.address, () => socket.send(message));
  });
}

function askByStream(message: Buffer, place: Place, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: place.address, port: place.port });
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const answer = received.subarray(2, 2 + (received.length >= 2 ? received.readUInt16BE(0) : 0));
      resolve(answersTo(message, answer) ? answer : undefined);
    });
    socket.write(frame(message));
  });
}

const answersTo = (query: Buffer, answer: Buffer): boolean =>
  answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0) && (answer[2] ?? 0) >= 0x80;

/** A message as it travels over TCP: its length first (RFC 1035, 4.2.2). */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.alloc(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}
