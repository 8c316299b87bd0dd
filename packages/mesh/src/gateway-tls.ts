// TLS servers of a gateway port: one filter chain each, chosen by SNI; a name belongs to the first server that has it.
import type { GatewayTraffic, Host, ProxyNode, ServerTls } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type OpenedServers, openPassthrough, openTcp, type TakenChains } from './gateway-connections.ts';
import { type CredentialContext, serverTlsOf } from './gateway-credentials.ts';
import { type OpenServer, virtualHostsOf } from './gateway-hosts.ts';
import { intersectHosts } from './host-names.ts';

interface Taken {
  /** Server name, `*` for any → who has it. */
  readonly names: Map<Host, OpenServer>;
  readonly routeNames: Map<string, OpenServer>;
  readonly chains: TakenChains;
}

export type HasSecret = (name: string) => boolean;

export function openTlsServers(
  proxy: ProxyNode,
  servers: readonly OpenServer[],
  hasSecret: HasSecret,
): OpenedServers {
  const taken: Taken = { names: new Map(), routeNames: new Map(), chains: new Map() };
  const opened = servers.map((server) => openTlsServer(server, { proxy, hasSecret }, taken));
  return {
    servers: opened.flatMap((each) => each.servers),
    conflicts: opened.flatMap((each) => each.conflicts),
  };
}

function openTlsServer(server: OpenServer, context: CredentialContext, taken: Taken): OpenedServers {
  if (server.spec.tls?.mode === 'PASSTHROUGH') return openPassthroughServer(server, taken);
  const refusal = refuse(server, taken);
  if (refusal !== undefined) return { servers: [], conflicts: [refusal] };
  const { tls, conflicts } = serverTlsOf(server, context);
  if (tls === undefined) return { servers: [], conflicts };
  const opened =
    server.spec.port.protocol === 'HTTPS'
      ? openHttps(server, tls, taken)
      : openTcp(server, { tls, names: serverNamesOf(server), taken: taken.chains });
  take(server, opened, taken);
  return { servers: opened.servers, conflicts: [...conflicts, ...opened.conflicts] };
}

/** Every rule has its own names; those of servers that end TLS are theirs. */
function openPassthroughServer(server: OpenServer, taken: Taken): OpenedServers {
  for (const [name, by] of taken.names) taken.chains.set(`${name}|*`, by);
  const opened = openPassthrough(server, taken.chains);
  take(server, opened, taken);
  return opened;
}

function take(server: OpenServer, { servers }: OpenedServers, taken: Taken): void {
  for (const { serverNames, subnets } of servers) {
    if (subnets.length > 0) continue;
    for (const name of serverNames.length === 0 ? ['*'] : serverNames) taken.names.set(name, server);
  }
}

function openHttps(server: OpenServer, tls: ServerTls, taken: Taken): OpenedServers {
  const routeName = routeNameOf(server);
  if (taken.routeNames.has(routeName)) return { servers: [], conflicts: [portNameTaken(server)] };
  taken.routeNames.set(routeName, server);
  const { virtualHosts, conflicts } = virtualHostsOf([server]);
  const names = serverNamesOf(server);
  const traffic: GatewayTraffic = { kind: 'http', routeName, virtualHosts, isGrpcWeb: false };
  const serverNames = names.includes('*') ? [] : names;
  return { servers: [{ serverNames, subnets: [], tls, traffic, causes: [server.cause] }], conflicts };
}

/** Servers at which clients name the destination. They share a port with no other kind: their names are not known here. */
export function openNamedByClients(servers: readonly OpenServer[], clusterDomain: string): OpenedServers {
  const opened = servers.map((server) => ({ server, hosts: namesFor(server, clusterDomain) }));
  const hosts = [...new Set(opened.flatMap((each) => each.hosts))];
  const conflicts = opened.flatMap(({ server, hosts: found }) =>
    found.length === 0 ? [nothingNamed(server)] : [],
  );
  if (hosts.length === 0) return { servers: [], conflicts };
  const traffic: GatewayTraffic = { kind: 'named-by-client', hosts };
  const causes = servers.map(({ cause }) => cause);
  return {
    servers: [{ serverNames: [], subnets: [], tls: { kind: 'passthrough' }, traffic, causes }],
    conflicts,
  };
}

/**
 * Which services clients may name: those of the namespaces that the hosts say; and where the Gateway is neither of
 * the proxy's own namespace nor of the root namespace only those of the Gateway's, since nobody opens others' services at a proxy of others.
 */
function namesFor({ spec, namespace, hasRight }: OpenServer, clusterDomain: string): readonly Host[] {
  const of = (name: string): Host => `*.${name}.svc.${clusterDomain}`;
  return spec.hosts.flatMap(({ host, namespace: written }) => {
    const asked = written === '.' ? namespace : written;
    const narrowed = asked === '*' ? host : intersectHosts(host, of(asked));
    if (narrowed === undefined || hasRight) return narrowed ?? [];
    return intersectHosts(narrowed, of(namespace)) ?? [];
  });
}

const nothingNamed = ({ gateway, cause, namespace, hasRight }: OpenServer): Conflict => ({
  code: 'gateway-names-nothing',
  object: gateway,
  field: `${cause.field}.hosts`,
  message: hasRight
    ? 'its hosts are names of no service of the namespaces they say'
    : `the gateway workload is of another namespace, so clients may name services of ${namespace} only, and its hosts are none of them`,
  remedy: 'write *.local, or put the Gateway into the namespace of the gateway workload',
});

function routeNameOf({ spec, gatewayName }: OpenServer): string {
  const [namespace = '', name = ''] = gatewayName.split('/');
  return `https.${spec.port.number}.${spec.port.name}.${name}.${namespace}`;
}

/** `*` alone when the server takes any name. */
function serverNamesOf({ spec }: OpenServer): readonly Host[] {
  const names = [...new Set(spec.hosts.map(({ host }) => host))];
  return names.includes('*') ? ['*'] : names;
}

/** Two filter chains with one name would be refused by Envoy, and all of the listener with them. */
function refuse(server: OpenServer, taken: Taken): Conflict | undefined {
  const [name] = serverNamesOf(server).filter((candidate) => taken.names.has(candidate));
  return name === undefined ? undefined : nameTaken(server, name, taken.names.get(name));
}

const nameTaken = ({ gateway, cause }: OpenServer, name: Host, by: OpenServer | undefined): Conflict => ({
  code: 'gateway-host-claimed-twice',
  object: gateway,
  field: `${cause.field}.hosts`,
  message: `${name === '*' ? 'any host' : name} is already served on this port by ${by?.gateway ?? 'another Gateway'}; this server is left out`,
  remedy: 'let one server have the host',
});

const portNameTaken = ({ gateway, cause, spec }: OpenServer): Conflict => ({
  code: 'gateway-port-name-twice',
  object: gateway,
  field: `${cause.field}.port.name`,
  message: `port name ${spec.port.name} is already used by another TLS server of this Gateway; this server is left out`,
  remedy: 'give each server its own port name',
});
