// One HTTP request over a Unix socket or to a port of this machine; an unreachable socket is a value, never an exception.
import { request as httpRequest, type IncomingMessage } from 'node:http';

export interface SocketRequest {
  /** A path, or `HOST:PORT`. */
  readonly socket: string;
  readonly path: string;
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export type SocketAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  | { readonly kind: 'unreachable'; readonly reason: string; readonly isAbsent: boolean };

/** Answers larger than this are cut off: nothing we ask for is. */
const answerLimit = 512 * 1024 * 1024;

const absentCodes = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

export function requestSocket(request: SocketRequest): Promise<SocketAnswer> {
  const { socket, path, method = 'GET', body, timeoutMs = 30_000 } = request;
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve) => {
    const unreachable = (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'unreachable', reason: error.message, isAbsent: absentCodes.has(error.code ?? '') });
    const headers = {
      ...request.headers,
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': payload.length }),
    };
    const outgoing = httpRequest({ ...placeOf(socket), path, method, headers, agent: false }, (response) => {
      readAll(response).then(
        (text) => resolve({ kind: 'answered', status: response.statusCode ?? 0, text }),
        unreachable,
      );
    });
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
    );
    outgoing.once('error', unreachable);
    outgoing.end(payload);
  });
}

function placeOf(socket: string): { socketPath: string } | { host: string; port: number } {
  const [, host, port] = /^\[?([^/]*?)\]?:(\d{1,5})$/.exec(socket) ?? [];
  return host === undefined ? { socketPath: socket } : { host, port: Number(port) };
}

async function readAll(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response) {
    const bytes = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
    length += bytes.length;
    if (length > answerLimit) throw new Error('the answer is too long');
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}
