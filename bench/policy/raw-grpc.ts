// gRPC with as little client as possible: frames on HTTP/2, so that what is measured is the service and not who asks.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { Identity } from '../envoys/identities.ts';

export interface RawGrpc {
  /** Sends one message, resolves with the answer's bytes; rejects unless the status is OK. */
  call(path: string, message: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Buffer>;
  /** Opens a stream of messages. */
  open(path: string, headers?: Readonly<Record<string, string>>): RawStream;
  close(): void;
}

export interface RawStream {
  /** Resolves when the connection takes more. */
  send(message: Uint8Array): Promise<void>;
  /** Ends the requests; resolves when the service has ended its side. */
  end(): Promise<void>;
}

const prefixBytes = 5;

export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + message.length);
  bytes.writeUInt8(0, 0);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, prefixBytes);
  return bytes;
}

/** `protocol`: what the connection is for, by ALPN: programs speak `h2`, proxies their own. */
export function openRawGrpc(address: string, identity: Identity, protocol = 'h2'): RawGrpc {
  const [host = '', port = ''] = address.split(':');
  const session = connect(`https://${address}`, {
    createConnection: () =>
      connectTls({
        ...{ host, port: Number(port), ALPNProtocols: [protocol] },
        ca: identity.rootsPem,
        cert: identity.certificatesPem,
        key: identity.privateKeyPem,
        // The name in a certificate of the mesh is no host name, and an address is none to ask for.
        servername: '',
        checkServerIdentity: () => undefined,
      }),
  });
  session.on('error', () => undefined);
  const start = (path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream =>
    session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  return {
    call: (path, message, headers) => unary(start(path, headers), message),
    open: (path, headers) => streaming(start(path, headers)),
    close: () => closeSession(session),
  };
}

function closeSession(session: ClientHttp2Session): void {
  if (!session.destroyed) session.destroy();
}

function unary(stream: ClientHttp2Stream, message: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let status: string | undefined;
    const note = (headers: { readonly [name: string]: unknown }): void => {
      const said = headers['grpc-status'];
      if (said !== undefined) status = String(said);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', reject);
    stream.on('close', () => {
      if (status === '0') resolve(Buffer.concat(parts).subarray(prefixBytes));
      else reject(new Error(`the policy service answered ${status ?? 'nothing'}`));
    });
    stream.end(frame(message));
  });
}

function streaming(stream: ClientHttp2Stream): RawStream {
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.on('error', () => undefined);
  stream.resume();
  return {
    async send(message) {
      if (stream.destroyed) throw new Error('the policy service ended the stream');
      if (stream.write(frame(message))) return;
      await Promise.race([closed, new Promise<void>((resolve) => stream.once('drain', resolve))]);
    },
    async end() {
      stream.end();
      await closed;
    },
  };
}
