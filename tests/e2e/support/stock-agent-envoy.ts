// An Envoy with the bootstrap that an agent of Istio writes: both clusters lead to the agent's socket, discovery is delta, the node is told once.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchText } from './http.ts';

export interface StockAgentNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface NodeFacts {
  readonly role: 'sidecar' | 'router';
  readonly address: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly app: string;
}

/** The metadata that agents of Istio write for an Envoy in a Pod. */
export function nodeOf({ role, address, namespace, serviceAccount, app }: NodeFacts): StockAgentNode {
  const pod = `${app}-6d5f8c9b7-x2v4k`;
  return {
    id: `${role}~${address}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${app}.${namespace}`,
    metadata: {
      ANNOTATIONS: { 'kubernetes.io/config.source': 'api', 'prometheus.io/port': '15020' },
      APP_CONTAINERS: app,
      CLUSTER_ID: 'Kubernetes',
      ENVOY_PROMETHEUS_PORT: 15_090,
      ENVOY_STATUS_PORT: 15_021,
      INSTANCE_IPS: address,
      INTERCEPTION_MODE: 'REDIRECT',
      ISTIO_PROXY_SHA: '0000000000000000000000000000000000000000',
      ISTIO_VERSION: '1.29.0',
      LABELS: { app, istio: app, 'service.istio.io/canonical-name': app },
      MESH_ID: 'cluster.local',
      NAME: pod,
      NAMESPACE: namespace,
      NODE_NAME: 'node-1',
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${app}`,
      PILOT_SAN: ['istiod.istio-system.svc'],
      POD_PORTS: '[{"name":"http","containerPort":8080,"protocol":"TCP"}]',
      PROXY_CONFIG: {
        binaryPath: '/usr/local/bin/envoy',
        concurrency: 2,
        controlPlaneAuthPolicy: 'MUTUAL_TLS',
        discoveryAddress: 'istiod.istio-system.svc:15012',
        drainDuration: '45s',
        proxyAdminPort: 15_000,
        serviceCluster: 'istio-proxy',
        statNameLength: 189,
        statusPort: 15_020,
        terminationDrainDuration: '5s',
      },
      SERVICE_ACCOUNT: serviceAccount,
      WORKLOAD_NAME: app,
    },
  };
}

export interface AgentsEnvoy extends AsyncDisposable {
  admin(path: string): Promise<string>;
  log(): string;
}

const clusterTo = (name: string, socket: string) => {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const http2 = {
    '@type': `type.googleapis.com/${options}`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }];
  return {
    ...{
      name,
      type: 'STATIC',
      connect_timeout: '1s',
      typed_extension_protocol_options: { [options]: http2 },
    },
    load_assignment: { cluster_name: name, endpoints },
  };
};

function bootstrap(node: StockAgentNode, socket: string, adminAddress: string) {
  const source = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
  return {
    node: { ...node, locality: {} },
    admin: { address: { socket_address: { address: adminAddress, port_value: 15_000 } } },
    dynamic_resources: {
      lds_config: source,
      cds_config: source,
      ads_config: {
        api_type: 'DELTA_GRPC',
        set_node_on_first_message_only: true,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: { clusters: [clusterTo('sds-grpc', socket), clusterTo('xds-grpc', socket)] },
  };
}

/** Keeps its files in `directory`. */
export function startAgentsEnvoy(
  node: StockAgentNode,
  {
    socket,
    address,
    directory,
  }: { readonly socket: string; readonly address: string; readonly directory: string },
): AgentsEnvoy {
  const config = join(directory, 'bootstrap.json');
  writeFileSync(config, JSON.stringify(bootstrap(node, socket, address)));
  const parameters = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning'];
  const child = spawn(process.env['ENVOY_PATH'] ?? 'envoy', parameters, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    log += part;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    log: () => log,
    admin: async (path) => (await fetchText({ url: `http://${address}:15000${path}` })).body,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
