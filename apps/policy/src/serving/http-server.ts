// The HTTP port of the policy service: health for everybody, metrics for who has the token; the doors add the routes under /v1.
import { TLSSocket } from 'node:tls';
import { type MetricsAccess, refuseMetrics } from '@xebec/ca';
import { type Result, succeed } from '@xebec/std';
import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { mostMessageBytes } from '../doors/limits.ts';
import { cannotListen } from './cannot-listen.ts';
import { hostAndPort } from './host-and-port.ts';

export interface HttpServerOptions {
  readonly registry: Registry;
  readonly access: MetricsAccess | undefined;
  /** Undefined: it is ready; otherwise why not. */
  readonly unready: () => string | undefined;
}

/** Milliseconds for a request to come, and for a connection to be of use. */
const patience = { connectionTimeout: 30_000, requestTimeout: 10_000, keepAliveTimeout: 30_000 };
const mostConnections = 1_024;

export function newHttpServer({ registry, access, unready }: HttpServerOptions): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, bodyLimit: mostMessageBytes, ...patience });
  server.server.maxConnections = mostConnections;
  // What comes with the mesh's TLS may come from anywhere: only what programs ask is answered there.
  server.addHook('onRequest', async ({ raw }, reply) => {
    const isApi = raw.method === 'POST' && raw.url?.startsWith('/v1/') === true;
    if (raw.socket instanceof TLSSocket && !isApi) return reply.code(404).send();
  });
  server.get('/healthz', () => 'ok\n');
  server.get('/ready', (_request, reply) => {
    const reason = unready();
    return reason === undefined ? 'ready\n' : reply.code(503).send(`not ready: ${reason}\n`);
  });
  server.get('/metrics', async (request, reply) => {
    const refusal = refuseMetrics(access, request.headers.authorization);
    if (refusal !== undefined) return reply.code(401).header('www-authenticate', 'Bearer').send(refusal);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  return server;
}

/** Gives the address with the port that it got. */
export async function listenHttp(server: FastifyInstance, address: string): Promise<Result<string>> {
  const { host, shown, port: wanted } = hostAndPort(address);
  try {
    await server.listen({ host, port: wanted });
  } catch (error) {
    return cannotListen(address, error instanceof Error ? error.message : String(error));
  }
  const bound = server.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : wanted;
  return succeed(`${shown}:${port}`);
}
