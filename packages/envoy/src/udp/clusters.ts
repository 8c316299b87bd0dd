// Clusters of UDP ports: tunnels to other sidecars, datagrams to everybody else, and the application behind its own.
import type {
  Destination,
  EndpointSet,
  Inbound,
  InboundPort,
  ServicePort,
  TrafficPolicy,
} from '@xebec/model';
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { SocketAddress_Protocol } from '@xebec/protos/envoy/config/core/v3/address_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { mutualTlsSocket } from '../clusters/client-tls.ts';
import { encodeHttpProtocol, httpProtocolOptions } from '../clusters/http-protocol.ts';
import { encodeLoadBalancing } from '../clusters/load-balancing.ts';
import { encodePolicy, policyFor } from '../clusters/outbound-cluster.ts';
import { meshTls } from '../clusters/transport.ts';
import { adsSource } from '../config-source.ts';
import { durationOf, unlimited } from '../duration.ts';
import { encodeAssignment } from '../endpoints/assignment.ts';
import { socketAddress } from '../listeners/addresses.ts';
import { causeMetadata } from '../metadata.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { inboundUdpCluster, outboundUdpCluster, tunnelProtocol } from './names.ts';
import { routeTo } from './targets.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

const endpointFetchTimeoutMs = 1000;

export interface UdpClusters {
  readonly cluster: EncodedResource;
  /** Absent where the cluster carries its endpoints itself. */
  readonly endpoints?: EncodedResource;
}

/** The cluster of one port of a host, and its endpoints; subsets have no clusters, as no route names them. */
export function encodeOutboundUdp(
  destination: Destination,
  port: ServicePort,
  set: EndpointSet | undefined,
): UdpClusters {
  const { service, causes } = destination;
  const { way, endpoints } = routeTo(destination, port, set);
  const name = outboundUdpCluster(port.number, way, service.host);
  const policy = policyFor({ destination, port });
  const isListed = service.resolution === 'endpoints';
  const assignment = encodeAssignment(name, endpoints, { labels: {} });
  const cluster = encodeResource(
    ClusterSchema,
    {
      name,
      ...encodePolicy(policy),
      metadata: causeMetadata(causes, {
        service_host: service.host,
        service_name: service.name,
        service_namespace: service.namespace,
      }),
      ...(isListed ? listed : resolved(assignment)),
      ...encodeLoadBalancing(balancing(policy)),
      ...(way === 'tunnel' ? tunnel(destination, port, policy) : {}),
    },
    { name, causes, needs: isListed ? [{ typeUrl: typeUrls.endpoint, name }] : [] },
  );
  if (!isListed) return { cluster };
  const endpointCauses = endpoints.flatMap((endpoint) => endpoint.causes);
  return {
    cluster,
    endpoints: encodeResource(ClusterLoadAssignmentSchema, assignment, { name, causes: endpointCauses }),
  };
}

/** Of what a client sends only its address is known; where it was going is the service, not an endpoint. */
function balancing({ hash, ...policy }: TrafficPolicy): TrafficPolicy {
  const { loadBalancer } = policy;
  return {
    ...policy,
    loadBalancer: loadBalancer === 'PASSTHROUGH' ? 'RANDOM' : loadBalancer,
    ...(hash?.kind === 'source-ip' ? { hash } : {}),
  };
}

const listed: ClusterInit = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  edsClusterConfig: { edsConfig: adsSource(endpointFetchTimeoutMs) },
};

/** Names are looked up by the proxy; Envoy refuses a cluster for names without one. */
function resolved(loadAssignment: NonNullable<ClusterInit['loadAssignment']>): ClusterInit {
  const isEmpty = (loadAssignment.endpoints ?? []).length === 0;
  const { STATIC, STRICT_DNS } = Cluster_DiscoveryType;
  return {
    clusterDiscoveryType: { case: 'type', value: isEmpty ? STATIC : STRICT_DNS },
    ...(isEmpty ? {} : { respectDnsTtl: true, dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED }),
    loadAssignment,
  };
}

/** HTTP/2 within mutual TLS, to the port number that the application's datagrams are for. */
function tunnel(destination: Destination, port: ServicePort, policy: TrafficPolicy): ClusterInit {
  const http = encodeHttpProtocol('http2');
  return {
    ...(http === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: http } }),
    transportSocket: mutualTlsSocket({
      ...meshTls({ destination, port }, policy),
      alpn: [tunnelProtocol, 'h2'],
    }),
  };
}

/** The application of a sidecar, by the port it takes datagrams on. */
export function encodeInboundUdp(
  { proxy }: Inbound,
  { port, service, causes }: InboundPort,
): EncodedResource {
  const name = inboundUdpCluster(port);
  const address = socketAddress(proxy.applicationAddress, port, SocketAddress_Protocol.UDP);
  const host = { hostIdentifier: { case: 'endpoint' as const, value: { address } } };
  return encodeResource(
    ClusterSchema,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      connectTimeout: durationOf(10_000),
      circuitBreakers: { thresholds: [{ maxConnections: unlimited, maxRequests: unlimited }] },
      metadata: causeMetadata(
        causes,
        service === undefined
          ? {}
          : {
              service_host: service.host,
              service_name: service.name,
              service_namespace: service.namespace,
            },
      ),
      loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [host] }] },
    },
    { name, causes },
  );
}
