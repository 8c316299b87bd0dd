// Inbound listeners of sidecars: mutual TLS and plaintext per port, as the workload's policy says.
import type { Cause, Inbound, InboundPort } from '@xebec/model';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { connectionAuditLogs, listenerAuditLogs, tunnelAuditLogs } from '../audit/audit-logs.ts';
import { providerNeeds } from '../authorization/ask-provider.ts';
import { auditMarks, authorizeConnection } from '../authorization/connections.ts';
import { networkAuthorization } from '../authorization/filters.ts';
import type { ProxySettings } from '../inputs.ts';
import { blackHoleCluster, inboundPassthroughCluster } from '../names.ts';
import { type EncodedResource, encodeResource } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import { peerDomainsOf, trustDomainsOf } from '../trust-domains.ts';
import { encodeInboundUdpListeners } from '../udp/listeners.ts';
import { tunnelChains } from '../udp/tunnel-server.ts';
import {
  alsoIpv6,
  detectionLimit,
  httpInspector,
  originalDestinationFilter,
  originalSourceFilter,
  patientLimit,
  socketAddress,
  tlsInspector,
} from './addresses.ts';
import { type Chain, kindOf, portChains } from './inbound-chains.ts';
import { oneIdentity } from './one-identity.ts';
import { meshProtocols, mutualTlsServer } from './server-tls.ts';
import { tcpProxy } from './tcp-proxy.ts';

const inboundPort = 15006;

/** All inbound listeners of one sidecar. */
export function encodeInbound(inbound: Inbound, settings: ProxySettings): readonly EncodedResource[] {
  return inbound.proxy.capture === 'explicit'
    ? [...boundListeners(inbound, settings), ...encodeInboundUdpListeners(inbound, settings)]
    : [virtualInbound(inbound, settings), ...encodeInboundUdpListeners(inbound, settings)];
}

/** No server speaks first to a client in plaintext, so that a late handshake is still waited for. */
const isClientFirst = (ports: readonly InboundPort[]): boolean =>
  ports.every((port) => port.mutualTls === 'STRICT' || kindOf(port) === 'http');

const needsHttpInspector = (ports: readonly InboundPort[]): boolean =>
  ports.some(({ protocol }) => protocol === 'auto');

/** For a workload whose traffic is not redirected. Connections to a port of datagrams alone can only be tunnels. */
function boundListeners(inbound: Inbound, settings: ProxySettings): readonly EncodedResource[] {
  const { ports, udpPorts } = inbound;
  const numbers = [...new Set([...ports, ...udpPorts].map(({ port }) => port))];
  return numbers.flatMap((number) => boundListener(inbound, number, settings));
}

const tunnelsOf = (
  inbound: Inbound,
  ports: readonly InboundPort[],
  settings: ProxySettings,
): readonly Chain[] =>
  ports.flatMap((port) =>
    tunnelChains({
      port,
      settings,
      policy: policyCauses(inbound),
      matchesPort: inbound.proxy.capture === 'transparent',
      authorization: [
        ...auditMarks(inbound.authorization, { settings, proxy: inbound.proxy, peer: 'mesh' }),
        ...networkAuthorization(inbound.authorization, trustDomainsOf(settings)),
      ],
      audit: tunnelAuditLogs(inbound.authorization, inbound.proxy),
    }),
  );

/** One listener on the workload's own address. */
function boundListener(
  inbound: Inbound,
  number: number,
  settings: ProxySettings,
): readonly EncodedResource[] {
  const name = `${inbound.proxy.address}_${number}`;
  const has = ({ port }: InboundPort): boolean => port === number;
  const ports = inbound.ports.filter(has);
  const udpPorts = inbound.udpPorts.filter(has);
  const policy = policyCauses(inbound);
  const { authentication, authorization, proxy } = inbound;
  const filterChains = [
    ...tunnelsOf(inbound, udpPorts, settings),
    ...ports.flatMap((port) =>
      portChains({ port, settings, policy, matchesPort: false, authentication, authorization, proxy }),
    ),
  ];
  if (filterChains.length === 0) return [];
  const encoded = encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress(inbound.proxy.address, number),
      trafficDirection: TrafficDirection.INBOUND,
      listenerFilters: [tlsInspector, ...(needsHttpInspector(ports) ? [httpInspector] : [])],
      ...(isClientFirst(ports) ? patientLimit : detectionLimit),
      filterChains,
      accessLog: [...listenerAuditLogs(authorization, proxy)],
    },
    {
      name,
      causes: [...[...ports, ...udpPorts].flatMap(({ causes }) => causes), ...policy],
      needs: providerNeeds(authorization),
    },
  );
  return [encoded];
}

