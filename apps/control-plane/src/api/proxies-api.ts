// Proxies, convergence and explanations over the admin API.
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { locateCause, shownProxy } from './responses.ts';

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
    const isDone = objects.every(({ targeted, acked }) => targeted.length === acked.length);
    return { revision: number, isDone, objects };
  });
  server.get<{ Querystring: { type?: string; name?: string } }>('/v1/explain', (request) => {
    const { type = '', name = '' } = request.query;
    return { items: explain(context, type, name) };
  });
  server.get('/v1/graph', () => ({ mermaid: context.graph.diagram(), runs: context.graph.runs() }));
  server.get<{ Querystring: { host?: string; namespace?: string } }>('/v1/resolve', (request) => ({
    addresses: resolve(context, request.query.host ?? '', request.query.namespace ?? 'default'),
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

/** Addresses of a service by the names that a client of a namespace may use; null when no service has the name. */
function resolve(
  { mesh, settings }: ControlPlaneContext,
  asked: string,
  namespace: string,
): readonly string[] | null {
  const domain = settings.get('mesh')?.clusterDomain ?? 'cluster.local';
  const host = asked.toLowerCase().replace(/\.$/, '');
  const names = [host, `${host}.${namespace}.svc.${domain}`, `${host}.svc.${domain}`, `${host}.${domain}`];
  for (const name of names) {
    const service = mesh.services.get(`ns:${namespace}|${name}`) ?? mesh.services.get(`*|${name}`);
    if (service === undefined) continue;
    if (service.addresses.length > 0) return service.addresses.filter((address) => !address.includes('/'));
    const sets = service.ports.map(
      ({ number }) =>
        mesh.endpointSets.get(`ns:${namespace}|${name}|${number}`) ??
        mesh.endpointSets.get(`*|${name}|${number}`),
    );
    return [...new Set(sets.flatMap((set) => set?.endpoints.map(({ address }) => address) ?? []))];
  }
  return null;
}
