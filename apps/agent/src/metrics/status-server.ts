// The agent's side of a workload's health and metrics pages: a private Unix socket that only its proxy asks.

import { chmod, chown, rm } from 'node:fs/promises';
import http from 'node:http';
import { type MetricsAccess, refuseMetrics } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { ProcessOwner } from '../capture/capture.ts';
import { messageOf, refuse } from '../problem.ts';

export interface StatusServerOptions {
  readonly socketPath: string;
  readonly owner?: ProcessOwner;
  /** The proxy takes traffic and is not on its way out. */
  readonly isReady: () => boolean;
  /** Who may read the metrics; undefined: nobody. */
  readonly access: MetricsAccess | undefined;
  readonly metrics: () => Promise<string>;
}

/** Serves `/healthz/ready` and `/stats/prometheus` until disposed. */
export async function startStatusServer(options: StatusServerOptions): Promise<Result<AsyncDisposable>> {
  const server = http.createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${messageOf(error)}\n`);
    });
  });
  // The proxy keeps its connections; the side that closes first would lose a request now and then.
  server.keepAliveTimeout = 0;
  try {
    await rm(options.socketPath, { force: true });
    await listen(server, options.socketPath);
    await chmod(options.socketPath, 0o600);
    if (options.owner !== undefined) await chown(options.socketPath, options.owner.uid, options.owner.gid);
  } catch (error) {
    server.close();
    return refuse({
      code: 'socket-not-opened',
      message: `${options.socketPath}: ${messageOf(error)}`,
      remedy: 'check that the state directory is writable, and that its path is short',
    });
  }
  return succeed({ [Symbol.asyncDispose]: () => close(server) });
}

const listen = (server: http.Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

const close = (server: http.Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function answer(
  { isReady, access, metrics }: StatusServerOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const [path] = (request.url ?? '/').split('?', 1);
  if (path === '/healthz/ready') {
    const ready = isReady();
    response
      .writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' })
      .end(ready ? 'ready\n' : 'not ready\n');
  } else if (path === '/stats/prometheus') {
    const refusal = refuseMetrics(access, request.headers.authorization);
    if (refusal !== undefined) {
      response.writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' }).end(refusal);
      return;
    }
    const text = await metrics();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  } else {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
  }
}
