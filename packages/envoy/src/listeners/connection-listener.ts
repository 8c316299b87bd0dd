// One outbound listener of connections: at an address of a service, or at a port for every address, where several
// hosts are told apart by server name and block. What no host wants is treated as if there were no listener.
import type { Cause, Host, HostOwner, ServicePort } from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { FilterChainSchema } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { causeMetadata } from '../metadata.ts';
import { blackHoleCluster, httpProxyRoute } from '../names.ts';
import { causeText, type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeAccessLog, onlyUnrouted } from '../telemetry/access-log.ts';
import {
  alsoIpv6,
  detectionLimit,
  httpInspector,
  patientLimit,
  plainHttpProtocols,
  socketAddress,
  tlsInspector,
} from './addresses.ts';
import { type ChainChoice, encodeChainMatcher } from './chain-matcher.ts';
import { type Branch, isUnconditional, reachable, speaksTls } from './connection-branches.ts';
import { clustersOf } from './connection-target.ts';
import {
  anyAddress,
  type ConnectionTraits,
  httpManager,
  type OutboundOptions,
  tcpManager,
  unknownDestination,
} from './outbound.ts';

type Chain = Fields<typeof FilterChainSchema>;
type ListenerInit = Fields<typeof ListenerSchema>;

/** One host at a listener. */
export interface ConnectionPoint {
  readonly host: Host;
  readonly port: ServicePort;
  readonly branches: readonly Branch[];
  readonly traits: ConnectionTraits;
  readonly causes: readonly Cause[];
  readonly owner: HostOwner;
}

export interface ConnectionListener {
  /** An address, or `0.0.0.0` for all. */
  readonly bind: string;
  readonly port: number;
  /** At least one, the most specific first. */
  readonly points: readonly ConnectionPoint[];
  /** Some service speaks HTTP on the port, wherever it is. */
  readonly http?: { readonly isDetected: boolean };
}

interface Layout {
  readonly chains: readonly Chain[];
  readonly choices: readonly ChainChoice[];
  readonly otherwise?: string;
  readonly inspectors: NonNullable<ListenerInit['listenerFilters']>;
  /** Every protocol here begins with the client's word. */
  readonly isClientFirst?: boolean;
}

export function encodeConnectionListener(
  listener: ConnectionListener,
  options: OutboundOptions,
): EncodedResource {
  const { bind, port, points } = listener;
  const name = `${bind}_${port}`;
  const layout = bind === anyAddress ? sharedLayout(listener, options) : ownLayout(listener, options);
  const causes = distinctCauses(points);
  const isRouted = listener.http !== undefined || points.some((point) => point.port.protocol === 'auto');
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(bind, port),
      ...(bind === anyAddress ? alsoIpv6(options, port) : {}),
      bindToPort: false,
      trafficDirection: TrafficDirection.OUTBOUND,
      metadata: causeMetadata(causes),
      ...encodeLayout(layout, options),
    },
    {
      name,
      causes,
      owners: [...new Set(points.map(({ owner }) => owner))],
      needs: [
        ...clustersIn(points).map((cluster) => ({ typeUrl: typeUrls.cluster, name: cluster })),
        ...(isRouted ? [{ typeUrl: typeUrls.route, name: String(port) }] : []),
      ],
    },
  );
}

const distinctCauses = (points: readonly ConnectionPoint[]): readonly Cause[] => [
  ...new Map(
    points.flatMap(({ causes }) => causes.map((cause) => [causeText(cause), cause] as const)),
  ).values(),
];

export const clustersIn = (points: readonly ConnectionPoint[]): readonly string[] => [
  ...new Set(
    points.flatMap(({ branches }) => reachable(branches).flatMap(({ target }) => clustersOf(target))),
  ),
];

/** As listener fields; a single chain without choices needs no matcher. */
export function encodeLayout(layout: Layout, { settings }: Pick<OutboundOptions, 'settings'>): ListenerInit {
  const { chains, choices, otherwise, inspectors, isClientFirst = false } = layout;
  const isPlain = chains.length === 1 && choices.length === 0;
  return {
    ...(inspectors.length === 0
      ? {}
      : { listenerFilters: inspectors, ...(isClientFirst ? patientLimit : detectionLimit) }),
    filterChains: [...chains],
    ...(isPlain ? {} : { filterChainMatcher: encodeChainMatcher(choices, otherwise) }),
    ...(isPlain || otherwise !== undefined
      ? {}
      : { accessLog: encodeAccessLog(settings.accessLog).map(onlyUnrouted) }),
  };
}

const named = (point: ConnectionPoint, index: number) => `${point.host}:${point.port.number}#${index}`;

function chainsOf(point: ConnectionPoint, branches: readonly Branch[], options: OutboundOptions): Chain[] {
  return branches.map((branch, index) => ({
    name: named(point, index),
    metadata: causeMetadata(branch.causes),
    filters: [...tcpManager(branch.target, options, { ...point.traits, ...branch.upstream })],
  }));
}

/** At an address of its own: everything belongs to the host, what no rule wants is closed. */
function ownLayout({ bind, port, points }: ConnectionListener, options: OutboundOptions): Layout {
  const [first] = points;
  if (first === undefined) return { chains: [], choices: [], inspectors: [] };
  const sharing = points.every((point) => speaksTls(point.port)) ? points : [first];
  const only = reachable(first.branches);
  if (sharing.length === 1 && only.every(({ condition }) => isUnconditional(condition))) {
    return singleLayout({ point: first, route: `${bind}_${port}`, routes: String(port) }, options);
  }
  return distinguished(sharing, options);
}

