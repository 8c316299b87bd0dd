// TLS clients of any kind: what the server shows, what it answers, and why it refuses.
import { X509Certificate } from 'node:crypto';
import { type Agent, request } from 'node:https';
import { type ConnectionOptions, connect } from 'node:tls';
import type { Answer } from './http.ts';

export interface TlsCall {
  readonly port: number;
  readonly name: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: ConnectionOptions;
  /** Keeps connections; otherwise every request has one of its own. */
  readonly agent?: Agent;
}

/** One HTTPS request on a connection of its own; rejects when there is no answer. */
export function fetchTls({
  port,
  name,
  path = '/',
  headers = {},
  options = {},
  agent,
}: TlsCall): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        servername: name,
        path,
        headers: { host: name, ...headers },
        agent: agent ?? false,
        timeout: 10_000,
        ...options,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject).end();
  });
}

export interface Handshake {
  readonly protocol: string | null;
  readonly cipher: string;
  readonly alpn: string | false | null;
  readonly certificate: X509Certificate;
}

/** A handshake and no more; rejects when the server refuses it at once. */
export function shakeHands({ port, name, options = {} }: TlsCall): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, servername: name, rejectUnauthorized: false, ...options },
      () => {
        const { raw } = socket.getPeerCertificate();
        resolve({
          protocol: socket.getProtocol(),
          cipher: socket.getCipher().name,
          alpn: socket.alpnProtocol,
          certificate: new X509Certificate(raw),
        });
        socket.destroy();
      },
    );
    socket.setTimeout(10_000, () => socket.destroy(new Error('timed out')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}
