// The way of proxies to the policy service. The rule: what they say there is believed, so nothing that an application sends may arrive by it: it has a name that no route can have, and a protocol in TLS (ALPN) that no other cluster offers.
import type { Collection, Graph } from '@xebec/flow';
import { policyServiceHost, policyServicePort, proxyProtocol } from '@xebec/mesh';
import type { Destination } from '@xebec/model';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { adsSource } from '../config-source.ts';
import type { ResourceInputs } from '../inputs.ts';
import { causeMetadata } from '../metadata.ts';
import { outboundCluster, policyCluster, serverName } from '../names.ts';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
  typeUrls,
} from '../resource.ts';
import { mutualTlsSocket } from './client-tls.ts';
import { encodeHttpProtocol, httpProtocolOptions } from './http-protocol.ts';
import { encodeLoadBalancing } from './load-balancing.ts';
import { encodePolicy } from './outbound-cluster.ts';

/** Only what is there for the whole mesh counts: who calls a service of a namespace's own like it is not asked. */
const everybody = '*';

export function buildPolicyClusters(
  graph: Graph,
  { settings, destinations }: Pick<ResourceInputs, 'settings' | 'destinations'>,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'policyClusters',
    from: settings,
    reads: { destinations },
    equals: equalResources,
    fn: ({ rootNamespace, clusterDomain }, _key, read): Emission[] => {
      const host = policyServiceHost(rootNamespace, clusterDomain);
      const destination = read.destinations.get(`${everybody}|${host}`);
      if (destination?.service.namespace !== rootNamespace) return [];
      const encoded = encodePolicyCluster(destination);
      return [[`${everybody}|${encoded.name}`, encoded]];
    },
  });
}

const endpointFetchTimeoutMs = 1_000;

/** In mutual TLS whatever a rule says of it, and with the endpoints of the service. */
function encodePolicyCluster({ service, policy, identities, causes }: Destination): EncodedResource {
  const { host } = service;
  const name = policyCluster(policyServicePort, host);
  const endpoints = outboundCluster(policyServicePort, '', host);
  const http2 = encodeHttpProtocol('http2', { pool: policy.connectionPool });
  return encodeResource(
    ClusterSchema,
    {
      name,
      ...encodePolicy(policy),
      metadata: causeMetadata(causes, {
        service_host: host,
        service_name: service.name,
        service_namespace: service.namespace,
      }),
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: adsSource(endpointFetchTimeoutMs), serviceName: endpoints },
      // Its endpoints are a list, whatever a rule says.
      ...encodeLoadBalancing(
        policy.loadBalancer === 'PASSTHROUGH' ? { ...policy, loadBalancer: 'LEAST_REQUEST' } : policy,
      ),
      ...(http2 === undefined ? {} : { typedExtensionProtocolOptions: { [httpProtocolOptions]: http2 } }),
      transportSocket: mutualTlsSocket({
        serverName: serverName(policyServicePort, '', host),
        identities,
        alpn: [proxyProtocol],
      }),
    },
    { name, causes, needs: [{ typeUrl: typeUrls.endpoint, name: endpoints }] },
  );
}
