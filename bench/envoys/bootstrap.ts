// The bootstrap of a sidecar that the benchmark runs without an agent: discovery in plaintext, secrets from a socket.

type Json = Readonly<Record<string, unknown>>;

export interface SidecarIdentity {
  /** Its own loopback address. */
  readonly address: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly discovery: 'on-demand' | 'eager';
  /** Where the application listens. */
  readonly applicationAddress: string;
}

export interface BootstrapOptions {
  readonly sidecar: SidecarIdentity;
  readonly adminSocket: string;
  /** Plaintext xDS, `HOST:PORT`. */
  readonly xdsAddress: string;
  /** Socket of a secret discovery service: clusters are not ready before they have their secrets. */
  readonly secretsSocket: string;
}

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

const http2: Json = {
  [httpOptions]: {
    '@type': `type.googleapis.com/${httpOptions}`,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

const cluster = (name: string, endpoints: readonly Json[]): Json => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  typed_extension_protocol_options: http2,
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: endpoints.map((address) => ({ endpoint: { address } })) }],
  },
});

const fromStream: Json = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };

const stream: Json = {
  api_type: 'DELTA_GRPC',
  transport_api_version: 'V3',
  set_node_on_first_message_only: true,
  grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
};

/** The same kinds of statistics that the agent's proxies keep: without a list, idle proxies of large meshes burn CPU. */
const statistics: Json = {
  stats_matcher: {
    inclusion_list: {
      patterns: ['istio_', 'server.', 'listener_manager.', 'cluster_manager.', 'cluster.xds-grpc.'].map(
        (prefix) => ({ prefix }),
      ),
    },
  },
};

export function encodeBootstrap(options: BootstrapOptions): string {
  const { sidecar, xdsAddress, secretsSocket } = options;
  const [host = '', port = ''] = xdsAddress.split(':');
  const xds = { socket_address: { address: host, port_value: Number(port) } };
  const secrets = { pipe: { path: secretsSocket } };
  return JSON.stringify({
    node: nodeOf(sidecar),
    admin: adminAt(options.adminSocket),
    dynamic_resources: { lds_config: fromStream, cds_config: fromStream, ads_config: stream },
    static_resources: { clusters: [cluster('xds-grpc', [xds]), cluster('sds-grpc', [secrets])] },
    stats_config: statistics,
    deferred_stat_options: { enable_deferred_creation_stats: true },
  });
}

export const adminAt = (path: string): Json => ({ address: { pipe: { path, mode: 0o600 } } });

const nodeOf = ({ address, name, namespace, labels, ...sidecar }: SidecarIdentity): Json => ({
  id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
  cluster: `${name}.${namespace}`,
  metadata: {
    NAMESPACE: namespace,
    NAME: name,
    SERVICE_ACCOUNT: sidecar.serviceAccount,
    WORKLOAD_NAME: name,
    LABELS: labels,
    CLUSTER_ID: 'local',
    MESH_ID: 'cluster.local',
    INSTANCE_IPS: address,
    ISTIO_VERSION: '1.29.0',
    ON_DEMAND_DISCOVERY: String(sidecar.discovery === 'on-demand'),
    CAPTURE: 'explicit',
    APPLICATION_ADDRESS: sidecar.applicationAddress,
    UNPRIVILEGED_POD: 'true',
  },
});
