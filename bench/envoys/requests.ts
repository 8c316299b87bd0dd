// Requests through a sidecar's HTTP proxy port, and a server that answers them.
import { Agent, createServer, request, type Server } from 'node:http';
import { nowMs } from '../measure/clock.ts';

export interface Destination {
  readonly address: string;
  readonly port: number;
  /** Goes into the Host header and into the request line, as a proxy wants it. */
  readonly host: string;
}

/** Milliseconds until the whole answer is there; throws unless it is 200. */
export function timeRequest({ address, port, host }: Destination, agent: Agent): Promise<number> {
  const startMs = nowMs();
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: address, port, path: `http://${host}/`, headers: { host }, agent, timeout: 20_000 },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(nowMs() - startMs)
            : reject(new Error(`${host} answered ${response.statusCode}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error(`${host} did not answer`)));
    sent.end();
  });
}

export const keepAliveAgent = (sockets: number): Agent => new Agent({ keepAlive: true, maxSockets: sockets });

export interface Backend {
  readonly port: number;
  close(): void;
}

/** Answers every request on one port of several loopback addresses. */
export async function startBackend(addresses: readonly string[]): Promise<Backend> {
  const servers: Server[] = [];
  let port = 0;
  for (const address of addresses) {
    const server = createServer((_request, response) => response.end('ok'));
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) port = bound.port;
    servers.push(server);
  }
  return {
    port,
    close: () => {
      for (const server of servers) server.close().closeAllConnections();
    },
  };
}
