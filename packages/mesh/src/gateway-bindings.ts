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
    reads: { routesByGateway, gateways, hosts },
    equals: deepEqual,
    fn: (gateway, key, read) => {
      const { namespace, name } = gateway.metadata;
      const bound = read.routesByGateway.at(`${namespace}/${name}`);
      return conflictRows(
        bound.flatMap(([, route]) => [
          ...closedHosts(route, gateway, read.gateways),
          ...unresolved(route, { name: `${namespace}/${name}`, hosts: read.hosts }),
        ]),
        key,
      );
    },
  });
}

/** A binding that opens nothing, and hosts that none of the bindings opens: those may be meant for the sidecars. */
function closedHosts(
  route: BoundRoute,
  gateway: ObjectOf<'Gateway'>,
  others: Lookup<ObjectKey, ObjectOf<'Gateway'>>,
): readonly Conflict[] {
  const { object, namespace, hosts, gateways } = route;
  const { namespace: owner, name } = gateway.metadata;
  const closed = hosts.filter((host) => !opens(gateway, route, host));
  const bound = gateways.flatMap((each) => others.get(`Gateway/${each}` as ObjectKey) ?? []);
  const isElsewhere = (host: Host): boolean =>
    gateways.includes('mesh') || bound.some((each) => opens(each, route, host));
  const lost = closed.length === hosts.length ? closed : closed.filter((host) => !isElsewhere(host));
  const [first] = lost;
  if (first === undefined) return [];
  return [
    {
      code: 'gateway-host-not-open',
      object,
      field: 'spec.hosts',
      message: `Gateway ${owner}/${name} does not open ${lost.join(', ')} to namespace ${namespace}: nothing is routed for ${lost.length === 1 ? 'it' : 'them'} there`,
      remedy: `add "${namespace}/${first}" to the hosts of one of its servers, or bind to a Gateway of your own`,
    },
  ];
}

/** By its full name, or the one that is written. */
function opens(
  { spec, metadata }: ObjectOf<'Gateway'>,
  { namespace, shortHosts }: BoundRoute,
  host: Host,
): boolean {
  const names = [host, ...shortHosts.filter((short) => host.startsWith(`${short}.`))];
  return spec.servers.some((server) =>
    server.hosts.some(
      (open) =>
        isOpenFor({ namespace: metadata.namespace }, open, namespace) &&
        names.some((each) => intersectHosts(each, open.host) !== undefined),
    ),
  );
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
