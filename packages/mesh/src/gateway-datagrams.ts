// Datagrams that come in at a gateway: one VirtualService says where those of a port go, to one destination.
import type { GatewayServer, TcpRule } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { connectionsFor } from './connection-rules.ts';
import { boundTo, type OpenedServers } from './gateway-connections.ts';
import type { OpenServer } from './gateway-hosts.ts';

/** The first rule of the first server has the port: nothing in a datagram could tell two of them apart. */
export function openUdpServers(servers: readonly OpenServer[]): OpenedServers {
  const wanted = servers.flatMap((server) => rulesFor(server).map((rule) => ({ server, rule })));
  const usable = wanted.filter(({ rule }) => whyNot(rule) === undefined);
  const [first, ...others] = usable;
  const conflicts = [
    ...wanted.flatMap(({ rule }) => unusable(rule)),
    ...others.map(({ rule }) => shadowed(rule)),
    ...servers.filter((server) => rulesFor(server).length === 0).map(unrouted),
  ];
  const [destination] = first?.rule.destinations.filter(({ weight }) => weight > 0) ?? [];
  if (first === undefined || destination === undefined) return { servers: [], conflicts };
  const opened: GatewayServer = {
    serverNames: [],
    subnets: [],
    tls: { kind: 'none' },
    traffic: { kind: 'datagrams', destination },
    causes: [first.server.cause, first.rule.cause],
  };
  return { servers: [opened], conflicts };
}

/** `tcp` rules, as Istio has none for datagrams. */
const rulesFor = (server: OpenServer): readonly TcpRule[] =>
  boundTo(server)
    .flatMap((bound) => connectionsFor(bound.tcp, { gateway: server.gatewayName }))
    .filter(
      ({ matches }) =>
        matches.length === 0 ||
        matches.some(({ port }) => port === undefined || port === server.spec.port.number),
    );

function whyNot({ matches, destinations }: TcpRule): string | undefined {
  if (destinations.filter(({ weight }) => weight > 0).length !== 1)
    return 'datagrams go to one destination: Envoy cannot share them among several';
  if (destinations.some(({ subset }) => subset !== ''))
    return 'datagrams go to all of a service: subsets are not for them';
  if (matches.some(({ destinationSubnets }) => destinationSubnets.length > 0))
    return 'datagrams are not told apart by the address they were sent to';
  return undefined;
}

const at = ({ cause }: TcpRule): Pick<Conflict, 'object' | 'field'> => ({
  object: cause.object,
  ...(cause.field === undefined ? {} : { field: cause.field }),
});

function unusable(rule: TcpRule): readonly Conflict[] {
  const message = whyNot(rule);
  if (message === undefined) return [];
  const remedy = 'write one destination without subset, and no destinationSubnets';
  return [{ code: 'gateway-datagrams-unroutable', ...at(rule), message, remedy }];
}

const shadowed = (rule: TcpRule): Conflict => ({
  code: 'gateway-rule-shadowed',
  ...at(rule),
  message: 'the datagrams of this port are already routed by another rule',
  remedy: 'let one rule have it',
});

const unrouted = ({ gateway, cause, spec, gatewayName }: OpenServer): Conflict => ({
  code: 'gateway-server-unrouted',
  object: gateway,
  field: cause.field ?? '',
  message: `no VirtualService routes the datagrams of this server: port ${spec.port.number} is not opened for it`,
  remedy: `add a VirtualService with gateways: [${gatewayName}] and a tcp route`,
});
