// The agent's DNS server: answers mesh names for the workloads it knows by address, and nobody else.
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { createMessageHandler, type DnsAnswerOptions, type MessageHandler } from './message-handler.ts';
import { frame } from './upstream.ts';

export interface DnsServerOptions extends DnsAnswerOptions {
  readonly address: string;
  /** 0 for any free port. */
  readonly port: number;
}

export interface DnsServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

const maximumConnections = 256;
const idleConnectionMs = 10_000;

/** Listens on UDP and TCP of the same port. */
export async function startDnsServer(options: DnsServerOptions): Promise<Result<DnsServer>> {
  const handle = createMessageHandler(options);
  const connections = new Set<Socket>();
  const streams = createServer((socket) => serveConnection(socket, connections, handle));
  streams.maxConnections = maximumConnections;
  const datagrams = createSocket({ type: options.address.includes(':') ? 'udp6' : 'udp4' });
  try {
    const port = await listenStreams(streams, options.address, options.port);
    await bindDatagrams(datagrams, options.address, port);
    serveDatagrams(datagrams, handle);
    const close = async (): Promise<void> => {
      for (const socket of connections) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => streams.close(() => resolve())),
        new Promise<void>((resolve) => datagrams.close(() => resolve())),
      ]);
    };
    return succeed({ address: options.address, port, close, [Symbol.asyncDispose]: close });
  } catch (error) {
    streams.close();
    datagrams.close();
    return fail(cannotListen(options, error));
  }
}

function cannotListen({ address, port }: DnsServerOptions, error: unknown): Diagnostic {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    severity: 'error',
    code: 'dns-port-unavailable',
    message: `the DNS server cannot listen on ${address}:${port}: ${reason}`,
    remedy: `find what listens on port ${port} of all addresses ("ss -lnp") and stop it`,
  };
}

function listenStreams(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function bindDatagrams(socket: DatagramSocket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function serveDatagrams(socket: DatagramSocket, handle: MessageHandler): void {
  // A client that has gone shows as an error of the socket; the next client is served all the same.
  socket.on('error', () => {});
  socket.on('message', (message, client) => {
    void handle(message, client.address, 'udp').then((answer) => {
      if (answer !== undefined) sendDatagram(socket, answer, client.port, client.address);
    });
  });
}

function sendDatagram(socket: DatagramSocket, answer: Buffer, port: number, address: string): void {
  try {
    socket.send(answer, port, address, () => {});
  } catch {
    // The server was closed while the answer was made.
  }
}

function serveConnection(socket: Socket, connections: Set<Socket>, handle: MessageHandler): void {
  connections.add(socket);
  const client = socket.remoteAddress ?? '';
  let received = Buffer.alloc(0);
  socket.setTimeout(idleConnectionMs, () => socket.destroy());
  socket.on('close', () => connections.delete(socket));
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const message = received.subarray(2, end);
      received = received.subarray(end);
      void handle(message, client, 'tcp').then((answer) => {
        if (answer !== undefined && socket.writable) socket.write(frame(answer));
      });
    }
  });
}
