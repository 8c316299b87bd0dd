// TLS servers of a gateway port: one filter chain each, chosen by SNI; a name belongs to the first server that has it.
import type { GatewayServer, Host, ProxyNode, ServerTls } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type OpenServer, virtualHostsOf } from './gateway-hosts.ts';
import { secretName } from './secrets.ts';

export interface OpenedServers {
  readonly servers: readonly GatewayServer[];
  readonly conflicts: readonly Conflict[];
}

interface Taken {
  /** Server name, `*` for any → who has it. */
  readonly names: Map<Host, OpenServer>;
  readonly routeNames: Map<string, OpenServer>;
}

export function openTlsServers(
  proxy: ProxyNode,
  servers: readonly OpenServer[],
  hasSecret: (name: string) => boolean,
): OpenedServers {
  const taken: Taken = { names: new Map(), routeNames: new Map() };
  const opened = servers.map((server) => openTlsServer(proxy, server, { taken, hasSecret }));
  return {
    servers: opened.flatMap((each) => each.servers),
    conflicts: opened.flatMap((each) => each.conflicts),
  };
}

function openTlsServer(
  proxy: ProxyNode,
  server: OpenServer,
  { taken, hasSecret }: { readonly taken: Taken; readonly hasSecret: (name: string) => boolean },
): OpenedServers {
  const routeName = routeNameOf(server);
  const refusal = refuse(server, routeName, taken);
  if (refusal !== undefined) return { servers: [], conflicts: [refusal] };
  const secret = secretOf(server, proxy.namespace);
  if (secret === undefined) return { servers: [], conflicts: [foreignSecret(server, proxy)] };
  const { virtualHosts, conflicts } = virtualHostsOf([server]);
  const names = serverNamesOf(server);
  taken.routeNames.set(routeName, server);
  for (const name of names) taken.names.set(name, server);
  const opened: GatewayServer = {
    routeName,
    serverNames: names.includes('*') ? [] : names,
    tls: tlsOf(server, secret),
    virtualHosts,
    causes: [server.cause],
  };
  const missing = hasSecret(secret) ? [] : [missingSecret(server, secret)];
  return { servers: [opened], conflicts: [...missing, ...conflicts] };
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

/** A proxy's own namespace only: secrets of others are not its to show. */
function secretOf({ spec }: OpenServer, namespace: string): string | undefined {
  const credential = spec.tls?.credentialName.replace('kubernetes://', '') ?? '';
  const [first = '', second] = credential.split('/');
  if (second === undefined) return first === '' ? undefined : secretName(namespace, first);
  return first === namespace ? secretName(namespace, second) : undefined;
}

function tlsOf({ spec: { tls } }: OpenServer, secret: string): ServerTls {
  return {
    kind: 'simple',
    secret,
    ...(tls?.minVersion === undefined ? {} : { minVersion: tls.minVersion }),
    ...(tls?.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
    cipherSuites: tls?.cipherSuites ?? [],
  };
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

const foreignSecret = ({ gateway, cause, spec }: OpenServer, proxy: ProxyNode): Conflict => ({
  code: 'gateway-secret-foreign',
  object: gateway,
  field: `${cause.field}.tls.credentialName`,
  message: `"${spec.tls?.credentialName ?? ''}" is no secret of ${proxy.namespace}, the namespace of the gateway workload; this server is left out`,
  remedy: `put the secret into namespace ${proxy.namespace} and write its name only`,
});

const missingSecret = ({ gateway, cause }: OpenServer, secret: string): Conflict => ({
  code: 'gateway-secret-missing',
  object: gateway,
  field: `${cause.field}.tls.credentialName`,
  message: `there is no secret ${secret} with a certificate and a key`,
  remedy: 'create it: a Secret with tls.crt and tls.key',
});
