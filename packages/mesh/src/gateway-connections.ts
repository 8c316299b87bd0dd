// Connections through a gateway that are not HTTP: rules of VirtualServices as filter chains, no two for the same.
import type { GatewayServer, Host, ServerTls, Service, TcpMatch, TcpRule, TlsRule } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type BoundConnections, connectionsFor } from './connection-rules.ts';
import { isOpenFor, type OpenServer } from './gateway-hosts.ts';
import { intersectHosts } from './host-names.ts';

export interface OpenedServers {
  readonly servers: readonly GatewayServer[];
  readonly conflicts: readonly Conflict[];
}

/** `NAME|SUBNET` of chains that are already there, and whose they are. */
export type TakenChains = Map<string, OpenServer>;

/** Plaintext TCP: one chain for everything, or one for each set of addresses. */
export function openTcpServers(servers: readonly OpenServer[]): OpenedServers {
  const taken: TakenChains = new Map();
  const opened = servers.map((server) => openTcp(server, { tls: { kind: 'none' }, names: [], taken }));
  return {
    servers: opened.flatMap((each) => each.servers),
    conflicts: opened.flatMap((each) => each.conflicts),
  };
}

interface TcpPlace {
  readonly tls: ServerTls;
  /** Server names; empty means any. */
  readonly names: readonly Host[];
  readonly taken: TakenChains;
}

/** Connections whose TLS ends here, or that have none: the `tcp` rules that are bound to the server. */
export function openTcp(server: OpenServer, { tls, names, taken }: TcpPlace): OpenedServers {
  const rules = boundTo(server).flatMap((bound) => connectionsFor(bound.tcp, clientOf(server)));
  const wanted = rules.flatMap((rule) =>
    matchesOf(rule, server).map((match) => ({ rule, names, subnets: match?.destinationSubnets ?? [] })),
  );
  return openChains(server, { wanted, tls, taken });
}

/** TLS that goes on to its destination: the `tls` rules, by server name. */
export function openPassthrough(server: OpenServer, taken: TakenChains): OpenedServers {
  const wanted = boundTo(server).flatMap((bound) =>
    connectionsFor<TlsRule>(bound.tls, clientOf(server)).flatMap((rule) =>
      rule.matches
        .filter((match) => isAtPort(match, server))
        .flatMap(({ serverNames, destinationSubnets: subnets }) => {
          const names = serverNames.flatMap((name) => openNames(server, bound, name));
          return names.length === 0 ? [] : [{ rule, names, subnets }];
        }),
    ),
  );
  return openChains(server, { wanted, tls: { kind: 'passthrough' }, taken });
}

const clientOf = ({ gatewayName }: OpenServer) => ({ gateway: gatewayName });
const isAtPort = ({ port }: TcpMatch, { spec }: OpenServer): boolean =>
  port === undefined || port === spec.port.number;

/** VirtualServices of which the server opens some host. */
export const boundTo = (server: OpenServer): readonly BoundConnections[] =>
  server.connections.filter((bound) =>
    [...bound.hosts, ...bound.shortHosts].some((host) =>
      server.spec.hosts.some(
        (open) => isOpenFor(server, open, bound.namespace) && intersectHosts(host, open.host) !== undefined,
      ),
    ),
  );

/** A rule without matches is for every connection. */
function matchesOf(rule: TcpRule, server: OpenServer): readonly (TcpMatch | undefined)[] {
  return rule.matches.length === 0 ? [undefined] : rule.matches.filter((match) => isAtPort(match, server));
}

/** The server names that both the rule wants and the server opens. */
const openNames = (server: OpenServer, { namespace }: BoundConnections, name: Host): readonly Host[] =>
  server.spec.hosts
    .filter((open) => isOpenFor(server, open, namespace))
    .flatMap(({ host }) => intersectHosts(name, host) ?? []);

interface WantedChain {
  readonly rule: TcpRule;
  readonly names: readonly Host[];
  readonly subnets: readonly string[];
}

