// Discovery for tests: answers each proxy once per type, and pushes clusters when the endpoints of the echo service change.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, fromJson, toBinary } from '@bufbuild/protobuf';
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
import { clustersOf, listenersOf, readyAddresses, type SeenNode } from './echo-resources.ts';

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;

const passThrough = (bytes: Buffer): Buffer => bytes;
const registry = apiRegistry(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

const service: grpc.ServiceDefinition = {
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
  readonly types: Set<string>;
  node: SeenNode | undefined;
  nonce: number;
  endpoints: string;
}

export class FakeDiscovery {
  /** Nodes by id, as they presented themselves last. */
  readonly nodes = new Map<string, SeenNode>();
  /** URI names that clients proved, by node id. */
  readonly identities = new Map<string, string>();
  /** Requests with an error, as Envoy words it. */
  readonly rejections: string[] = [];
  /** Streams that were opened so far. */
  streams = 0;
  /** While true, nothing is answered. */
  isSilent = false;
  readonly #clients = new Set<Client>();
  #endpoints: readonly string[] = [];

  addTo(server: grpc.Server): void {
    server.addService(service, { DeltaAggregatedResources: (stream: Stream) => this.#accept(stream) });
  }

  /** Endpoints of the echo service are its ready Pods. */
  setPods(pods: ReadonlyMap<string, Manifest>): void {
    this.#endpoints = readyAddresses(pods);
    for (const client of this.#clients) this.#pushClusters(client);
  }

  #accept(stream: Stream): void {
    this.streams += 1;
    const client: Client = { stream, node: undefined, types: new Set(), nonce: 0, endpoints: '' };
    this.#clients.add(client);
    stream.on('data', (bytes: Buffer) =>
      this.#receive(client, fromBinary(DeltaDiscoveryRequestSchema, bytes)),
    );
    stream.on('end', () => stream.end());
    stream.on('error', () => undefined);
    stream.on('cancelled', () => this.#clients.delete(client));
  }

  #receive(client: Client, request: DeltaDiscoveryRequest): void {
    if (request.errorDetail !== undefined) this.rejections.push(request.errorDetail.message);
    if (request.node !== undefined) {
      const { id, cluster, metadata = {} } = request.node;
      client.node = { id, cluster, metadata };
      this.nodes.set(id, client.node);
      this.identities.set(id, client.stream.getAuthContext().sslPeerCertificate?.subjectaltname ?? '');
    }
    if (this.isSilent || client.types.has(request.typeUrl)) return;
    client.types.add(request.typeUrl);
    if (request.typeUrl === typeUrl(ClusterSchema)) this.#pushClusters(client);
    if (request.typeUrl === typeUrl(ListenerSchema)) this.#pushListeners(client);
  }

  #pushClusters(client: Client): void {
    const version = JSON.stringify(this.#endpoints);
    if (
      client.node === undefined ||
      !client.types.has(typeUrl(ClusterSchema)) ||
      client.endpoints === version
    )
      return;
    client.endpoints = version;
    const resources = clustersOf(client.node, this.#endpoints).map((json) => {
      const cluster = fromJson(ClusterSchema, json, { registry: registry() });
      return { name: cluster.name, version, resource: encodeAny(ClusterSchema, cluster) };
    });
    send(client, typeUrl(ClusterSchema), resources);
  }

  #pushListeners(client: Client): void {
    if (client.node === undefined) return;
    const resources = listenersOf(client.node).map((json) => {
      const listener = fromJson(ListenerSchema, json, { registry: registry() });
      return { name: listener.name, version: '1', resource: encodeAny(ListenerSchema, listener) };
    });
    send(client, typeUrl(ListenerSchema), resources);
  }
}

interface NamedResource {
  readonly name: string;
  readonly version: string;
  readonly resource: ReturnType<typeof encodeAny>;
}

function send(client: Client, type: string, resources: NamedResource[]): void {
  client.nonce += 1;
  const response = create(DeltaDiscoveryResponseSchema, {
    typeUrl: type,
    nonce: String(client.nonce),
    resources,
  });
  client.stream.write(Buffer.from(toBinary(DeltaDiscoveryResponseSchema, response)));
}
