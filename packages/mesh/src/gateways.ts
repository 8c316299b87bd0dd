// Gateways: what each router proxy serves, port by port; one plaintext route configuration a port, one for every TLS server.
import { kindOfServer, transportOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type {
  Authorization,
  GatewayListener,
  GatewayModel,
  GatewayServer,
  Host,
  Layered,
  ObjectKey,
  ProxyNode,
  TlsSecret,
  Workload,
} from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type AuthenticationSources, authenticationOf } from './authentication.ts';
import { type AuthorizationSources, authorizationOf } from './authorization.ts';
import type { BackingsBySelector } from './backings.ts';
import { type Conflict, conflictRow } from './conflict.ts';
import type { BoundConnections } from './connection-rules.ts';
import type { Servers } from './endpoints.ts';
import { deriveGatewayBindings } from './gateway-bindings.ts';
import {
  markDestinations,
  type OpenedServers,
  openTcpServers,
  type ServiceOf,
} from './gateway-connections.ts';
import { openUdpServers } from './gateway-datagrams.ts';
import { type OpenServer, virtualHostsOf } from './gateway-hosts.ts';
import { type OpenServers, openServers } from './gateway-servers.ts';
import { type HasSecret, openNamedByClients, openTlsServers } from './gateway-tls.ts';
import { compareText } from './host-names.ts';
import { type HostView, holderIn } from './hosts.ts';
import { type AcceptedReads, servedPorts, workloadOf } from './inbounds.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import { anchorOfSelector } from './label-selectors.ts';
import { type LoginSources, loginsOf } from './logins.ts';
import { hostsOfRules, type OutsideReads, outsideChecksOf } from './outside-checks.ts';
import { type PolicyCheckReads, policyChecksOf } from './policy-checks.ts';
import type { PolicyRuleSources } from './policy-rules.ts';
import type { BoundRoute } from './routes.ts';
import { type MeshSettings, settingsOf } from './settings.ts';
import type { WorkloadsByAddress } from './workloads.ts';

export interface GatewayCollections {
  readonly gateways: Collection<string, GatewayModel>;
  readonly gatewayConflicts: Collection<string, Diagnostic>;
  readonly gatewayBindings: Collection<string, Diagnostic>;
}

interface GatewayPlan {
  readonly model: GatewayModel;
  readonly conflicts: readonly Conflict[];
}

export function deriveGateways(
  graph: Graph,
  inputs: MeshInputs,
  { routes, connections, secrets, hosts, authorization, authentication, logins, ...called }: GatewaySources,
): GatewayCollections {
  const gatewaysBySelector = graph.index(inputs.gateways, 'bySelector', ({ spec }) => [
    anchorOfSelector('', spec.selector),
  ]);
  const routesByGateway = graph.index(routes, 'byGateway', ({ gateways }) =>
    gateways.filter((name) => name !== 'mesh'),
  );
  const connectionsByGateway = graph.index(connections, 'byGateway', ({ gateways: names }) =>
    names.filter((name) => name !== 'mesh'),
  );
  const plans = graph.derive({
    name: 'mesh.gatewayPlans',
    from: inputs.proxies,
    reads: {
      gatewaysBySelector,
      routesByGateway,
      connectionsByGateway,
      secrets,
      hosts,
      ...authorization,
      ...authentication,
      ...logins,
      ...called.policyRules,
      serversByPort: called.serversByPort,
      workloads: called.workloads,
      workloadsByAddress: called.workloadsByAddress,
      backingsBySelector: called.backingsBySelector,
      settings: inputs.settings,
    },
    equals: deepEqual,
    fn: (node, id, read) => {
      if (node.role !== 'router') return [];
      const settings = settingsOf(read.settings);
      const proxy = standing(node, settings);
      const hasSecret = (name: string): boolean => read.secrets.get(name) !== undefined;
      const serviceOf: ServiceOf = (host) => holderIn(read.hosts.get(host), `ns:${proxy.namespace}`)?.service;
      const { clusterDomain, rootNamespace } = settings;
      const servers = openServers(proxy, rootNamespace, read);
      const plan = planOf(proxy, servers, { hasSecret, serviceOf, clusterDomain });
      const { logins, conflicts } = loginsOf(proxy.namespace, proxy.labels, read);
      const policies = {
        ...(logins.length === 0 ? {} : { logins }),
        authentication: authenticationOf(proxy.namespace, proxy.labels, read),
        authorization: [...authorizationOf(proxy.namespace, proxy.labels, read), ...ownChecksOf(proxy, read)],
        ...outsideOf(plan.model, read),
      };
      return [[id, { model: { ...plan.model, ...policies }, conflicts: [...plan.conflicts, ...conflicts] }]];
    },
  });
  const gateways = graph.derive({
    name: 'mesh.gateways',
    from: plans,
    equals: deepEqual,
    fn: ({ model }, id) => [[id, model]],
  });
  const gatewayConflicts = graph.derive({
    name: 'mesh.gatewayConflicts',
    from: plans,
    equals: deepEqual,
    fn: ({ conflicts }, id) =>
      new Map(conflicts.map((conflict) => conflictRow(conflict, `${conflict.message}|${id}`))),
  });
  const gatewayBindings = deriveGatewayBindings(graph, inputs.gateways, { routesByGateway, hosts });
  return { gateways, gatewayConflicts, gatewayBindings };
}