interface ChainPlan {
  readonly wanted: readonly WantedChain[];
  readonly tls: ServerTls;
  readonly taken: TakenChains;
}

/** The first rule that wants a name and an address has it: Envoy refuses a listener with two chains for one thing. */
function openChains(server: OpenServer, { wanted, tls, taken }: ChainPlan): OpenedServers {
  const servers: GatewayServer[] = [];
  const shadowed: WantedChain[] = [];
  for (const chain of wanted) {
    const names = chain.names.length === 0 || chain.names.includes('*') ? ['*'] : chain.names;
    const free = [...new Set(names)].filter((name) => isFree(taken, name, chain.subnets));
    if (free.length < names.length) shadowed.push(chain);
    if (free.length === 0) continue;
    for (const name of free) for (const key of keysOf(name, chain.subnets)) taken.set(key, server);
    servers.push(chainOf(server, chain, { tls, serverNames: free.includes('*') ? [] : free }));
  }
  const unrouted = wanted.length === 0 ? [notRouted(server)] : [];
  return { servers, conflicts: [...unrouted, ...shadowed.map((chain) => shadowedRule(server, chain))] };
}

const keysOf = (name: Host, subnets: readonly string[]): readonly string[] =>
  (subnets.length === 0 ? ['*'] : subnets).map((subnet) => `${name}|${subnet}`);
const isFree = (taken: TakenChains, name: Host, subnets: readonly string[]): boolean =>
  keysOf(name, subnets).every((key) => !taken.has(key));

function chainOf(
  { cause, spec }: OpenServer,
  { rule, subnets }: WantedChain,
  { tls, serverNames }: Pick<GatewayServer, 'tls' | 'serverNames'>,
): GatewayServer {
  const protocol = spec.port.protocol === 'MONGO' ? 'mongo' : 'tcp';
  return {
    serverNames,
    subnets,
    tls,
    traffic: { kind: 'connection', protocol, destinations: rule.destinations, isUndeclared: false },
    causes: [cause, rule.cause],
  };
}

const notRouted = ({ gateway, cause, spec, gatewayName }: OpenServer): Conflict => ({
  code: 'gateway-server-unrouted',
  object: gateway,
  field: cause.field ?? '',
  message: `no VirtualService routes connections of this server: port ${spec.port.number} is not opened for it`,
  remedy: `add a VirtualService with gateways: [${gatewayName}] and ${
    spec.tls?.mode === 'PASSTHROUGH' ? 'tls' : 'tcp'
  } routes for one of its hosts`,
});

const shadowedRule = ({ spec }: OpenServer, { rule: { cause }, names }: WantedChain): Conflict => ({
  code: 'gateway-rule-shadowed',
  object: cause.object,
  ...(cause.field === undefined ? {} : { field: cause.field }),
  message: `what this rule wants on port ${spec.port.number}${names.length === 0 ? '' : ` (${names.join(', ')})`} is already routed by another one`,
  remedy: 'let one rule have it',
});

/** A service as the gateway's namespace sees it. */
export type ServiceOf = (host: Host) => Service | undefined;

/** Tells which connections go to a port that leaves open what it speaks, and which to hosts that only the client names. */
export function markDestinations(server: GatewayServer, port: number, serviceOf: ServiceOf): GatewayServer {
  const { traffic, tls } = server;
  if (traffic.kind !== 'connection') return server;
  const targets = traffic.destinations.map((to) => ({
    service: serviceOf(to.host),
    number: to.port === 'FROM_REQUEST_PORT' ? port : to.port,
  }));
  const isUndeclared = targets.some(
    ({ service, number }) => service?.ports.find((each) => each.number === number)?.protocol === 'auto',
  );
  const named = targets.find(({ service }) => service?.resolution === 'dynamic-dns');
  const marked = {
    ...traffic,
    isUndeclared,
    ...(named === undefined || tls.kind !== 'passthrough' ? {} : { namedPort: named.number }),
  };
  return { ...server, traffic: marked };
}
