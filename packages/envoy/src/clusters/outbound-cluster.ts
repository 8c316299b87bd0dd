// One outbound cluster: a port of a host, or one subset of it.
import { create } from '@bufbuild/protobuf';
import type {
  Cause,
  Destination,
  EndpointSet,
  PortPolicy,
  Service,
  ServicePort,
  Subset,
  TrafficPolicy,
} from '@xebec/model';
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
  ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { adsSource } from '../config-source.ts';
import { durationOf } from '../duration.ts';
import type { Arrangement } from '../endpoints/arrange.ts';
import { encodeAssignment } from '../endpoints/assignment.ts';
import { causeMetadata } from '../metadata.ts';
import { outboundCluster } from '../names.ts';
import { type EncodedResource, encodeResource, type Fields, typeUrls } from '../resource.ts';
import { encodeConnectionLimits } from './connection-limits.ts';
import { dynamicDiscovery } from './dynamic-dns.ts';
import { encodeHttpProtocol, httpProtocolOptions, httpVersion } from './http-protocol.ts';
import { encodeLoadBalancing } from './load-balancing.ts';
import { encodeOutlierDetection, panicThreshold } from './outlier-detection.ts';
import { serverNameOf } from './tls-origination.ts';
import { encodeTransport, isOriginated } from './transport.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

export interface OutboundClusterOptions {
  readonly destination: Destination;
  readonly port: ServicePort;
  /** Absent for the whole host. */
  readonly subset?: Subset;
  /** Needed for DNS resolution, whose addresses stand in the cluster. */
  readonly endpointSet?: EndpointSet;
  /** For clients in one place, where the cluster carries its endpoints. */
  readonly arrangement?: Arrangement;
}

/** How long a cluster waits for its first endpoints before it serves without them. */
const endpointFetchTimeoutMs = 1000;

export function encodeOutboundCluster(options: OutboundClusterOptions): EncodedResource {
  const { destination, port, subset } = options;
  const name = outboundCluster(port.number, subset?.name ?? '', destination.service.host);
  const policy = policyFor(options);
  const causes: readonly Cause[] =
    subset === undefined ? destination.causes : [...subset.causes, ...destination.causes];
  const init: ClusterInit = {
    name,
    ...encodePolicy(policy),
    metadata: causeMetadata(causes, {
      service_host: destination.service.host,
      service_name: destination.service.name,
      service_namespace: destination.service.namespace,
      ...(subset === undefined ? {} : { subset: subset.name }),
    }),
    ...discovery(options, name, policy),
    ...choosableEndpoints(destination.service, policy),
    ...protocolOptions(options, policy),
    ...encodeTransport(options, policy),
  };
  const isListed = destination.service.resolution === 'endpoints' && policy.loadBalancer !== 'PASSTHROUGH';
  return encodeResource(ClusterSchema, init, {
    name,
    causes,
    needs: isListed ? [{ typeUrl: typeUrls.endpoint, name }] : [],
  });
}

/** A headless service's clients connect to one endpoint of their choice, with that endpoint's own encryption. */
function choosableEndpoints(
  { isHeadless, resolution }: Service,
  { loadBalancer }: TrafficPolicy,
): ClusterInit {
  if (isHeadless !== true || resolution !== 'endpoints' || loadBalancer === 'PASSTHROUGH') return {};
  return {
    lbSubsetConfig: {
      fallbackPolicy: Cluster_LbSubsetConfig_LbSubsetFallbackPolicy.ANY_ENDPOINT,
      subsetSelectors: ['address', 'hostname', 'dashed'].map((key) => ({
        keys: [key],
        singleHostPerSubset: true,
        fallbackPolicy: Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.NO_FALLBACK,
      })),
    },
  };
}

/** What a policy says of connections, whatever they carry. */
export const encodePolicy = (policy: TrafficPolicy): ClusterInit => ({
  ...encodeConnectionLimits(policy.connectionPool, policy.retryBudget),
  ...passiveHealth(policy),
});

