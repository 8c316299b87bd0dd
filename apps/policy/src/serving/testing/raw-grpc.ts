// One call by hand, over a connection with whatever TLS a test wants.
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

const deadlineMs = 10_000;

/** Resolves once TLS is agreed on; rejects when the other end does not want it. */
export function openTls(address: string, options: ConnectionOptions): Promise<TLSSocket> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port: Number(port), checkServerIdentity: () => undefined, ...options });
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error('timed out')));
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

export interface RawCall {
  readonly path: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawAnswer {
  readonly code: number;
  readonly message: string;
}

/** The gRPC status of the answer; rejects when the connection breaks. */
export function rawCall(
  socket: TLSSocket,
  { path, body = new Uint8Array(), headers = {} }: RawCall,
): Promise<RawAnswer> {
  const session = connectHttp2('http://policy', { createConnection: () => socket });
  const frame = Buffer.alloc(5 + body.length);
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, 5);
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    session.once('close', () => reject(new Error('closed')));
    const grpc = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...grpc, ...headers });
    const settle = (fields: Readonly<Record<string, unknown>>): void => {
      const { 'grpc-status': code, 'grpc-message': message = '' } = fields;
      if (code !== undefined) resolve({ code: Number(code), message: decodeURIComponent(String(message)) });
    };
    stream.on('response', settle).on('trailers', settle).on('error', reject);
    stream.on('end', () => session.close()).resume();
    stream.end(frame);
  });
}

/** JSON over HTTP/1.1: status and body. */
export function rawJson(
  address: string,
  { path, headers = {}, ...tls }: Omit<RawCall, 'body'> & Omit<ConnectionOptions, 'path'>,
): Promise<{ readonly status: number; readonly body: string }> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...{ host, port, path, method: 'POST', timeout: deadlineMs, agent: false },
        ...{ checkServerIdentity: () => undefined, ...tls },
        headers: { 'content-type': 'application/json', ...headers },
      },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    call.on('timeout', () => call.destroy(new Error('timed out')));
    call.on('error', reject).end('{}');
  });
}
