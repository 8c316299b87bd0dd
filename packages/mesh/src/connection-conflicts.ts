// Conflicts of connections: two services at one address or on one port, rules for one host, destinations that are not there.
import type { Collection, Graph } from '@xebec/flow';
import type { Destination, Host, Layered, ObjectKey, Service, ServicePort } from '@xebec/model';
import { splitLayered } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRows } from './conflict.ts';
import type { BoundConnections } from './connection-rules.ts';
import type { MeshConnectionSources } from './connection-tables.ts';
import type { HostView } from './hosts.ts';
import { checkTarget } from './route-targets.ts';

type Conflicts = Collection<string, Diagnostic>;

export interface ConnectionConflictSources {
  readonly hosts: Collection<Host, HostView>;
  readonly services: Collection<Layered<Host>, Service>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly connections: Collection<ObjectKey, BoundConnections>;
  readonly meshConnections: MeshConnectionSources;
}

export function deriveConnectionConflicts(graph: Graph, sources: ConnectionConflictSources): Conflicts {
  return graph.union(
    'mesh.connectionConflicts',
    deriveAddressConflicts(graph, sources),
    derivePortConflicts(graph, sources),
    deriveMerges(graph, sources),
    deriveTargets(graph, sources),
  );
}

const tlsProtocols: ReadonlySet<string> = new Set(['tls', 'https']);
const tcpProtocols: ReadonlySet<string> = new Set(['tcp', 'mongo', 'redis']);

/** Ports that are told apart by address, not by host. */
const isAddressed = ({ protocol }: ServicePort): boolean =>
  tlsProtocols.has(protocol) || tcpProtocols.has(protocol) || protocol === 'auto';

function deriveAddressConflicts(graph: Graph, { services }: ConnectionConflictSources): Conflicts {
  const servicesByAddress = graph.index(services, 'byAddress', ({ addresses, ports }, key) =>
    addresses.flatMap((address) =>
      ports.filter(isAddressed).map(({ number }) => `${splitLayered(key).layer}|${address}:${number}`),
    ),
  );
  return graph.derive({
    name: 'mesh.addressConflicts',
    from: graph.group(servicesByAddress),
    reads: { servicesByAddress },
    equals: deepEqual,
    fn: (keys, anchor, read) => {
      if (keys.size < 2) return [];
      const members = read.servicesByAddress.at(anchor).map(([, service]) => service);
      const address = anchor.slice(anchor.indexOf('|') + 1);
      const port = Number(address.slice(address.lastIndexOf(':') + 1));
      const [first, ...others] = members;
      // Hosts of TLS are told apart by the names that clients ask for.
      if (members.every(({ ports }) => speaks(ports, port, tlsProtocols))) return [];
      return conflictRows(
        others.map(({ host, causes }) => ({
          code: 'address-claimed-twice',
          object: causes[0]?.object ?? 'Service//',
          message: `${address} of ${host} also belongs to ${first?.host ?? ''}; connections to it are the latter's`,
          remedy: 'give each of them its own address, or name the port after an HTTP protocol',
        })),
        anchor,
      );
    },
  });
}

const speaks = (ports: readonly ServicePort[], port: number, protocols: ReadonlySet<string>): boolean =>
  ports.some(({ number, protocol }) => number === port && protocols.has(protocol));

/** Services without an address are found by their port alone. */
function derivePortConflicts(graph: Graph, { services }: ConnectionConflictSources): Conflicts {
  const servicesByPort = graph.index(services, 'byPort', (service, key) =>
    portsAnywhere(service).map(({ number }) => `${splitLayered(key).layer}|${number}`),
  );
  const httpByPort = graph.index(services, 'httpByPort', ({ ports }) =>
    ports.filter(({ protocol }) => isHttp(protocol)).map(({ number }) => String(number)),
  );
  return graph.derive({
    name: 'mesh.portConflicts',
    from: graph.group(servicesByPort),
    reads: { servicesByPort, httpByPort },
    equals: deepEqual,
    fn: (_keys, anchor, read) => {
      const members = read.servicesByPort.at(anchor).map(([, service]) => service);
      const port = anchor.slice(anchor.lastIndexOf('|') + 1);
      const isHttpPort = read.httpByPort.count(port) > 0;
      const [first] = members;
      const losers = isHttpPort ? members : members.slice(1);
      const winner = isHttpPort ? 'services that speak HTTP on it' : (first?.host ?? '');
      return conflictRows(
        losers.map(({ host, causes }) => ({
          code: 'port-claimed-twice',
          object: causes[0]?.object ?? 'ServiceEntry//',
          field: 'spec.addresses',
          message: `${host} has no address, and port ${port} belongs to ${winner}; connections do not find it`,
          remedy: 'write the addresses of the host',
        })),
        anchor,
      );
    },
  });
}

const isHttp = (protocol: string): boolean =>
  ['http', 'http2', 'grpc', 'grpc-web', 'auto'].includes(protocol);

const portsAnywhere = ({ addresses, platform, ports }: Service): readonly ServicePort[] =>
  addresses.length > 0 || platform === 'kubernetes'
    ? []
    : ports.filter(({ protocol }) => tcpProtocols.has(protocol));

function deriveMerges(graph: Graph, { meshConnections: { byHost } }: ConnectionConflictSources): Conflicts {
  return graph.derive({
    name: 'mesh.connectionMerges',
    from: graph.group(byHost),
    reads: { byHost },
    equals: deepEqual,
    fn: (keys, host, read) => {
      if (keys.size < 2) return [];
      const [first, ...others] = read.byHost.at(host).map(([object]) => object);
      return conflictRows(
        others.map((object) => ({
          code: 'connection-rules-merged',
          object,
          field: 'spec.hosts',
          message: `connections to ${host} are also routed by ${first ?? ''}; the rules of both apply, each namespace's own and then the service's first`,
          remedy: 'put all tcp and tls rules of the host into one VirtualService',
        })),
        host,
      );
    },
  });
}

function deriveTargets(
  graph: Graph,
  { connections, hosts, destinations }: ConnectionConflictSources,
): Conflicts {
  return graph.derive({
    name: 'mesh.connectionTargets',
    from: connections,
    reads: { hosts, destinations },
    equals: deepEqual,
    fn: (bound, object, read) =>
      conflictRows(
        [...bound.tls, ...bound.tcp].flatMap(({ rule }): readonly Conflict[] =>
          rule.destinations.flatMap((target) => checkTarget(bound, target, read)),
        ),
        object,
      ),
  });
}
