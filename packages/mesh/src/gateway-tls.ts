// TLS servers of a gateway port: one filter chain each, chosen by SNI; a name belongs to the first server that has it.
import type { GatewayServer, GatewayTraffic, Host, ProxyNode } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type CredentialContext, serverTlsOf } from './gateway-credentials.ts';
import { type OpenServer, virtualHostsOf } from './gateway-hosts.ts';

export interface OpenedServers {
  readonly servers: readonly GatewayServer[];
  readonly conflicts: readonly Conflict[];
}

interface Taken {
  /** Server name, `*` for any → who has it. */
  readonly names: Map<Host, OpenServer>;
  readonly routeNames: Map<string, OpenServer>;
}

export type HasSecret = (name: string) => boolean;

export function openTlsServers(
  proxy: ProxyNode,
  servers: readonly OpenServer[],
  hasSecret: HasSecret,
): OpenedServers {
  const taken: Taken = { names: new Map(), routeNames: new Map() };
  const opened = servers.map((server) => openTlsServer(server, { proxy, hasSecret }, taken));
  return {
    servers: opened.flatMap((each) => each.servers),
    conflicts: opened.flatMap((each) => each.conflicts),
  };
}

function openTlsServer(server: OpenServer, context: CredentialContext, taken: Taken): OpenedServers {
  if (server.spec.tls?.mode === 'AUTO_PASSTHROUGH') return openNamedByClients(server);
  const routeName = routeNameOf(server);
  const refusal = refuse(server, routeName, taken);
  if (refusal !== undefined) return { servers: [], conflicts: [refusal] };
  const { tls, conflicts: ofCredentials } = serverTlsOf(server, context);
  if (tls === undefined) return { servers: [], conflicts: ofCredentials };
  const { virtualHosts, conflicts } = virtualHostsOf([server]);
  const names = serverNamesOf(server);
  taken.routeNames.set(routeName, server);
  for (const name of names) taken.names.set(name, server);
  const traffic: GatewayTraffic = { kind: 'http', routeName, virtualHosts, isGrpcWeb: false };
  const serverNames = names.includes('*') ? [] : names;
  return {
    servers: [{ serverNames, tls, traffic, causes: [server.cause] }],
    conflicts: [...ofCredentials, ...conflicts],
  };
}

function openNamedByClients({ spec, cause }: OpenServer): OpenedServers {
  const hosts = [...new Set(spec.hosts.map(({ host }) => host))];
  const traffic: GatewayTraffic = { kind: 'named-by-client', hosts };
  const server: GatewayServer = { serverNames: [], tls: { kind: 'passthrough' }, traffic, causes: [cause] };
  return { servers: [server], conflicts: [] };
}

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
function refuse(server: OpenServer, routeName: string, taken: Taken): Conflict | undefined {
  const [name] = serverNamesOf(server).filter((candidate) => taken.names.has(candidate));
  if (name !== undefined) return nameTaken(server, name, taken.names.get(name));
  const other = taken.routeNames.get(routeName);
  return other === undefined ? undefined : portNameTaken(server);
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
