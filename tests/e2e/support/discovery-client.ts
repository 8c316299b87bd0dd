// A discovery client that asks for one thing after another, as whoever its certificate or token says, and shows what it got.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';

const method = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const same = (value: Buffer): Buffer => value;

export const types = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
} as const;

export interface DiscoveryClientOptions {
  /** `HOST:PORT`. */
  readonly address: string;
  /** Absent: plaintext. */
  readonly rootsPem?: string;
  readonly certificate?: { readonly certificatesPem: string; readonly privateKeyPem: string };
  readonly bearerToken?: string;
  readonly node: { readonly id: string; readonly metadata: Readonly<Record<string, unknown>> };
}

export interface DiscoveryAnswer {
  /** Name to encoded resource; empty for what does not exist. */
  readonly resources: ReadonlyMap<string, string>;
}

export interface DiscoveryClient extends Disposable {
  /** The first answer about this type; rejects with what the server says when it ends the stream. */
  ask(typeUrl: string, names?: readonly string[]): Promise<DiscoveryAnswer>;
  /** Sends a request as it is; the node comes with the first. */
  send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void;
  /** How the stream ends. */
  readonly ended: Promise<ServiceError>;
}

const channelOf = ({ rootsPem, certificate }: DiscoveryClientOptions) => {
  if (rootsPem === undefined) return credentials.createInsecure();
  const key = certificate === undefined ? null : Buffer.from(certificate.privateKeyPem);
  const chain = certificate === undefined ? null : Buffer.from(certificate.certificatesPem);
  return credentials.createSsl(Buffer.from(rootsPem), key, chain);
};

export function openDiscovery(options: DiscoveryClientOptions): DiscoveryClient {
  const client = new Client(options.address, channelOf(options), {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.default_authority': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  if (options.bearerToken !== undefined) metadata.set('authorization', `Bearer ${options.bearerToken}`);
  const call = client.makeBidiStreamRequest(method, same, same, metadata, { deadline: Date.now() + 60_000 });
  const waiting = new Map<string, (answer: DiscoveryAnswer) => void>();
  let isFirst = true;
  const send = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void => {
    const { id, metadata: said } = options.node;
    const node = create(NodeSchema, { id, cluster: 'probe', metadata: JSON.parse(JSON.stringify(said)) });
    const message = create(DeltaDiscoveryRequestSchema, { ...request, ...(isFirst ? { node } : {}) });
    isFirst = false;
    call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)));
  };
  call.on('data', (bytes: Buffer) => {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    send({ typeUrl: response.typeUrl, responseNonce: response.nonce });
    const found = response.resources.map(
      ({ name, resource }) => [name, Buffer.from(resource?.value ?? []).toString('latin1')] as const,
    );
    waiting.get(response.typeUrl)?.({ resources: new Map(found) });
    waiting.delete(response.typeUrl);
  });
  const ended = new Promise<ServiceError>((resolve) => call.on('error', resolve));
  return {
    ended,
    send,
    ask: (typeUrl, names) =>
      new Promise((resolve, reject) => {
        waiting.set(typeUrl, resolve);
        void ended.then(reject);
        send({ typeUrl, resourceNamesSubscribe: [...(names ?? ['*'])] });
      }),
    [Symbol.dispose]: () => {
      call.cancel();
      client.close();
    },
  };
}
