// Where sidecars take datagrams: from their application for each UDP service, and in the clear where policy lets them.
import { type Cause, type Inbound, type InboundPort, isDecisive, type ProxyNode } from '@xebec/model';
import type { AccessLog } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { sessionAuditLogs } from '../audit/audit-logs.ts';
import { policyFor } from '../clusters/outbound-cluster.ts';
import type { ProxySettings } from '../inputs.ts';
import type { EncodedResource } from '../resource.ts';
import {
  inboundUdpCluster,
  redirectedUdpAddress,
  redirectedUdpAddress6,
  redirectedUdpPort,
} from './names.ts';
import { ownerOf, type UdpTarget } from './targets.ts';
import { encodeListenerLogs, ownPrincipal, type SessionNames } from './telemetry.ts';
import { encodeUdpListener } from './udp-proxy.ts';

export interface Place {
  readonly address: string;
  readonly port: number;
  /** Who has asked for it there. */
  readonly causes?: readonly Cause[];
}

/** Datagrams of applications for one service. */
export function encodeOutboundUdpListener(
  target: UdpTarget,
  { causes = [], ...place }: Place,
  settings: ProxySettings,
): EncodedResource {
  const { destination, port, way, cluster } = target;
  const { service, identities } = destination;
  const { connectionPool, hash } = policyFor({ destination, port });
  const [only, ...others] = identities;
  const isTunnel = way === 'tunnel';
  const names: SessionNames = {
    cluster,
    service,
    ...(isTunnel ? { sourcePrincipal: ownPrincipal(settings) } : {}),
    ...(isTunnel && only !== undefined && others.length === 0 ? { destinationPrincipal: only } : {}),
  };
  const encoded = encodeUdpListener({
    ...place,
    direction: TrafficDirection.OUTBOUND,
    cluster,
    way,
    authority: service.host,
    logs: encodeListenerLogs(
      names,
      { reporter: 'source', security: isTunnel ? 'mutual_tls' : 'none' },
      settings,
    ),
    ...(connectionPool.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: connectionPool.idleTimeoutMs }),
    isHashedBySource: hash?.kind === 'source-ip',
    causes: [...destination.causes, ...causes],
  });
  return { ...encoded, owners: [ownerOf(target)] };
}

/** Datagrams in the clear; nobody listens for them under STRICT, nor where policies ask who it is: a datagram cannot say. */
export function encodeInboundUdpListeners(
  { proxy, udpPorts, authorization }: Inbound,
  settings: ProxySettings,
): readonly EncodedResource[] {
  if (authorization.some(isDecisive)) return [];
  const audit = sessionAuditLogs(authorization, proxy);
  const places = new Map<number, InboundPort>();
  for (const port of udpPorts) {
    const number = proxy.capture === 'explicit' ? port.port : redirectedUdpPort(port.port);
    // Of two that share a number in the redirected range the lower one has it, whatever the mode of either.
    if (!places.has(number)) places.set(number, port);
  }
  return [...places]
    .filter(([, { mutualTls }]) => mutualTls !== 'STRICT')
    .flatMap(([number, port]) =>
      inboundAddresses(proxy).map((address) =>
        plainListener(port, { address, port: number }, { settings, audit }),
      ),
    );
}

function inboundAddresses({ capture, address, hasIpv6 }: ProxyNode): readonly string[] {
  if (capture === 'explicit') return [address];
  return hasIpv6 === true ? [redirectedUdpAddress, redirectedUdpAddress6] : [redirectedUdpAddress];
}

function plainListener(
  port: InboundPort,
  place: Place,
  { settings, audit }: { readonly settings: ProxySettings; readonly audit: readonly AccessLog[] },
): EncodedResource {
  const cluster = inboundUdpCluster(port.port);
  const names: SessionNames = { cluster, ...(port.service === undefined ? {} : { service: port.service }) };
  return encodeUdpListener({
    ...place,
    direction: TrafficDirection.INBOUND,
    cluster,
    way: 'plain',
    authority: '',
    logs: [...encodeListenerLogs(names, { reporter: 'destination', security: 'none' }, settings), ...audit],
    causes: port.causes,
  });
}
