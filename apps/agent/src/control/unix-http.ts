// HTTP over a Unix socket: one request, its whole answer bounded in size and time.
import http from 'node:http';

export interface UnixRequest {
  readonly socketPath: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  /** Default 10000. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface UnixAnswer {
  readonly status: number;
  readonly body: string;
}

const mostBytes = 256 * 1024 * 1024;

/** Rejects when there is no answer in time, or none that ends. */
export function requestUnix(request: UnixRequest): Promise<UnixAnswer> {
  const { socketPath, method, path, body, timeoutMs = 10_000 } = request;
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      socketPath,
      method,
      path,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        host: 'localhost',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      collectText(incoming, mostBytes).then((text) => {
        resolve({ status: incoming.statusCode ?? 0, body: text });
      }, reject);
    });
    outgoing.end(body);
  });
}

/** The whole body as text; rejects when it is longer than `limitBytes`. */
export async function collectText(incoming: http.IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > limitBytes) throw new Error(`the answer is longer than ${limitBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
