// VirtualServices bound to Gateways that do not open their hosts to them: they route nothing there, and their status says why.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Host, ObjectKey } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRows } from './conflict.ts';
import { isOpenFor } from './gateway-hosts.ts';
import { intersectHosts } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import type { BoundRoute } from './routes.ts';

/** By `NAMESPACE/NAME`. */
export type RoutesByGateway = Index<string, ObjectKey, BoundRoute>;

export function deriveGatewayBindings(
  graph: Graph,
  gateways: MeshInputs['gateways'],
  routesByGateway: RoutesByGateway,
): Collection<string, Diagnostic> {
  return graph.derive({
    name: 'mesh.gatewayBindings',
    from: gateways,
    reads: { routesByGateway },
    equals: deepEqual,
    fn: (gateway, key, read) => {
      const { namespace, name } = gateway.metadata;
      const bound = read.routesByGateway.at(`${namespace}/${name}`);
      return conflictRows(
        bound.flatMap(([, route]) => closedHosts(route, gateway)),
        key,
      );
    },
  });
}

/** Hosts that may be meant for the sidecars count only where none is open. */
function closedHosts(
  { object, namespace, hosts, shortHosts, gateways }: BoundRoute,
  gateway: ObjectOf<'Gateway'>,
): readonly Conflict[] {
  const { namespace: owner, name } = gateway.metadata;
  const open = gateway.spec.servers.flatMap((server) =>
    server.hosts.filter((host) => isOpenFor({ namespace: owner }, host, namespace)),
  );
  const isOpen = (host: Host): boolean => open.some((each) => intersectHosts(host, each.host) !== undefined);
  const names = [...hosts, ...shortHosts];
  const closed = hosts.filter((host) => !isOpen(host));
  if (closed.length === 0 || names.some((host) => shortHosts.includes(host) && isOpen(host))) return [];
  if (gateways.includes('mesh') && closed.length < hosts.length) return [];
  return [
    {
      code: 'gateway-host-not-open',
      object,
      field: 'spec.hosts',
      message: `Gateway ${owner}/${name} does not open ${closed.join(', ')} to namespace ${namespace}: nothing is routed for ${closed.length === 1 ? 'it' : 'them'} there`,
      remedy: `add "${namespace}/${closed[0] ?? ''}" to the hosts of one of its servers, or bind to a Gateway of your own`,
    },
  ];
}
