// Hosts that each request or TLS handshake names itself: resolved by the proxy, one cache of names for all of them.
import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import {
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  type ClusterSchema,
} from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ClusterConfigSchema } from '@xebec/protos/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb';
import { DnsCacheConfigSchema } from '@xebec/protos/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb';
import { FilterConfigSchema as HttpConfigSchema } from '@xebec/protos/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { FilterConfigSchema as SniConfigSchema } from '@xebec/protos/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb';
import { durationOf } from '../duration.ts';
import { networkFilter } from '../listeners/addresses.ts';
import type { Fields } from '../resource.ts';

/** Everywhere the same, as Envoy wants of a cache that is known by its name. A failure keeps the last good answer. */
const cache = create(DnsCacheConfigSchema, {
  name: 'dynamic-dns',
  dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
  dnsRefreshRate: durationOf(60_000),
  dnsFailureRefreshRate: { baseInterval: durationOf(1_000), maxInterval: durationOf(10_000) },
  hostTtl: durationOf(300_000),
  maxHosts: 1024,
});

/** Where connections go that name their host. */
export const dynamicDiscovery = (): Fields<typeof ClusterSchema> => ({
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  clusterDiscoveryType: {
    case: 'clusterType',
    value: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typedConfig: anyOf(ClusterConfigSchema, {
        clusterImplementationSpecifier: { case: 'dnsCacheConfig', value: cache },
        // Whether names are sent and verified with TLS is said with the TLS itself.
        allowInsecureClusterOptions: true,
      }),
    },
  },
});

/** Resolves the name a request is for. Does nothing where the route leads to a cluster of any other kind. */
export const dynamicDnsFilter: HttpFilter = create(HttpFilterSchema, {
  name: 'envoy.filters.http.dynamic_forward_proxy',
  configType: {
    case: 'typedConfig',
    value: anyOf(HttpConfigSchema, { implementationSpecifier: { case: 'dnsCacheConfig', value: cache } }),
  },
});

/** Resolves the name of a TLS handshake; comes before the TCP proxy to a cluster of dynamic discovery. */
export const sniDnsFilter = (port: number): Filter =>
  networkFilter(
    'envoy.filters.network.sni_dynamic_forward_proxy',
    anyOf(SniConfigSchema, { portSpecifier: { case: 'portValue', value: port }, dnsCacheConfig: cache }),
  );
