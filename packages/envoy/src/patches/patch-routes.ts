// Patches of route configurations, their virtual hosts and routes, wherever these are: alone, in a table, or inside a listener.
import type { RouteMatchSpec } from '@xebec/config';
import type { Route, VirtualHost } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { httpProxyRoute } from '../names.ts';
import { mergeMessages } from './merge-messages.ts';
import { fits, isInContext, type Place, type Side } from './place.ts';
import type { ReadyPatch } from './program.ts';

/** A route configuration by the names that a patch may use for it. */
export interface RouteTableNames {
  readonly side: Side;
  readonly name: string;
}

/** Patches a table with all that is in it. */
export function patchRouteConfiguration(
  config: RouteConfiguration,
  patches: readonly ReadyPatch[],
  { place, names }: { readonly place: Place; readonly names: RouteTableNames },
): void {
  for (const ready of patches) {
    const { applyTo, operation } = ready.patch;
    if (applyTo === 'ROUTE_CONFIGURATION') {
      if (!isTable(ready, names, place)) continue;
      place.hit(ready);
      const { name } = config;
      mergeMessages(config, ready.value(), place.registry);
      config.name = name;
    } else if (applyTo === 'VIRTUAL_HOST' && operation === 'ADD') {
      // A table whose hosts arrive one by one gets it as one of them.
      if (config.vhds !== undefined || !takesHost(ready, names, place)) continue;
      place.hit(ready);
      config.virtualHosts.push(ready.value() as VirtualHost);
    } else if (applyTo === 'VIRTUAL_HOST' || applyTo === 'HTTP_ROUTE') {
      config.virtualHosts = config.virtualHosts.flatMap((host) => patchHost(host, ready, { place, names }));
    }
  }
}

/** Patches one virtual host; none is left when it is removed. */
export function patchHost(
  host: VirtualHost,
  ready: ReadyPatch,
  { place, names }: { readonly place: Place; readonly names: RouteTableNames },
): readonly VirtualHost[] {
  const { applyTo, operation } = ready.patch;
  if (applyTo === 'HTTP_ROUTE') {
    if (isHost(ready, host, { place, names })) patchRoutes(host, ready, place);
    return [host];
  }
  if (applyTo !== 'VIRTUAL_HOST' || operation === 'ADD' || !isHost(ready, host, { place, names }))
    return [host];
  place.hit(ready);
  if (operation === 'REMOVE') return [];
  if (operation === 'REPLACE') {
    const replaced = ready.value() as VirtualHost;
    // Its name is how the proxy knows it; its domains stay unless others are given.
    replaced.name = host.name;
    if (replaced.domains.length === 0) replaced.domains = host.domains;
    return [replaced];
  }
  const { name } = host;
  mergeMessages(host, ready.value(), place.registry);
  host.name = name;
  return [host];
}

/** The table itself; ports of the explicit HTTP proxy's one table are those of its hosts. */
export function isTable(ready: ReadyPatch, names: RouteTableNames, place: Place): boolean {
  if (!isInContext(ready, names.side)) return false;
  const wanted = ready.patch.match.route ?? noMatch;
  const isFound = isTableOf(wanted, names, place);
  if (!isFound) place.miss?.(ready, { depth: 1, what: 'route configuration', seen: names.name });
  return isFound;
}

const noMatch: RouteMatchSpec = {};

/** Whether a virtual host is added to the table; the explicit HTTP proxy's one table stands for those of all ports. */
export function takesHost(ready: ReadyPatch, names: RouteTableNames, place: Place): boolean {
  const { name, portNumber } = ready.patch.match.route ?? noMatch;
  const isProxyTable = names.name === httpProxyRoute && name !== httpProxyRoute;
  return isTable(ready, isProxyTable ? { ...names, name: name ?? String(portNumber ?? '') } : names, place);
}

function isTableOf(wanted: RouteMatchSpec, { name, side }: RouteTableNames, place: Place): boolean {
  return (
    fits(wanted.name, (table) => table === name) &&
    fits(wanted.portNumber, (port) => isPortOf(port, name, place)) &&
    fits(wanted.portName, (port) => side === 'GATEWAY' && name.split('.').at(2) === port) &&
    fits(wanted.gateway, (gateway) => place.gateways.get(name)?.includes(gateway) ?? false)
  );
}

