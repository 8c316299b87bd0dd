// Proxies, convergence and explanations over the admin API.
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { addResolveRoute } from './resolve-api.ts';
import { locateCause, shownProxy } from './responses.ts';
import { udpServices } from './udp-services.ts';

export function addProxyRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const { store, xds } = context;
  server.get('/v1/proxies', () => ({ items: xds.statuses().map((status) => shownProxy(context, status)) }));
  server.get<{ Querystring: { revision?: string } }>('/v1/convergence', (request, reply) => {
    const number = Number(request.query.revision ?? store.latest);
    const revision = store.revision(number);
    if (revision?.epoch === undefined) {
      return reply.code(404).send({ diagnostics: [unknown(number)] });
    }
    const objects = context.convergence.at(
      revision.epoch,
      revision.changes.map(({ key }) => key),
    );
    if (objects === undefined) return reply.code(404).send({ diagnostics: [unknown(number)] });
    const isDone =
      context.health.isSettled() && objects.every(({ targeted, acked }) => targeted.length === acked.length);
    const problems = revision.changes.flatMap(({ key }) => context.health.problems(key));
    return { revision: number, isDone, objects, problems };
  });
  server.get<{ Querystring: { type?: string; name?: string } }>('/v1/explain', (request) => {
    const { type = '', name = '' } = request.query;
    return { items: explain(context, type, name) };
  });
  server.get('/v1/graph', () => ({ mermaid: context.graph.diagram(), runs: context.graph.runs() }));
  addResolveRoute(server, context);
  server.get<{ Querystring: { namespace?: string } }>('/v1/udp', (request) => ({
    items: udpServices(context, request.query.namespace ?? 'default'),
  }));
}

const unknown = (number: number) => ({
  severity: 'error',
  code: 'unknown-revision',
  message: `how far revision ${number} has come is not known: it is of an earlier run, too old, or does not exist`,
});

/** Resources of a type by name, in every layer, with the places that caused them. */
function explain({ resources, store, graph }: ControlPlaneContext, type: string, name: string) {
  const found = resources.filter(({ typeUrl }) => typeUrl.toLowerCase().endsWith(`.${type.toLowerCase()}`));
  return found.flatMap(({ typeUrl, resources: collection }) =>
    [...collection.entries()]
      .filter(([, value]) => value.name === name)
      .map(([key, value]) => ({
        typeUrl,
        layer: key.slice(0, key.indexOf('|')),
        name,
        version: value.hash,
        needs: value.needs,
        causes: value.causes.map((cause) => ({ cause, origin: locateCause(store, cause) })),
        derivation: graph.explain(collection, key),
      })),
  );
}
