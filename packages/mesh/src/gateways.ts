// Gateways: what each router proxy serves, port by port; one plaintext route configuration a port, one for every TLS server.
import type { GatewayServerSpec, ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type {
  GatewayListener,
  GatewayModel,
  GatewayServer,
  ObjectKey,
  ProxyNode,
  TlsSecret,
} from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRow } from './conflict.ts';
import { type OpenServer, virtualHostsOf } from './gateway-hosts.ts';
import { openTlsServers } from './gateway-tls.ts';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { anchorOfSelector, anchorsOfLabels, isSelected, type SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup } from './lookups.ts';
import type { BoundRoute } from './routes.ts';
import { isVisible } from './visibility.ts';

export interface GatewayCollections {
  readonly gateways: Collection<string, GatewayModel>;
  readonly gatewayConflicts: Collection<string, Diagnostic>;
}

interface GatewayPlan {
  readonly model: GatewayModel;
  readonly conflicts: readonly Conflict[];
}

export function deriveGateways(
  graph: Graph,
  inputs: MeshInputs,
  { routes, secrets }: GatewaySources,
): GatewayCollections {
  const gatewaysBySelector = graph.index(inputs.gateways, 'bySelector', ({ spec }) => [
    anchorOfSelector('', spec.selector),
  ]);
  const routesByGateway = graph.index(routes, 'byGateway', ({ gateways }) =>
    gateways.filter((name) => name !== 'mesh'),
  );
  const plans = graph.derive({
    name: 'mesh.gatewayPlans',
    from: inputs.proxies,
    reads: { gatewaysBySelector, routesByGateway, secrets },
    equals: deepEqual,
    fn: (proxy, id, read) => {
      if (proxy.role !== 'router') return [];
      return [[id, planOf(proxy, openServers(proxy, read), (name) => read.secrets.get(name) !== undefined)]];
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
  return { gateways, gatewayConflicts };
}

export interface GatewaySources {
  readonly routes: Collection<ObjectKey, BoundRoute>;
  readonly secrets: Collection<string, TlsSecret>;
}

type GatewaysBySelector = Index<SelectorAnchor, ObjectKey, ObjectOf<'Gateway'>>;
type RoutesByGateway = Index<string, ObjectKey, BoundRoute>;
type AnchorLookupOf<I> = I extends Index<infer A, infer K, infer V> ? AnchorLookup<A, K, V> : never;

interface GatewayReads {
  readonly gatewaysBySelector: AnchorLookupOf<GatewaysBySelector>;
  readonly routesByGateway: AnchorLookupOf<RoutesByGateway>;
}

/** The servers of every Gateway, of any namespace, that selects the proxy. */
function openServers({ labels, namespace }: ProxyNode, read: GatewayReads): readonly OpenServer[] {
  return anchorsOfLabels('', labels)
    .flatMap((anchor) => read.gatewaysBySelector.at(anchor))
    .filter(([, { spec }]) => isSelected(spec.selector, labels))
    .sort(([left], [right]) => compareText(left, right))
    .flatMap(([gateway, { metadata, spec }]) => {
      const gatewayName = `${metadata.namespace}/${metadata.name}`;
      const routes = read.routesByGateway
        .at(gatewayName)
        .map(([, route]) => route)
        .filter((route) => isVisible(route.layers, `ns:${namespace}`));
      return spec.servers.map((server, position): OpenServer => {
        const cause = { object: gateway, field: `spec.servers[${position}]` };
        return { gateway, gatewayName, namespace: metadata.namespace, spec: server, cause, routes };
      });
    });
}

function planOf(
  proxy: ProxyNode,
  servers: readonly OpenServer[],
  hasSecret: (name: string) => boolean,
): GatewayPlan {
  const conflicts: Conflict[] = [];
  const listeners = [...groupByListener(servers).values()].map((group): GatewayListener => {
    const [first] = group;
    const { port, bind } = first.spec;
    const opened = openPort(proxy, group, hasSecret);
    conflicts.push(...opened.conflicts);
    return {
      port: port.number,
      bindPort: proxy.gatewayPorts[port.number] ?? port.number,
      bindAddress: bind ?? (proxy.capture === 'explicit' ? proxy.address : '0.0.0.0'),
      servers: opened.servers,
    };
  });
  const causes = [...new Set(servers.map(({ gateway }) => gateway))].map((object) => ({ object }));
  listeners.sort((left, right) => left.port - right.port || compareText(left.bindAddress, right.bindAddress));
  return { model: { proxy, listeners, causes }, conflicts };
}

type ServerGroup = [OpenServer, ...OpenServer[]];

function groupByListener(servers: readonly OpenServer[]): ReadonlyMap<string, ServerGroup> {
  const groups = new Map<string, ServerGroup>();
  for (const server of servers) {
    const { bind = '', port } = server.spec;
    const key = `${port.number}|${bind}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [server]);
    else group.push(server);
  }
  return groups;
}

const isTls = ({ port }: GatewayServerSpec): boolean => port.protocol === 'HTTPS';

/** A port speaks TLS or it does not: the first server decides. */
function openPort(
  proxy: ProxyNode,
  group: ServerGroup,
  hasSecret: (name: string) => boolean,
): { readonly servers: readonly GatewayServer[]; readonly conflicts: readonly Conflict[] } {
  const [first] = group;
  const fitting = group.filter(({ spec }) => isTls(spec) === isTls(first.spec));
  const misfits = group
    .filter((server) => !fitting.includes(server))
    .map(
      ({ gateway, cause, spec }): Conflict => ({
        code: 'gateway-port-conflict',
        object: gateway,
        field: `${cause.field}.port`,
        message: `port ${spec.port.number} is already ${first.spec.port.protocol} because of ${first.gateway}; this server is left out`,
        remedy: 'use another port, or the same protocol',
      }),
    );
  const opened = isTls(first.spec)
    ? openTlsServers(proxy, fitting, hasSecret)
    : openPlainServer(fitting, first);
  return { servers: opened.servers, conflicts: [...misfits, ...opened.conflicts] };
}

function openPlainServer(servers: readonly OpenServer[], { spec: { port, bind } }: OpenServer) {
  const { virtualHosts, conflicts } = virtualHostsOf(servers);
  const server: GatewayServer = {
    routeName: bind === undefined ? `http.${port.number}` : `http.${port.number}.${bind}`,
    serverNames: [],
    tls: { kind: 'none' },
    virtualHosts,
    causes: servers.map(({ cause }) => cause),
  };
  return { servers: [server], conflicts };
}
