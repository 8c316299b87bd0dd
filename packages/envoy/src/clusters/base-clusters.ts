// The clusters every sidecar has: pass through to where the client was going, drop, and its own application.

import type { Inbound, InboundPort, ProxyNode } from '@xebec/model';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import type { AddressSchema, BindConfigSchema } from '@xebec/protos/envoy/config/core/v3/address_pb';
import { durationOf, unlimited } from '../duration.ts';
import { causeMetadata } from '../metadata.ts';
import {
  blackHoleCluster,
  forwardProxyCluster,
  inboundCluster,
  inboundPassthroughCluster,
  passthroughCluster,
} from '../names.ts';
import { type EncodedResource, encodeResource, type Fields } from '../resource.ts';
import { encodeConnectionLimits } from './connection-limits.ts';
import { dynamicDiscovery } from './dynamic-dns.ts';
import { encodeHttpProtocol, httpProtocolOptions } from './http-protocol.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

export const noLimits = {
  thresholds: [
    {
      maxConnections: unlimited,
      maxPendingRequests: unlimited,
      maxRequests: unlimited,
      maxRetries: unlimited,
      trackRemaining: true,
    },
  ],
};

/** Connections of a sidecar to its own application carry this source, so that capture lets them pass. */
const inboundSource = '127.0.0.6';
/** For applications that are called by their IPv6 address; capture makes it the workload's own. */
const inboundSourceIpv6 = '::6';

export function encodeBaseClusters(): readonly EncodedResource[] {
  return [
    originalDestination(passthroughCluster),
    originalDestination(inboundPassthroughCluster, bindTo(inboundSource)),
    forwardProxy(),
    encodeResource(
      ClusterSchema,
      {
        name: blackHoleCluster,
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
        connectTimeout: durationOf(10_000),
      },
      { name: blackHoleCluster },
    ),
  ];
}

/** What is different for sidecars that also take IPv6. */
export const encodeIpv6BaseClusters = (): readonly EncodedResource[] => [
  originalDestination(inboundPassthroughCluster, bothFamilies),
];

function originalDestination(name: string, source?: BindConfigInit): EncodedResource {
  const http = encodeHttpProtocol('as-downstream');
  return encodeResource(
    ClusterSchema,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      connectTimeout: durationOf(10_000),
      circuitBreakers: noLimits,
      ...(http === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: http } }),
      ...(source === undefined ? {} : { upstreamBindConfig: source }),
    },
    { name },
  );
}

function forwardProxy(): EncodedResource {
  const name = forwardProxyCluster;
  const http = encodeHttpProtocol('as-downstream', {});
  return encodeResource(
    ClusterSchema,
    {
      name,
      ...dynamicDiscovery(),
      connectTimeout: durationOf(10_000),
      circuitBreakers: noLimits,
      ...(http === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: http } }),
    },
    { name },
  );
}

type BindConfigInit = Fields<typeof BindConfigSchema>;

const bindTo = (address: string) => ({ sourceAddress: anyPortOf(address) });

const anyPortOf = (address: string) => ({
  address,
  portSpecifier: { case: 'portValue' as const, value: 0 },
});

/** The address of IPv6 is routed to the workload, but no interface has it. */
const bothFamilies: BindConfigInit = {
  ...bindTo(inboundSource),
  extraSourceAddresses: [{ address: anyPortOf(inboundSourceIpv6) }],
  freebind: true,
};

/** The application behind a sidecar, by the port it listens on. */
export function encodeInboundCluster(inbound: Inbound, port: InboundPort): EncodedResource {
  const name = inboundCluster(port.port);
  const { connectionPool: pool } = port;
  const http = encodeHttpProtocol(inboundHttpVersion(port), pool === undefined ? {} : { pool });
  return encodeResource(
    ClusterSchema,
    {
      name,
      metadata: causeMetadata(port.causes, inboundMetadata(port)),
      ...(http === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: http } }),
      ...applicationOf(inbound, port),
      ...inboundLimits(port),
    },
    { name, causes: port.causes },
  );
}

function inboundHttpVersion(port: InboundPort): 'http1' | 'http2' | 'as-downstream' | 'none' {
  if (port.protocol === 'grpc' || port.protocol === 'http2') return 'http2';
  if (port.protocol === 'http' || port.protocol === 'grpc-web') return 'http1';
  return port.protocol === 'auto' ? 'as-downstream' : 'none';
}

const inboundMetadata = ({ service }: InboundPort) =>
  service === undefined
    ? {}
    : { service_host: service.host, service_name: service.name, service_namespace: service.namespace };

/** Without limits of its own everything that has come this far may go on. */
const inboundLimits = ({ connectionPool: pool }: InboundPort): ClusterInit =>
  pool === undefined
    ? { connectTimeout: durationOf(10_000), circuitBreakers: noLimits }
    : encodeConnectionLimits(pool);

/** Where the application is: redirected traffic has the address in it, unless a Sidecar names another place. */
function applicationOf({ proxy }: Inbound, { port, endpoint }: InboundPort): ClusterInit {
  const name = inboundCluster(port);
  const isExplicit = proxy.capture === 'explicit';
  const own = isExplicit ? proxy.applicationAddress : proxy.address;
  if (endpoint === undefined)
    return isExplicit ? applicationAt(name, socket(own, port)) : capturedApplication(proxy);
  const source = isExplicit ? {} : { upstreamBindConfig: bindTo(inboundSource) };
  switch (endpoint.kind) {
    case 'socket':
      return applicationAt(name, { case: 'pipe', value: { path: endpoint.path } });
    case 'own-address':
      return { ...applicationAt(name, socket(own, endpoint.port)), ...source };
    case 'loopback':
      return {
        ...applicationAt(name, socket(isExplicit ? own : endpoint.address, endpoint.port)),
        ...(endpoint.address.includes(':') ? {} : source),
      };
  }
}

type AddressCase = NonNullable<Fields<typeof AddressSchema>['address']>;

const socket = (address: string, port: number): AddressCase => ({
  case: 'socketAddress',
  value: { address, portSpecifier: { case: 'portValue', value: port } },
});

const applicationAt = (name: string, address: AddressCase): ClusterInit => ({
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
  loadAssignment: {
    clusterName: name,
    endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: { address } } } }] }],
  },
});

const capturedApplication = ({ hasIpv6 }: ProxyNode) => ({
  clusterDiscoveryType: { case: 'type' as const, value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  upstreamBindConfig: hasIpv6 === true ? bothFamilies : bindTo(inboundSource),
});
