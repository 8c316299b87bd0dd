// What agents need: join tokens, runtime objects, and a stream of changes.

import type { Manifest, StoreObject, WatchEvent } from '@xebec/store';
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { addBootstrapRoute } from './bootstrap-api.ts';
import { addLaunchRoute } from './launch-api.ts';
import { isKindName, isObjectKey, shownObject } from './responses.ts';
import { addWorkloadHealthRoute } from './workload-health-api.ts';

const heartbeatMs = 10_000;

export function addPlatformRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const { store, tokens } = context;
  server.post<{ Body: { namespace: string; serviceAccount: string } }>('/v1/tokens', (request, reply) => {
    if (tokens === undefined) {
      return reply.code(503).send({
        diagnostics: [
          {
            severity: 'error',
            code: 'no-authority',
            message: 'this control plane has no certificate authority',
            remedy: 'start it with --state and --xds',
          },
        ],
      });
    }
    const issued = tokens.issue(request.body);
    return issued.ok ? { token: issued.value } : reply.code(422).send({ diagnostics: issued.diagnostics });
  });
  server.put<{ Body: { object: Manifest } }>('/v1/runtime', (request, reply) => {
    const result = store.putRuntime(request.body.object);
    return result.ok ? { key: result.value.key } : reply.code(422).send({ diagnostics: result.diagnostics });
  });
  server.delete<{ Params: { '*': string } }>('/v1/runtime/*', (request) => {
    const key = decodeURIComponent(request.params['*']);
    return { deleted: isObjectKey(key) && store.deleteRuntime(key) };
  });
  addWorkloadHealthRoute(server, context);
  addBootstrapRoute(server, context);
  addLaunchRoute(server, context);
  server.get<{ Querystring: { kind?: string } }>('/v1/watch', (request, reply) => {
    const kinds = (request.query.kind ?? '').split(',').filter(isKindName);
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    const send = (event: unknown): void => void response.write(`${JSON.stringify(event)}\n`);
    const isWanted = ({ key }: { readonly key: string }): boolean =>
      kinds.length === 0 || kinds.some((kind) => key.startsWith(`${kind}/`));
    const set = (object: StoreObject) =>
      send({ type: 'set', key: object.key, object: shownObject(context, object) });
    const watch = store.watch(({ changes }: WatchEvent) => {
      for (const change of changes.filter(isWanted)) {
        if (change.type === 'set') set(change.object);
        else send({ type: 'delete', key: change.key });
      }
    });
    for (const object of store.list().filter(isWanted)) set(object);
    send({ type: 'synced' });
    const heartbeat = setInterval(() => send({ type: 'heartbeat' }), heartbeatMs);
    response.on('close', () => {
      clearInterval(heartbeat);
      if (watch.ok) watch.value[Symbol.dispose]();
    });
  });
}
