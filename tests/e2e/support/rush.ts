// Many requests in a short time: keep-alive connections to an HTTP proxy, one request at a time on each, no bodies.
import { connect } from 'node:net';

export interface Rush {
  /** Where the HTTP proxy is. */
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly count: number;
  readonly connections?: number;
  /** Path and headers of each request. */
  readonly request?: (index: number) => { readonly path?: string; readonly headers?: Record<string, string> };
  /** Where the client comes from. */
  readonly localAddress?: string;
}

export interface RushAnswer {
  readonly status: number;
  /** The backend's name; empty when the proxy answered by itself. */
  readonly backend: string;
  readonly head: string;
}

/** The answers in the order of the requests. Rejects when a connection ends early. */
export async function rush(options: Rush): Promise<readonly RushAnswer[]> {
  const answers: RushAnswer[] = [];
  let next = 0;
  const take = (): number | undefined => (next < options.count ? next++ : undefined);
  const connections = Math.min(options.connections ?? 16, options.count);
  await Promise.all(Array.from({ length: connections }, () => drive(options, take, answers)));
  return answers;
}

function drive(options: Rush, take: () => number | undefined, answers: RushAnswer[]): Promise<void> {
  const { address, port, localAddress } = options;
  return new Promise((resolve, reject) => {
    let text = '';
    let current: number | undefined;
    let isDone = false;
    const socket = connect({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) });
    const send = (): void => {
      current = take();
      isDone = current === undefined;
      if (current === undefined) socket.end();
      else socket.write(headOf(options, current));
    };
    socket
      .setNoDelay(true)
      .setEncoding('latin1')
      .setTimeout(20_000, () => socket.destroy(new Error('no answer')));
    socket.once('connect', send).once('error', reject);
    socket.once('close', () => (isDone ? resolve() : reject(new Error(`the connection ended: ${text}`))));
    socket.on('data', (part: string) => {
      text += part;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      text = text.slice(end + 4 + length);
      if (current !== undefined) answers[current] = answerOf(head);
      send();
    });
  });
}

function headOf({ host, request }: Rush, index: number): string {
  const { path = '/', headers = {} } = request?.(index) ?? {};
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET http://${host}${path} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}\r\n`;
}

const answerOf = (head: string): RushAnswer => ({
  status: Number(head.slice(9, 12)),
  backend: /^x-backend: (\S+)/im.exec(head)?.[1] ?? '',
  head,
});

/** How often each word comes. */
export function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** χ² of what was counted against shares; each of them is expected to be there. */
export function chiSquare(
  counts: Readonly<Record<string, number>>,
  shares: Readonly<Record<string, number>>,
): number {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const whole = Object.values(shares).reduce((sum, share) => sum + share, 0);
  return Object.entries(shares).reduce((sum, [name, share]) => {
    const expected = (total * share) / whole;
    return sum + ((counts[name] ?? 0) - expected) ** 2 / expected;
  }, 0);
}
