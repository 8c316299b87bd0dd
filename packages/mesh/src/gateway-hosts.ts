// Virtual hosts of a gateway: the hosts its servers open, narrowed to those that bound VirtualServices serve.
import type { GatewayHost, GatewayServerSpec } from '@xebec/config';
import type { Cause, GatewayVirtualHost, Host, HttpRule, ObjectKey } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { BoundConnections } from './connection-rules.ts';
import { type Claim, isHeld, lostClaim, settleClaims } from './gateway-claims.ts';
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
  /** The Gateway is of the namespace that the proxy runs in, or of the mesh's root namespace. */
  readonly hasRight: boolean;
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
  const wishes = servers.flatMap(wishesOf);
  const holders = settleClaims(wishes);
  const lost: Conflict[] = [];
  for (const wish of wishes) {
    const holder = holders.get(wish.domain);
    if (holder === undefined || isHeld(holder, wish.server)) grant(entryOf(entries, wish.domain), wish);
    else lost.push(lostClaim(wish.domain, holder, placeOf(wish)));
  }
  const served = [...entries];
  return {
    virtualHosts: served
      .map(virtualHostOf)
      .sort((left, right) => compareSpecificity(left.domain, right.domain)),
    conflicts: [
      ...lost,
      ...served.flatMap(([domain, entry]) => [
        ...mergesOf(domain, [...entry.routes]),
        ...shadowsOf(domain, rulesOf(entry)),
      ]),
    ],
  };
}

/** What a server wants to do for a domain: answer by the rules of a VirtualService, else redirect. */
interface Wish extends Claim {
  readonly bound?: { readonly route: BoundRoute; readonly rules: readonly HttpRule[] };
}

function wishesOf(server: OpenServer): readonly Wish[] {
  const redirects = server.spec.httpsRedirect
    ? server.spec.hosts.map(({ host }): Wish => ({ domain: host, by: host, server }))
    : [];
  const routed = server.routes.flatMap((route): readonly Wish[] => {
    const rules = rulesAt(route, { gateway: server.gatewayName });
    if (rules.length === 0) return [];
    return domainsOf(server, route).map((claim) => ({ ...claim, server, bound: { route, rules } }));
  });
  return [...redirects, ...routed];
}

const placeOf = ({ bound, server: { cause } }: Wish): Pick<Conflict, 'object' | 'field'> =>
  bound === undefined
    ? { object: cause.object, field: `${cause.field}.hosts` }
    : { object: bound.route.object, field: 'spec.hosts' };

function grant(entry: Entry, { server, bound }: Wish): void {
  if (server.spec.httpsRedirect) redirect(entry, server);
  if (bound === undefined) return;
  const { route, rules } = bound;
  entry.rules.set(`${route.object}|${server.gatewayName}`, rules);
  if (!entry.routes.has(route.object)) entry.causes.push({ object: route.object });
  entry.routes.add(route.object);
}

/** Each once, with the most exact of the server's hosts that covers it. */
function domainsOf(server: OpenServer, route: BoundRoute): readonly Pick<Claim, 'domain' | 'by'>[] {
  const open = server.spec.hosts
    .filter((host) => isOpenFor(server, host, route.namespace))
    .sort((left, right) => compareSpecificity(left.host, right.host));
  const wanted = [...route.hosts, ...route.shortHosts];
  const domains = new Map<Host, Host>();
  for (const { host: by } of open) {
    for (const domain of wanted.flatMap((name) => intersectHosts(name, by) ?? []))
      if (!domains.has(domain)) domains.set(domain, by);
  }
  return [...domains].map(([domain, by]) => ({ domain, by }));
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
    code: 'gateway-routes-merged',
    object,
    field: 'spec.hosts',
    message: `${domain} is also routed by ${first ?? ''}, whose rules are tried first`,
    remedy: 'put all rules of the host into one VirtualService',
  }));
