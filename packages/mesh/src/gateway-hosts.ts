// Virtual hosts of a gateway: the hosts its servers open, narrowed to those that bound VirtualServices serve.
import type { GatewayHost, GatewayServerSpec } from '@xebec/config';
import type { Cause, GatewayVirtualHost, Host, HttpRule, ObjectKey } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { BoundConnections } from './connection-rules.ts';
import { compareSpecificity, intersectHosts } from './host-names.ts';
import { mergeRules } from './route-tables.ts';
import { type BoundRoute, rulesAt } from './routes.ts';
import { shadowsOf } from './shadowed-rules.ts';

/** One server of one Gateway object. */
export interface OpenServer {
  readonly gateway: ObjectKey;
  /** `NAMESPACE/NAME`, as VirtualServices bind to it. */
  readonly gatewayName: string;
  readonly namespace: string;
  readonly spec: GatewayServerSpec;
  readonly cause: Cause;
  /** VirtualServices bound to the gateway that the proxy's namespace may see, by name. */
  readonly routes: readonly BoundRoute[];
  /** Those of them with rules for connections that are not HTTP. */
  readonly connections: readonly BoundConnections[];
}

/** Whether VirtualServices of a namespace may use a host that the server opens. */
export function isOpenFor(
  { namespace }: Pick<OpenServer, 'namespace'>,
  host: GatewayHost,
  of: string,
): boolean {
  const allowed = host.namespace === '.' ? namespace : host.namespace;
  return allowed === '*' || allowed === of;
}

/** What several servers and VirtualServices say about one domain. */
interface Entry {
  httpsRedirect: boolean;
  /** By VirtualService and gateway, as a rule's matches may be for some gateways only. */
  readonly rules: Map<string, readonly HttpRule[]>;
  readonly routes: Set<ObjectKey>;
  readonly causes: Cause[];
}

export interface VirtualHosts {
  readonly virtualHosts: readonly GatewayVirtualHost[];
  readonly conflicts: readonly Conflict[];
}

/** The virtual hosts of servers that share a route configuration. */
export function virtualHostsOf(servers: readonly OpenServer[]): VirtualHosts {
  const entries = new Map<Host, Entry>();
  for (const server of servers) {
    if (server.spec.httpsRedirect)
      for (const { host } of server.spec.hosts) redirect(entryOf(entries, host), server);
    for (const route of server.routes) addRoute(entries, server, route);
  }
  const served = [...entries].filter(([, entry]) => entry.httpsRedirect || rulesOf(entry).length > 0);
  return {
    virtualHosts: served
      .map(virtualHostOf)
      .sort((left, right) => compareSpecificity(left.domain, right.domain)),
    conflicts: served.flatMap(([domain, entry]) => [
      ...mergesOf(domain, [...entry.routes]),
      ...shadowsOf(domain, rulesOf(entry)),
    ]),
  };
}

function addRoute(entries: Map<Host, Entry>, server: OpenServer, route: BoundRoute): void {
  const rules = rulesAt(route, { gateway: server.gatewayName });
  if (rules.length === 0) return;
  for (const domain of domainsOf(server, route)) {
    const entry = entryOf(entries, domain);
    if (server.spec.httpsRedirect) redirect(entry, server);
    entry.rules.set(`${route.object}|${server.gatewayName}`, rules);
    if (!entry.routes.has(route.object)) entry.causes.push({ object: route.object });
    entry.routes.add(route.object);
  }
}

function domainsOf(server: OpenServer, route: BoundRoute): ReadonlySet<Host> {
  const open = server.spec.hosts.filter((host) => isOpenFor(server, host, route.namespace));
  const wanted = [...route.hosts, ...route.shortHosts];
  return new Set(open.flatMap(({ host }) => wanted.flatMap((name) => intersectHosts(name, host) ?? [])));
}

function entryOf(entries: Map<Host, Entry>, domain: Host): Entry {
  const entry = entries.get(domain) ?? {
    httpsRedirect: false,
    rules: new Map(),
    routes: new Set(),
    causes: [],
  };
  entries.set(domain, entry);
  return entry;
}

function redirect(entry: Entry, { cause }: OpenServer): void {
  if (!entry.httpsRedirect) entry.causes.push(cause);
  entry.httpsRedirect = true;
}

const rulesOf = (entry: Entry): readonly HttpRule[] => mergeRules([...entry.rules.values()]);

const virtualHostOf = ([domain, entry]: readonly [Host, Entry]): GatewayVirtualHost => ({
  domain,
  httpsRedirect: entry.httpsRedirect,
  rules: rulesOf(entry),
  causes: entry.causes,
});

const mergesOf = (domain: Host, [first, ...others]: readonly ObjectKey[]): readonly Conflict[] =>
  others.map((object) => ({
    code: 'virtual-services-merged',
    object,
    field: 'spec.hosts',
    message: `${domain} is also routed by ${first ?? ''}, whose rules are tried first`,
    remedy: 'put all rules of the host into one VirtualService',
  }));
