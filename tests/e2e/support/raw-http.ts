// HTTP/1.1 as no library would send it: the text as it is, and all that comes back.
import { connect } from 'node:net';

export interface RawCall {
  /** `IP:PORT`. */
  readonly to: string;
  /** One byte a letter. */
  readonly text: string;
  /** The answer is complete; without it all until the other side closes. */
  readonly isDone?: (answer: string) => boolean;
  readonly timeoutMs?: number;
}

export function sendRaw({ to, text, isDone, timeoutMs = 5_000 }: RawCall): Promise<string> {
  const colon = to.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connect(Number(to.slice(colon + 1)), to.slice(0, colon));
    let answer = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.on('data', (part: Buffer) => {
      answer += part.toString('latin1');
      if (isDone?.(answer) === true) end();
    });
    socket.on('error', end).on('close', end);
    socket.write(Buffer.from(text, 'latin1'));
  });
}

/** A request that ends the connection, with lines of headers as they are. */
export const requestText = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, 'host: echo', 'connection: close', ...headers, '', ''].join('\r\n');

/** The statuses of all answers in it. */
export const statusesIn = (answer: string): readonly number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** There is one whole answer; its end is told by its length. */
export function isOneAnswer(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(answer.slice(0, end + 2))?.[1];
  return end > -1 && length !== undefined && answer.length >= end + 4 + Number(length);
}
