// Connections through a sidecar that redirects nothing: CONNECT to its HTTP proxy, then whatever the program says.
import { connect, type Socket } from 'node:net';

export interface Tunnel {
  readonly status: number;
  readonly socket: Socket;
}

/** Asks the proxy `IP:PORT` for a tunnel to `HOST:PORT`. What the server says at once is already in the socket. */
export function openTunnel(proxy: string, target: string): Promise<Tunnel> {
  const [host = '', port = ''] = proxy.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let head = '';
    const timer = setTimeout(() => socket.destroy(new Error(`no answer to CONNECT ${target}`)), 10_000);
    const onData = (part: Buffer): void => {
      head += part.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      clearTimeout(timer);
      socket.off('data', onData).off('error', reject).pause();
      const rest = head.slice(end + 4);
      if (rest !== '') socket.unshift(Buffer.from(rest, 'latin1'));
      resolve({ status: Number(head.slice(9, 12)), socket });
    };
    socket.on('error', reject).on('data', onData);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  });
}

export interface Dial {
  readonly proxy: string;
  readonly target: string;
  /** Said once the tunnel is open. */
  readonly say?: string;
  /** What the answer ends with; without it all until the end. */
  readonly until?: string;
  readonly timeoutMs?: number;
}

/** All that the server said, or `status CODE` when the proxy refused. An end without a word is the empty text. */
export async function dial({ proxy, target, say, until = '\n', timeoutMs = 10_000 }: Dial): Promise<string> {
  const { status, socket } = await openTunnel(proxy, target);
  if (status !== 200) {
    socket.destroy();
    return `status ${status}`;
  }
  return new Promise((resolve) => {
    let text = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      if (text.endsWith(until)) end();
    });
    socket.on('error', end).on('close', end);
    if (say !== undefined) socket.write(say);
    socket.resume();
  });
}

/** How often each answer came in `count` connections, `width` of them at a time. */
export async function tallyDials(call: Dial, count: number, width = 20): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = (await dial(call)).trim();
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return counts;
}
