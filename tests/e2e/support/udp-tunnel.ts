// The client's end of a UDP tunnel by hand, to ask a sidecar for what no sidecar would ask; and a relay that sees the wire.
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Credentials } from './identity.ts';

export interface TunnelRequest {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly method?: 'connect-udp' | 'connect' | 'GET';
  readonly credentials: Partial<Credentials> & Pick<Credentials, 'rootsPem'>;
}

/** The status of the answer, or what became of the connection. */
export function openTunnel(wanted: TunnelRequest): Promise<number | string> {
  const { address, port, path, credentials, method = 'connect-udp' } = wanted;
  return new Promise((resolve) => {
    const socket = connectTls({
      host: address,
      port,
      ca: credentials.rootsPem,
      cert: credentials.certificatesPem,
      key: credentials.privateKeyPem,
      ALPNProtocols: ['xebec-udp', 'h2'],
      checkServerIdentity: () => undefined,
    });
    const end = (outcome: number | string): void => {
      resolve(outcome);
      socket.destroy();
    };
    socket.on('error', (error) => end(String(error)));
    socket.on('close', () => end('closed'));
    socket.on('secureConnect', () => {
      const session = connectHttp2(`https://${address}`, { createConnection: () => socket });
      session.on('error', (error) => end(String(error)));
      session.on('remoteSettings', () => {
        const stream = session.request({ ...pseudoHeaders(method, path), 'capsule-protocol': '?1' });
        stream.on('response', (headers) => end(Number(headers[':status'])));
        stream.on('error', (error) => end(String(error)));
      });
    });
  });
}

function pseudoHeaders(method: 'connect-udp' | 'connect' | 'GET', path: string): Record<string, string> {
  if (method === 'connect') return { ':method': 'CONNECT', ':authority': path };
  const target = { ':scheme': 'https', ':path': path, ':authority': 'application' };
  if (method === 'GET') return { ...target, ':method': 'GET' };
  return { ...target, ':method': 'CONNECT', ':protocol': 'connect-udp' };
}

export interface Relay extends Disposable {
  readonly port: number;
  /** All bytes that went either way. */
  bytes(): Buffer;
}

/** Passes connections on to `HOST:PORT` and keeps what they carry. */
export async function startRelay(address: string, to: { host: string; port: number }): Promise<Relay> {
  const parts: Buffer[] = [];
  const server = createServer((from) => {
    const upstream = connectTcp(to.port, to.host);
    for (const [source, sink] of [
      [from, upstream],
      [upstream, from],
    ] as const) {
      source.on('data', (part) => {
        parts.push(part);
        sink.write(part);
      });
      source.on('close', () => sink.destroy());
      source.on('error', () => sink.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    bytes: () => Buffer.concat(parts),
    [Symbol.dispose]: () => server.close(),
  };
}
