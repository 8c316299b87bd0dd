// Raw requests and connections as a random client sends them, and what came of them.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Client, Request } from './random-calls.ts';

export interface ClientCredentials {
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
}

export interface Destination {
  readonly address: string;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

const timeoutMs = 10_000;

function open(client: Client, to: Destination, credentials: ClientCredentials | undefined): Socket {
  const socket = connectPlain({ host: to.address, port: to.port, localAddress: client.ip });
  if (credentials === undefined) return socket;
  return connectTls({
    socket,
    cert: credentials.certificatesPem,
    key: credentials.privateKeyPem,
    rejectUnauthorized: false,
    ...(client.sni === '' ? {} : { servername: client.sni }),
  });
}

const textOf = ({ method, path, host, headers }: Request, extra: readonly [string, string]): string =>
  [
    `${method} ${path} HTTP/1.1`,
    `host: ${host}`,
    ...[extra, ...headers].map(([name, value]) => `${name}: ${value}`),
    'content-length: 0',
    '',
    '',
  ].join('\r\n');

/** A connection that is opened when it is needed, again after each end, and carries one request at a time. */
export class RequestChannel {
  private socket: Socket | undefined;
  private readonly open: () => Socket;

  constructor(client: Client, to: Destination, credentials: ClientCredentials | undefined) {
    this.open = () => open(client, to, credentials);
  }

  /** Once more when the connection was ending: nobody has answered then. */
  async send(request: Request, extra: readonly [string, string]): Promise<Answer | undefined> {
    const isUsed = this.socket !== undefined;
    const answer = await this.sendOnce(request, extra);
    return answer === undefined && isUsed ? this.sendOnce(request, extra) : answer;
  }

  private sendOnce(request: Request, extra: readonly [string, string]): Promise<Answer | undefined> {
    const socket = this.socket ?? this.open();
    this.socket = socket;
    return new Promise((resolve) => {
      let text = '';
      const end = (answer: Answer | undefined, isOver: boolean): void => {
        clearTimeout(timer);
        socket.removeAllListeners();
        socket.on('error', () => undefined);
        if (isOver) this.close();
        resolve(answer);
      };
      const timer = setTimeout(() => end(undefined, true), timeoutMs);
      socket.on('error', () => end(answerIn(text), true)).on('close', () => end(answerIn(text), true));
      socket.on('data', (part: Buffer) => {
        text += part.toString('latin1');
        const answer = answerIn(text);
        if (answer !== undefined) end(answer, answer.headers.get('connection') === 'close');
      });
      socket.write(Buffer.from(textOf(request, extra), 'latin1'));
    });
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }
}

/** A whole answer, as soon as there is one. */
function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  if (text.length < end + 4 + Number(headers.get('content-length') ?? 0)) return undefined;
  return { status: Number(line.split(' ')[1]), headers };
}

/** Undefined when nothing comes back for long. Whether a connection reaches the greeting server behind it. */
export function isLetIn(
  client: Client,
  to: Destination,
  credentials?: ClientCredentials,
): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = open(client, to, credentials);
    const end = (result: boolean | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(undefined), timeoutMs);
    socket.on('data', () => end(true)).on('close', () => end(false));
    socket.on('error', () => end(false));
    socket.write('a client that speaks first');
  });
}
