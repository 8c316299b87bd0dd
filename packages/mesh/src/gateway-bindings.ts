// VirtualServices bound to Gateways that do not open their hosts to them: they route nothing there, and their status says why.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Host, ObjectKey } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRows } from './conflict.ts';
import { isOpenFor } from './gateway-hosts.ts';
import { intersectHosts } from './host-names.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { MeshInputs } from './inputs.ts';
import type { Lookup } from './lookups.ts';
import { type BoundRoute, rulesAt } from './routes.ts';

export interface BindingSources {
  /** By `NAMESPACE/NAME`. */
  readonly routesByGateway: Index<string, ObjectKey, BoundRoute>;
  readonly hosts: Collection<Host, HostView>;
}

export function deriveGatewayBindings(
  graph: Graph,
  gateways: MeshInputs['gateways'],
  { routesByGateway, hosts }: BindingSources,
): Collection<string, Diagnostic> {
  return graph.derive({
    name: 'mesh.gatewayBindings',
    from: gateways,
    reads: { routesByGateway, hosts },
    equals: deepEqual,
    fn: (gateway, key, read) => {
      const { namespace, name } = gateway.metadata;
      const bound = read.routesByGateway.at(`${namespace}/${name}`);
      return conflictRows(
        bound.flatMap(([, route]) => [
          ...closedHosts(route, gateway),
          ...unresolved(route, { name: `${namespace}/${name}`, hosts: read.hosts }),
        ]),
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

interface BoundGateway {
  readonly name: string;
  readonly hosts: Lookup<Host, HostView>;
}

/** Connections to a gateway were never meant for another address, so there is none to go on to. */
function unresolved(route: BoundRoute, { name, hosts }: BoundGateway): readonly Conflict[] {
  const rules = rulesAt(route, { gateway: name });
  return rules.flatMap(({ action, cause }) => {
    const targets = action.kind === 'forward' ? action.destinations.map(({ host }) => host) : [];
    return [...new Set(targets)]
      .filter((host) => {
        const service = holderIn(hosts.get(host), `ns:${route.namespace}`)?.service;
        return service?.resolution === 'original-destination';
      })
      .map(
        (host): Conflict => ({
          code: 'gateway-destination-unresolved',
          object: cause.object,
          ...(cause.field === undefined ? {} : { field: cause.field }),
          message: `${host} has resolution NONE: requests go to where their clients connected, which is Gateway ${name} itself`,
          remedy: 'use resolution DYNAMIC_DNS, or DNS for a host without a wildcard',
        }),
      );
  });
}
