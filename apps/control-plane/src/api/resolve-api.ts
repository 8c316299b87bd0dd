// What a name leads to, for the DNS of agents: short names are tried as the client's namespace means them.
import { lookUpName, type NameAnswer } from '@xebec/mesh';
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';

interface Query {
  readonly host?: string;
  readonly namespace?: string;
}

export function addResolveRoute(server: FastifyInstance, context: ControlPlaneContext): void {
  server.get<{ Querystring: Query }>('/v1/resolve', ({ query: { host = '', namespace = 'default' } }) =>
    shown(resolve(context, host.toLowerCase().replace(/\.$/, ''), namespace)),
  );
}

function resolve({ mesh, settings }: ControlPlaneContext, host: string, namespace: string): NameAnswer {
  const domain = settings.get('mesh')?.clusterDomain ?? 'cluster.local';
  const names = [host, `${host}.${namespace}.svc.${domain}`, `${host}.svc.${domain}`, `${host}.${domain}`];
  for (const name of names) {
    const found = lookUpName(mesh, { name, namespace });
    if (found.kind !== 'unknown') return found;
  }
  return { kind: 'unknown' };
}

/** `addresses` is null for a name that is not the mesh's. */
function shown(answer: NameAnswer) {
  switch (answer.kind) {
    case 'unknown':
      return { addresses: null };
    case 'addresses':
      return { addresses: answer.addresses, isStable: answer.isStable };
    case 'name':
      return { addresses: null, name: answer.name };
    case 'places':
      return { addresses: null, places: answer.places };
  }
}