/** Names of tables: `9080`, `inbound|9080||`, `http.8080`, `https.443.…`. */
function isPortOf(port: number, name: string, { gatewayPorts }: Place): boolean {
  const own = Number(/^(?:inbound\||https?\.|)(\d+)/.exec(name)?.[1]);
  return own === port || gatewayPorts[own] === port;
}

interface Around {
  readonly place: Place;
  readonly names: RouteTableNames;
}

function isHost(ready: ReadyPatch, host: VirtualHost, { place, names }: Around): boolean {
  const wanted = ready.patch.match.route ?? noMatch;
  const own = namesOfHost(host, names);
  const table = names.name === httpProxyRoute ? { ...names, name: own.port } : names;
  const isProxyTable = names.name === httpProxyRoute && wanted.name === httpProxyRoute;
  if (!isTable(ready, isProxyTable ? names : table, place)) return false;
  const isFound =
    fits(wanted.virtualHost, (name) => own.names.includes(name)) &&
    fits(wanted.domain, (domain) => host.domains.includes(domain));
  if (!isFound) place.miss?.(ready, { depth: 2, what: 'virtual host', seen: own.names[0] ?? host.name });
  return isFound;
}

/** Istio calls a virtual host `HOST:PORT`; one that travels alone is called after its table, too. */
function namesOfHost(host: VirtualHost, { name }: RouteTableNames) {
  const slash = host.name.indexOf('/');
  if (slash < 0) return { names: [host.name], port: name };
  const bare = host.name.slice(slash + 1);
  const port = name === httpProxyRoute ? bare.slice(bare.lastIndexOf(':') + 1) : name;
  const full = name === httpProxyRoute ? bare : `${bare}:${port}`;
  return { names: [full, host.name, bare], port };
}

function patchRoutes(host: VirtualHost, ready: ReadyPatch, place: Place): void {
  const { operation, match } = ready.patch;
  const wanted = match.route?.route;
  if (operation === 'ADD') {
    place.hit(ready);
    host.routes.push(ready.value() as Route);
    return;
  }
  if (operation === 'INSERT_FIRST' || (wanted === undefined && operation.startsWith('INSERT'))) {
    place.hit(ready);
    host.routes.splice(operation === 'INSERT_AFTER' ? host.routes.length : 0, 0, ready.value() as Route);
    return;
  }
  const chosen = host.routes.filter((route) => isRoute(ready, route, place));
  if (chosen.length > 0) place.hit(ready);
  for (const route of operation.startsWith('INSERT') ? chosen.slice(0, 1) : chosen) {
    changeRoute(host, route, { ready, place });
  }
}

function changeRoute(
  host: VirtualHost,
  route: Route,
  { ready, place }: { readonly ready: ReadyPatch; readonly place: Place },
): void {
  const at = host.routes.indexOf(route);
  switch (ready.patch.operation) {
    case 'REMOVE':
      host.routes.splice(at, 1);
      return;
    case 'INSERT_BEFORE':
      host.routes.splice(at, 0, ready.value() as Route);
      return;
    case 'INSERT_AFTER':
      host.routes.splice(at + 1, 0, ready.value() as Route);
      return;
    default:
      mergeMessages(route, ready.value(), place.registry);
  }
}

const actions = {
  ANY: undefined,
  ROUTE: 'route',
  REDIRECT: 'redirect',
  DIRECT_RESPONSE: 'directResponse',
} as const;

function isRoute(ready: ReadyPatch, route: Route, place: Place): boolean {
  const wanted = ready.patch.match.route?.route;
  const action = actions[wanted?.action ?? 'ANY'];
  const isFound =
    fits(wanted?.name, (name) => name === route.name) && fits(action, (kind) => kind === route.action.case);
  if (!isFound)
    place.miss?.(ready, { depth: 3, what: 'route', seen: route.name || '(a route without a name)' });
  return isFound;
}
