// What a proxy has before the control plane says anything: the ways to its agent, and its health and metrics pages.
import type { ProxyDescription, WorkloadPaths } from '../envoy/proxy-description.ts';

type Json = Readonly<Record<string, unknown>>;

const httpOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

const http2: Json = {
  [httpOptionsKey]: {
    '@type': `type.googleapis.com/${httpOptionsKey}`,
    explicit_http_config: {
      http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } },
    },
  },
};

const pipeCluster = (name: string, path: string, protocol: 'http1' | 'http2'): Json => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  ...(protocol === 'http2' ? { typed_extension_protocol_options: http2 } : {}),
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
  },
});

/** `xds-grpc` and `sds-grpc` lead to the same socket: the names are those that Istio's resources refer to. */
export const staticClusters = ({ discoverySocket, agentSocket }: WorkloadPaths): readonly Json[] => [
  pipeCluster('xds-grpc', discoverySocket, 'http2'),
  pipeCluster('sds-grpc', discoverySocket, 'http2'),
  pipeCluster('agent', agentSocket, 'http1'),
];

interface StatusPage {
  readonly port: number;
  readonly path: string;
}

const health: StatusPage = { port: 15021, path: '/healthz/ready' };
const metrics: StatusPage = { port: 15020, path: '/stats/prometheus' };

const nameOf = ({ port }: StatusPage): string => `status_${port}`;
export const statusListenerNames: readonly string[] = [health, metrics].map(nameOf);

export const staticListeners = ({ statusAddress }: ProxyDescription): readonly Json[] =>
  [health, metrics].map((page) => statusListener(statusAddress, page));

/** Not among the listeners that drain or count against the limit of connections: it tells about them. */
const statusListener = (address: string, served: StatusPage): Json => ({
  name: nameOf(served),
  address: { socket_address: { address, port_value: served.port } },
  enable_reuse_port: false,
  ignore_global_conn_limit: true,
  drain_type: 'MODIFY_ONLY',
  per_connection_buffer_limit_bytes: 65_536,
  filter_chains: [
    { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: page(served.path) }] },
  ],
});

const page = (path: string): Json => ({
  '@type':
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  stat_prefix: 'agent',
  // Anybody may connect: who is slow, or says much, is cut off.
  request_headers_timeout: '5s',
  request_timeout: '10s',
  stream_idle_timeout: '30s',
  max_request_headers_kb: 16,
  common_http_protocol_options: {
    idle_timeout: '60s',
    max_headers_count: 64,
    headers_with_underscores_action: 'REJECT_REQUEST',
  },
  route_config: {
    virtual_hosts: [
      {
        name: 'agent',
        domains: ['*'],
        routes: [{ match: { path }, route: { cluster: 'agent', timeout: '30s' } }],
      },
    ],
  },
  http_filters: [
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ],
});