/** Where the client named the host: everything is the host's. HTTP in it is routed as the HTTP proxy's. */
export function namedLayout(point: ConnectionPoint, options: OutboundOptions): Layout {
  return reachable(point.branches).every(({ condition }) => isUnconditional(condition))
    ? singleLayout({ point, route: 'connect', routes: httpProxyRoute }, options)
    : distinguished([point], options);
}

/** Hosts that share an address are told apart by their names; the first one also gets who names none of them. */
function distinguished(points: readonly ConnectionPoint[], options: OutboundOptions): Layout {
  const [first] = points;
  const chains = points.flatMap((point) => chainsOf(point, reachable(point.branches), options));
  const choices = points.flatMap((point) =>
    reachable(point.branches).map(({ condition }, index): ChainChoice => {
      const isNamed = points.length > 1 && isUnconditional(condition);
      return {
        condition: isNamed ? { serverNames: [point.host], blocks: [] } : condition,
        chain: named(point, index),
      };
    }),
  );
  const rest = first === undefined ? -1 : lastUnconditional(first);
  return {
    chains,
    choices: choices.filter(({ condition }) => !isUnconditional(condition)),
    ...(first === undefined || rest === -1 ? {} : { otherwise: named(first, rest) }),
    inspectors: [tlsInspector],
    isClientFirst: points.every((point) => speaksTls(point.port)),
  };
}

const lastUnconditional = ({ branches }: ConnectionPoint): number =>
  reachable(branches).findIndex(({ condition }) => isUnconditional(condition));

/** One way only. Where the port does not say what it speaks, HTTP is looked for. */
function singleLayout(
  {
    point,
    route,
    routes,
  }: { readonly point: ConnectionPoint; readonly route: string; readonly routes: string },
  options: OutboundOptions,
): Layout {
  const [branch] = reachable(point.branches);
  const target = branch?.target ?? blackHoleCluster;
  const filters = [...tcpManager(target, options, { ...point.traits, ...branch?.upstream })];
  if (branch?.upstream?.namedPort !== undefined && speaksTls(point.port))
    return { chains: [{ filters }], choices: [], inspectors: [tlsInspector], isClientFirst: true };
  if (point.port.protocol !== 'auto') return { chains: [{ filters }], choices: [], inspectors: [] };
  const tcp = named(point, 0);
  return {
    chains: [
      { name: 'http', filters: [httpManager(`outbound_${route}`, routes, options)] },
      { name: tcp, filters },
    ],
    choices: [detectedHttp],
    otherwise: tcp,
    inspectors: [httpInspector],
  };
}

const detectedHttp: ChainChoice = {
  condition: { serverNames: [], blocks: [], transport: 'raw_buffer', protocols: plainHttpProtocols },
  chain: 'http',
};

/** At a port, for every address: hosts by name and block, then HTTP or the one host that takes the rest. */
function sharedLayout({ port, points, http }: ConnectionListener, options: OutboundOptions): Layout {
  const branches = points.flatMap((point) =>
    reachable(point.branches).map((branch, index) => ({ point, branch, index })),
  );
  const conditional = branches.filter(({ branch }) => !isUnconditional(branch.condition));
  const taker =
    http === undefined ? branches.find(({ branch }) => isUnconditional(branch.condition)) : undefined;
  const used = taker === undefined ? conditional : [...conditional, taker];
  const chains: Chain[] = used.flatMap(({ point, branch, index }) =>
    chainsOf(point, [branch], options).map((chain) => ({ ...chain, name: named(point, index) })),
  );
  const choices = conditional.map(
    ({ point, branch: { condition }, index }): ChainChoice => ({ condition, chain: named(point, index) }),
  );
  const hasNames = choices.some(({ condition }) => condition.serverNames.length > 0);
  const isClientFirst = http === undefined && points.every((point) => speaksTls(point.port));
  if (taker !== undefined) {
    const inspectors = hasNames ? [tlsInspector] : [];
    return { chains, choices, otherwise: named(taker.point, taker.index), inspectors, isClientFirst };
  }
  const rest: Chain = {
    name: 'rest',
    filters: [...tcpManager(unknownDestination(options.settings), options)],
  };
  const inspectors = [
    ...(hasNames ? [tlsInspector] : []),
    ...(http?.isDetected === true ? [httpInspector] : []),
  ];
  if (http === undefined)
    return { chains: [...chains, rest], choices, otherwise: 'rest', inspectors, isClientFirst };
  const requests: Chain = {
    name: 'http',
    filters: [httpManager(`outbound_${anyAddress}_${port}`, String(port), options)],
  };
  const isMixed = hasNames || http.isDetected;
  if (!isMixed) return { chains: [...chains, requests], choices, otherwise: 'http', inspectors };
  const plain: ChainChoice = {
    condition: { serverNames: [], blocks: [], transport: 'raw_buffer' },
    chain: 'http',
  };
  return {
    chains: [...chains, requests, rest],
    choices: [...choices, http.isDetected ? detectedHttp : plain],
    otherwise: 'rest',
    inspectors,
  };
}