/** What holds for one port: its own settings, else those of the subset or the whole host. */
export function policyFor({
  destination,
  port,
  subset,
}: Pick<OutboundClusterOptions, 'destination' | 'port' | 'subset'>): TrafficPolicy {
  const owner = subset ?? destination;
  const own: PortPolicy | undefined = owner.portPolicies.find((policy) => policy.port === port.number);
  return own ?? owner.policy;
}

function discovery(options: OutboundClusterOptions, name: string, policy: TrafficPolicy): ClusterInit {
  const { resolution } = options.destination.service;
  if (resolution === 'original-destination' || policy.loadBalancer === 'PASSTHROUGH') {
    return {
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    };
  }
  if (resolution === 'dynamic-dns') return dynamicDiscovery();
  if (resolution === 'endpoints') {
    return {
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: adsSource(endpointFetchTimeoutMs) },
      ...encodeLoadBalancing(policy),
    };
  }
  return { ...resolvedByName(options, name), ...encodeLoadBalancing(policy) };
}

/** Names that the proxy resolves. A subset may select none: Envoy refuses a cluster for names without one. */
function resolvedByName(options: OutboundClusterOptions, name: string): ClusterInit {
  const endpoints = options.endpointSet?.endpoints ?? [];
  const { arrangement } = options;
  const loadAssignment = encodeAssignment(name, endpoints, {
    labels: options.subset?.labels ?? {},
    ...(arrangement === undefined ? {} : { arrangement }),
  });
  const isEmpty = loadAssignment.endpoints?.length === 0;
  const { STATIC, STRICT_DNS, LOGICAL_DNS } = Cluster_DiscoveryType;
  const byName = options.destination.service.resolution === 'dns' ? STRICT_DNS : LOGICAL_DNS;
  return {
    clusterDiscoveryType: { case: 'type', value: isEmpty ? STATIC : byName },
    ...(isEmpty
      ? {}
      : {
          respectDnsTtl: true,
          dnsRefreshRate: durationOf(60_000),
          dnsFailureRefreshRate: { baseInterval: durationOf(1_000), maxInterval: durationOf(10_000) },
          dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
        }),
    loadAssignment,
  };
}

function protocolOptions({ destination, port }: OutboundClusterOptions, policy: TrafficPolicy): ClusterInit {
  const { connectionPool: pool, hash, outlierDetection, tls } = policy;
  const encoded = encodeHttpProtocol(httpVersion(port.protocol, pool), {
    pool,
    ...(hash === undefined ? {} : { hash }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(isOriginated(tls) ? { serverName: serverNameOf({ tls, service: destination.service }) } : {}),
  });
  return encoded === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: encoded } };
}

function passiveHealth({ outlierDetection, locality }: TrafficPolicy): ClusterInit {
  const isWeighted = locality !== undefined && locality.distribute.length > 0;
  const commonLbConfig = {
    ...panicThreshold(outlierDetection),
    ...(isWeighted
      ? { localityConfigSpecifier: { case: 'localityWeightedLbConfig' as const, value: {} } }
      : {}),
  };
  return {
    ...(Object.keys(commonLbConfig).length === 0 ? {} : { commonLbConfig }),
    ...(outlierDetection === undefined ? {} : { outlierDetection: encodeOutlierDetection(outlierDetection) }),
  };
}

/** A cluster for proxyless gRPC: no transport socket matches, a load balancer every client knows. */
export function encodeGrpcCluster(
  destination: Destination,
  port: ServicePort,
  subset?: Subset,
): EncodedResource {
  const name = outboundCluster(port.number, subset?.name ?? '', destination.service.host);
  const causes = subset?.causes ?? destination.causes;
  const cluster = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource() },
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
    metadata: causeMetadata(causes),
  });
  return encodeResource(ClusterSchema, cluster, {
    name,
    causes,
    needs: [{ typeUrl: typeUrls.endpoint, name }],
  });
}
