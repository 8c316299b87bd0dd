// Resources for tests: every sidecar proxies HTTP to the echo service over mutual TLS, and takes mutual TLS for its application.
import type { JsonObject } from '@bufbuild/protobuf';
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';

/** A proxy as it presented itself. */
export interface SeenNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const echoPort = 9080;

/** Addresses of the echo Pods that are ready and stay. */
export function readyAddresses(pods: ReadonlyMap<string, Manifest>): readonly string[] {
  return [...pods.values()].flatMap(({ metadata, status }) => {
    if (!isRecord(status) || !isRecord(metadata) || metadata['deletionTimestamp'] !== undefined) return [];
    const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
    const isReady = conditions.some(
      (condition) => isRecord(condition) && condition['type'] === 'Ready' && condition['status'] === 'True',
    );
    const isEcho = isRecord(metadata['labels']) && metadata['labels']['app'] === 'echo';
    return isReady && isEcho ? [String(status['podIP'])] : [];
  });
}

const addressOf = ({ id }: SeenNode): string => id.split('~')[1] ?? '';

const endpoint = (address: string, port: number): JsonObject => ({
  endpoint: { address: { socketAddress: { address, portValue: port } } },
});

const cluster = (name: string, addresses: readonly string[], more: JsonObject): JsonObject => ({
  name,
  type: 'STATIC',
  connectTimeout: '1s',
  loadAssignment: {
    clusterName: name,
    endpoints: [{ lbEndpoints: addresses.map((address) => endpoint(address, echoPort)) }],
  },
  ...more,
});

export function clustersOf(node: SeenNode, endpoints: readonly string[]): JsonObject[] {
  const application = String(node.metadata['APPLICATION_ADDRESS'] ?? addressOf(node));
  return [
    cluster(`inbound|${echoPort}||`, [application], {}),
    cluster(`outbound|${echoPort}||echo`, endpoints, {
      transportSocket: tlsSocket('UpstreamTlsContext', {}),
    }),
  ];
}

const secret = (name: string): JsonObject => ({
  name,
  sdsConfig: {
    resourceApiVersion: 'V3',
    initialFetchTimeout: '0s',
    apiConfigSource: {
      apiType: 'GRPC',
      transportApiVersion: 'V3',
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ envoyGrpc: { clusterName: 'sds-grpc' } }],
    },
  },
});

const tlsSocket = (type: string, more: JsonObject): JsonObject => ({
  name: 'envoy.transport_sockets.tls',
  typedConfig: {
    '@type': `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${type}`,
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [secret('default')],
      validationContextSdsSecretConfig: secret('ROOTCA'),
    },
    ...more,
  },
});

const statsLog: JsonObject = {
  name: 'envoy.access_loggers.stats',
  typedConfig: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config',
    statsScope: { prefix: '' },
    counters: [
      {
        stat: {
          name: 'istio_requests_total',
          tags: [
            { name: 'reporter', valueFormat: 'destination' },
            { name: 'response_code', valueFormat: '%RESPONSE_CODE%' },
            { name: 'response_flags', valueFormat: '%RESPONSE_FLAGS%' },
            { name: 'source_principal', valueFormat: '%DOWNSTREAM_PEER_URI_SAN%' },
            { name: 'destination_workload', valueFormat: '%ENVIRONMENT(ISTIO_META_WORKLOAD_NAME)%' },
            { name: 'destination_version', valueFormat: '%ENVIRONMENT(XEBEC_VERSION)%' },
            { name: 'source_app', valueFormat: '%ENVIRONMENT(NOT_SET)%' },
          ],
        },
        valueFixed: 1,
      },
    ],
  },
};

const stdoutLog: JsonObject = {
  name: 'envoy.access_loggers.stdout',
  typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog' },
};

const manager = (clusterName: string): JsonObject => ({
  name: 'envoy.filters.network.http_connection_manager',
  typedConfig: {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    statPrefix: 'test',
    accessLog: [stdoutLog, statsLog],
    routeConfig: {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/' },
              route: {
                cluster: clusterName,
                retryPolicy: { retryOn: 'connect-failure,refused-stream,reset', numRetries: 3 },
              },
            },
          ],
        },
      ],
    },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  },
});

const listener = (name: string, port: number, more: JsonObject): JsonObject => ({
  name,
  address: { socketAddress: { address: name, portValue: port } },
  ...more,
});

export function listenersOf(node: SeenNode): JsonObject[] {
  const address = addressOf(node);
  const outbound = manager(`outbound|${echoPort}||echo`);
  if (node.id.startsWith('router~')) {
    const ports = isRecord(node.metadata['GATEWAY_PORTS']) ? node.metadata['GATEWAY_PORTS'] : {};
    return [listener(address, Number(ports['80']), { filterChains: [{ filters: [outbound] }] })];
  }
  const inbound = {
    name: 'inbound',
    address: { socketAddress: { address, portValue: echoPort } },
    trafficDirection: 'INBOUND',
    filterChains: [
      {
        filters: [manager(`inbound|${echoPort}||`)],
        transportSocket: tlsSocket('DownstreamTlsContext', { requireClientCertificate: true }),
      },
    ],
  };
  return [
    listener(address, 15001, { trafficDirection: 'OUTBOUND', filterChains: [{ filters: [outbound] }] }),
    inbound,
  ];
}