/** A proxy that does not say who stands before it stands where all do. */
const standing = (proxy: ProxyNode, { gatewayTopology }: MeshSettings): ProxyNode =>
  proxy.topology !== undefined || gatewayTopology === undefined
    ? proxy
    : { ...proxy, topology: gatewayTopology };

type OwnReads = PolicyCheckReads &
  Parameters<typeof workloadOf>[1] &
  Pick<AcceptedReads, 'backingsBySelector'>;

/** What rules say of the gateway itself. */
function ownChecksOf(proxy: ProxyNode, read: OwnReads): Authorization {
  const workload = workloadOf(proxy, read);
  const served = servedPorts(workload, read.backingsBySelector);
  return policyChecksOf({ workload, served, isGateway: true }, read);
}

/** What rules say of services that it leads to and that have no proxy. */
function outsideOf({ proxy, listeners }: GatewayModel, read: OutsideReads): Pick<GatewayModel, 'outside'> {
  const hosts = listeners.flatMap(({ servers }) =>
    servers.flatMap(({ traffic }) =>
      traffic.kind === 'http' ? traffic.virtualHosts.flatMap(({ rules }) => hostsOfRules(rules)) : [],
    ),
  );
  const layer = `ns:${proxy.namespace}` as const;
  const outside = outsideChecksOf(hosts, { layer, decidedBy: { gateway: proxy } }, read);
  return outside.length === 0 ? {} : { outside };
}

export interface GatewaySources extends CalledSources {
  readonly routes: Collection<ObjectKey, BoundRoute>;
  readonly connections: Collection<ObjectKey, BoundConnections>;
  readonly secrets: Collection<string, TlsSecret>;
  readonly hosts: Collection<Host, HostView>;
  readonly authorization: AuthorizationSources;
  readonly authentication: AuthenticationSources;
  readonly logins: LoginSources;
}

/** What tells who is behind a gateway, and what is asked of it. */
interface CalledSources {
  readonly policyRules: PolicyRuleSources;
  readonly serversByPort: Index<HostPort, Layered<HostPort>, Servers>;
  readonly workloads: Collection<ObjectKey, Workload>;
  readonly workloadsByAddress: WorkloadsByAddress;
  readonly backingsBySelector: BackingsBySelector;
}

interface PlanLookups {
  readonly hasSecret: HasSecret;
  readonly serviceOf: ServiceOf;
  readonly clusterDomain: string;
}

function planOf(proxy: ProxyNode, { servers, hidden }: OpenServers, lookups: PlanLookups): GatewayPlan {
  const conflicts: Conflict[] = [...hidden];
  const listeners = new Map<string, GatewayListener>();
  for (const group of groupByListener(servers).values()) {
    const place = placeOf(proxy, group[0]);
    const name = `${place.bindAddress}_${place.bindPort}${transportOf(group[0].spec)}`;
    const other = listeners.get(name);
    const opened = other === undefined ? openPort(proxy, group, lookups) : portTaken(group, other);
    conflicts.push(...opened.conflicts);
    const marked = opened.servers.map((server) => markDestinations(server, place.port, lookups.serviceOf));
    if (marked.length > 0) listeners.set(name, { ...place, servers: marked });
  }
  const sorted = [...listeners.values()].sort(
    (left, right) => left.port - right.port || compareText(left.bindAddress, right.bindAddress),
  );
  const causes = [...new Set(servers.map(({ gateway }) => gateway))].map((object) => ({ object }));
  return {
    model: {
      proxy,
      authentication: [],
      authorization: [],
      listeners: sorted,
      isNamedByClients: isNamedByClients(sorted),
      causes,
    },
    conflicts,
  };
}

