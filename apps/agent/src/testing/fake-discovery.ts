// Discovery for tests: every sidecar proxies HTTP to the echo service over mutual TLS, and takes mutual TLS for its application.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { apiRegistry, encodeAny, typeUrl } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;

export interface SeenNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface FakeDiscovery {
  addTo(server: grpc.Server): void;
  /** Endpoints of the echo service are the ready Pods. */
  setPods(pods: ReadonlyMap<string, Manifest>): void;
  /** Nodes by id, as they presented themselves last. */
  readonly nodes: Map<string, SeenNode>;
  /** URI names that clients proved, by node id. */
  readonly identities: Map<string, string>;
  /** Requests with an error, as Envoy words it. */
  readonly rejections: string[];
  /** While true, nothing is answered. */
  isSilent: boolean;
}

const passThrough = (bytes: Buffer): Buffer => bytes;
const registry = apiRegistry(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

const delta: grpc.ServiceDefinition = {
  DeltaAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  },
};

interface Client {
  readonly stream: Stream;
  node: SeenNode | undefined;
  readonly types: Set<string>;
  nonce: number;
  sent: string;
}

export function addFakeDiscovery(): FakeDiscovery {
  const clients = new Set<Client>();
  let endpoints: readonly string[] = [];
  const discovery: FakeDiscovery = {
    nodes: new Map(),
    identities: new Map(),
    rejections: [],
    isSilent: false,
    addTo(server) {
      server.addService(delta, { DeltaAggregatedResources: accept });
    },
    setPods(pods) {
      endpoints = readyAddresses(pods);
      for (const client of clients) pushClusters(client);
    },
  };
  const send = (
    client: Client,
    type: string,
    resources: { name: string; version: string; resource: ReturnType<typeof encodeAny> }[],
  ): void => {
    client.nonce += 1;
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl: type,
      nonce: String(client.nonce),
      resources,
    });
    client.stream.write(Buffer.from(toBinary(DeltaDiscoveryResponseSchema, response)));
  };
  const pushClusters = (client: Client): void => {
    const { node } = client;
    const type = typeUrl(ClusterSchema);
    if (node === undefined || !client.types.has(type) || discovery.isSilent) return;
    const wanted = JSON.stringify(endpoints);
    if (client.sent === wanted) return;
    client.sent = wanted;
    const clusters = clustersOf(node, endpoints).map((json) =>
      fromJson(ClusterSchema, json, { registry: registry() }),
    );
    send(
      client,
      type,
      clusters.map((cluster) => ({
        name: cluster.name,
        version: wanted,
        resource: encodeAny(ClusterSchema, cluster),
      })),
    );
  };
  const pushListeners = (client: Client, node: SeenNode): void => {
    const listeners = listenersOf(node).map((json) =>
      fromJson(ListenerSchema, json, { registry: registry() }),
    );
    send(
      client,
      typeUrl(ListenerSchema),
      listeners.map((listener) => ({
        name: listener.name,
        version: '1',
        resource: encodeAny(ListenerSchema, listener),
      })),
    );
  };
  const receive = (client: Client, request: DeltaDiscoveryRequest): void => {
    if (request.errorDetail !== undefined) discovery.rejections.push(request.errorDetail.message);
    if (request.node !== undefined) {
      const { id, cluster, metadata = {} } = request.node;
      client.node = { id, cluster, metadata };
      discovery.nodes.set(id, client.node);
      const subject = client.stream.getAuthContext().sslPeerCertificate?.subjectaltname;
      discovery.identities.set(id, subject ?? '');
    }
    if (client.node === undefined || client.types.has(request.typeUrl)) return;
    client.types.add(request.typeUrl);
    if (discovery.isSilent) return;
    if (request.typeUrl === typeUrl(ClusterSchema)) pushClusters(client);
    if (request.typeUrl === typeUrl(ListenerSchema)) pushListeners(client, client.node);
  };
  const accept = (stream: Stream): void => {
    const client: Client = { stream, node: undefined, types: new Set(), nonce: 0, sent: '' };
    clients.add(client);
    stream.on('data', (bytes: Buffer) => receive(client, fromBinary(DeltaDiscoveryRequestSchema, bytes)));
    stream.on('end', () => stream.end());
    stream.on('error', () => undefined);
    stream.on('cancelled', () => clients.delete(client));
  };
  return discovery;
}

export const echoPort = 9080;

function readyAddresses(pods: ReadonlyMap<string, Manifest>): readonly string[] {
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

function clustersOf(node: SeenNode, endpoints: readonly string[]): JsonObject[] {
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

function listenersOf(node: SeenNode): JsonObject[] {
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