/** The listener to which all inbound traffic is redirected. */
function virtualInbound(inbound: Inbound, settings: ProxySettings): EncodedResource {
  const name = 'virtualInbound';
  const ports = inbound.ports;
  const isTransparent = inbound.proxy.interception === 'TPROXY';
  return encodeResource(
    ListenerSchema,
    {
      name,
      address: socketAddress('0.0.0.0', inboundPort),
      ...alsoIpv6(inbound.proxy, inboundPort),
      ...(isTransparent ? { transparent: true } : {}),
      useOriginalDst: false,
      trafficDirection: TrafficDirection.INBOUND,
      listenerFilters: [
        originalDestinationFilter,
        ...(isTransparent ? [originalSourceFilter] : []),
        tlsInspector,
        ...(needsHttpInspector(ports) ? [httpInspector] : []),
      ],
      ...(inbound.peer.mode === 'STRICT' && isClientFirst(ports) ? patientLimit : detectionLimit),
      filterChains: [
        blackHoleChain(settings),
        ...tunnelsOf(inbound, inbound.udpPorts, settings),
        ...ports.flatMap((port) =>
          portChains({
            port,
            settings,
            policy: policyCauses(inbound),
            matchesPort: true,
            authentication: inbound.authentication,
            authorization: inbound.authorization,
            proxy: inbound.proxy,
          }),
        ),
        ...otherPorts(inbound, settings),
      ],
      accessLog: [...listenerAuditLogs(inbound.authorization, inbound.proxy)],
    },
    {
      name,
      causes: [
        ...inbound.causes,
        ...policyCauses(inbound),
        ...[...ports, ...inbound.udpPorts].flatMap(({ causes }) => causes),
      ],
      needs: providerNeeds(inbound.authorization),
    },
  );
}

/** What decides about the connections of a workload. */
const policyCauses = ({ peer, authentication, authorization }: Inbound): readonly Cause[] => [
  ...peer.causes,
  ...authentication.map(({ cause }) => cause),
  ...authorization.flatMap(({ object, parts = [] }) => [object, ...parts].map((each) => ({ object: each }))),
];

/** Redirected traffic that names 15006 itself would loop. */
const blackHoleChain = (settings: ProxySettings): Chain => ({
  name: 'virtualInbound-blackhole',
  filterChainMatch: { destinationPort: inboundPort },
  filters: [
    tcpProxy({
      statPrefix: blackHoleCluster,
      cluster: blackHoleCluster,
      accessLog: encodeAccessLog(settings.accessLog),
      metrics: encodeTcpMetrics({ reporter: 'destination', security: 'none' }),
    }),
  ],
});

/** Ports that no service or container names: the workload's mode applies, the bytes pass as they are. */
function otherPorts(inbound: Inbound, settings: ProxySettings): readonly Chain[] {
  const { mode } = inbound.peer;
  const mutual: Chain = {
    name: 'virtualInbound-catchall-mtls',
    filterChainMatch: { transportProtocol: 'tls', applicationProtocols: [...meshProtocols.any] },
    transportSocket: mutualTlsServer(peerDomainsOf(settings)),
    filters: [oneIdentity, ...passedThrough(inbound, settings, 'mutual_tls')],
  };
  const plain: Chain = {
    name: 'virtualInbound-catchall',
    filters: passedThrough(inbound, settings, 'none'),
  };
  // Envoy does not go from chains for TLS back to those for anything: TLS that is not the mesh's needs its own.
  const foreignTls: Chain = {
    ...plain,
    name: 'virtualInbound-catchall-tls',
    filterChainMatch: { transportProtocol: 'tls' },
  };
  if (mode === 'DISABLE') return [plain];
  return mode === 'STRICT' ? [mutual] : [mutual, foreignTls, plain];
}

function passedThrough(
  { authorization, proxy }: Inbound,
  settings: ProxySettings,
  security: 'mutual_tls' | 'none',
): Filter[] {
  const cluster = inboundPassthroughCluster;
  const peer = security === 'mutual_tls' ? 'mesh' : 'unproven';
  const { filters, ...authorized } = authorizeConnection(authorization, { settings, proxy, peer, cluster });
  const passed = tcpProxy({
    statPrefix: cluster,
    cluster,
    metrics: [
      ...encodeTcpMetrics({ reporter: 'destination', security }),
      ...connectionAuditLogs(authorization, proxy),
    ],
    isMutualTls: security === 'mutual_tls',
    ...authorized,
  });
  return [...filters, passed];
}