const isNamedByClients = (listeners: readonly GatewayListener[]): boolean =>
  listeners.some((listener) => listener.servers.some(({ traffic }) => traffic.kind === 'named-by-client'));

function placeOf(proxy: ProxyNode, { spec: { port, bind } }: OpenServer): Omit<GatewayListener, 'servers'> {
  const address = proxy.capture === 'explicit' ? proxy.address : '0.0.0.0';
  return {
    port: port.number,
    bindPort: proxy.gatewayPorts[port.number] ?? port.number,
    bindAddress: bind?.replace(/^unix:\/\//, '') ?? address,
  };
}

/** Two ports of Gateways may come to one port of the proxy. */
const portTaken = (group: ServerGroup, { port, bindAddress, bindPort }: GatewayListener): OpenedServers => ({
  servers: [],
  conflicts: group.map(({ gateway, cause, spec }) => ({
    code: 'gateway-port-conflict',
    object: gateway,
    field: `${cause.field}.port`,
    message: `port ${spec.port.number} would listen on ${bindAddress}:${bindPort}, which port ${port} already has; this server is left out`,
    remedy: 'use another port',
  })),
});

type ServerGroup = [OpenServer, ...OpenServer[]];

function groupByListener(servers: readonly OpenServer[]): ReadonlyMap<string, ServerGroup> {
  const groups = new Map<string, ServerGroup>();
  for (const server of servers) {
    const { bind = '', port } = server.spec;
    const key = `${port.number}|${bind}${transportOf(server.spec)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [server]);
    else group.push(server);
  }
  return groups;
}

/** What is spoken on a port: the first server decides. */
function openPort(proxy: ProxyNode, group: ServerGroup, lookups: PlanLookups): OpenedServers {
  const [first] = group;
  const kind = kindOf(first);
  const fitting = group.filter((server) => kindOf(server) === kind);
  const misfits = group.filter((server) => !fitting.includes(server)).map((server) => misfit(server, first));
  const opened = openServersOf(kind, fitting, { proxy, ...lookups });
  return { servers: opened.servers, conflicts: [...misfits, ...opened.conflicts] };
}

type Kind = ReturnType<typeof kindOfServer> | 'named by clients';
const kindOf = ({ spec }: OpenServer): Kind =>
  spec.tls?.mode === 'AUTO_PASSTHROUGH' ? 'named by clients' : kindOfServer(spec);

function openServersOf(
  kind: Kind,
  servers: readonly OpenServer[],
  { proxy, hasSecret, clusterDomain }: PlanLookups & { readonly proxy: ProxyNode },
): OpenedServers {
  switch (kind) {
    case 'TLS':
      return openTlsServers(proxy, servers, hasSecret);
    case 'plaintext HTTP':
      return openPlainServer(servers);
    case 'plaintext TCP':
      return openTcpServers(servers);
    case 'UDP':
      return openUdpServers(servers);
    case 'named by clients':
      return openNamedByClients(servers, clusterDomain);
  }
}

const misfit = ({ gateway, cause, spec }: OpenServer, first: OpenServer): Conflict => ({
  code: 'gateway-port-conflict',
  object: gateway,
  field: `${cause.field}.port`,
  message: `port ${spec.port.number} is already ${first.spec.port.protocol}${first.spec.tls?.mode === 'AUTO_PASSTHROUGH' ? ' with AUTO_PASSTHROUGH' : ''} because of ${first.gateway}; this server is left out`,
  remedy: 'use another port, or the same protocol',
});

function openPlainServer(servers: readonly OpenServer[]): OpenedServers {
  const { port, bind } = servers[0]?.spec ?? { port: { number: 0 } };
  const { virtualHosts, conflicts } = virtualHostsOf(servers);
  const server: GatewayServer = {
    serverNames: [],
    subnets: [],
    tls: { kind: 'none' },
    traffic: {
      kind: 'http',
      routeName: bind === undefined ? `http.${port.number}` : `http.${port.number}.${bind}`,
      virtualHosts,
      isGrpcWeb: servers.some(({ spec }) => spec.port.protocol === 'GRPC-WEB'),
    },
    causes: servers.map(({ cause }) => cause),
  };
  return { servers: [server], conflicts };
}
