// The bootstrap of one Envoy: everything else it ever knows comes over its one incremental stream.
import type { ProxyDescription, WorkloadPaths } from '../envoy/proxy-description.ts';
import { nodeOf } from './node.ts';
import { staticClusters, staticListeners, statusListenerNames } from './static-resources.ts';
import { statsConfig } from './stats.ts';

type Json = Readonly<Record<string, unknown>>;

const mostConnections = 50_000;

/** Zero: a start waits for the control plane as long as it takes, and never goes on with nothing. */
const fromStream: Json = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };

const stream: Json = {
  api_type: 'DELTA_GRPC',
  transport_api_version: 'V3',
  set_node_on_first_message_only: true,
  grpc_services: [
    {
      envoy_grpc: {
        cluster_name: 'xds-grpc',
        // The agent is local: coming back soon costs little, and a proxy is up to date soon after an outage.
        retry_policy: { retry_back_off: { base_interval: '0.25s', max_interval: '3s' } },
      },
    },
  ],
};

/** Deep enough for the expressions of large route tables; what is written is checked before it gets here. */
export const proxyRuntime: Json = {
  layers: [
    {
      name: 'static',
      static_layer: {
        're2.max_program_size.error_level': 32_768,
        're2.max_program_size.warn_level': 16_384,
        // Policies decide who a connection is for when its client has proven who it is; the node says that it is on.
        'envoy.reloadable_features.tcp_proxy_delay_route_selection': true,
        // Health and metrics are outside the common limit of connections.
        ...Object.fromEntries(
          statusListenerNames.map((name) => [`envoy.resource_limits.listener.${name}.connection_limit`, 256]),
        ),
        // A header that lets a request pass has no other value beside the right one; rules that refuse look at each.
        'envoy.reloadable_features.rbac_match_headers_individually': false,
      },
    },
    { name: 'admin', admin_layer: {} },
  ],
};

const overload: Json = {
  resource_monitors: [
    {
      name: 'envoy.resource_monitors.global_downstream_max_connections',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
        max_active_downstream_connections: mostConnections,
      },
    },
  ],
};

/** Tunnels end in listeners without a socket. */
const internalListeners: Json = {
  name: 'envoy.bootstrap.internal_listener',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
  },
};

/** The bootstrap as JSON text. It holds no key and no certificate. */
export function encodeBootstrap(proxy: ProxyDescription, paths: WorkloadPaths): string {
  const bootstrap: Json = {
    node: nodeOf(proxy),
    admin: { address: { pipe: { path: paths.adminSocket, mode: 0o600 } } },
    dynamic_resources: { lds_config: fromStream, cds_config: fromStream, ads_config: stream },
    bootstrap_extensions: [internalListeners],
    static_resources: { clusters: staticClusters(paths), listeners: staticListeners(proxy) },
    stats_config: statsConfig,
    deferred_stat_options: { enable_deferred_creation_stats: true },
    layered_runtime: proxyRuntime,
    overload_manager: overload,
  };
  return JSON.stringify(bootstrap, undefined, 2);
}
