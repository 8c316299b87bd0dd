// A bare gRPC client of the discovery service for tests: messages in and out as values.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const asIs = (bytes: Buffer): Buffer => bytes;

/** Values that arrive, in order, each taken once. */
function createInbox<T>(deadlineMs = 5_000) {
  const values: T[] = [];
  const takers: ((value: T) => void)[] = [];
  return {
    values,
    put(value: T): void {
      const taker = takers.shift();
      if (taker === undefined) values.push(value);
      else taker(value);
    },
    next(): Promise<T> {
      const value = values.shift();
      if (value !== undefined) return Promise.resolve(value);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`nothing arrived within ${deadlineMs} ms`)),
          deadlineMs,
        );
        takers.push((arrived) => {
          clearTimeout(timer);
          resolve(arrived);
        });
      });
    },
  };
}

function openCall(client: Client, method: string, token?: string): ClientDuplexStream<Buffer, Buffer> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return client.makeBidiStreamRequest(`${SERVICE}/${method}`, asIs, asIs, metadata);
}

export function createTestClient(port: number, channel: ChannelCredentials = credentials.createInsecure()) {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.default_authority': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    delta(node: string, token?: string) {
      const call = openCall(client, 'DeltaAggregatedResources', token);
      const inbox = createInbox<DeltaDiscoveryResponse>();
      const ended = createInbox<ServiceError>();
      let isFirst = true;
      call.on('data', (bytes: Buffer) => inbox.put(fromBinary(DeltaDiscoveryResponseSchema, bytes)));
      call.on('error', (error: ServiceError) => ended.put(error));
      const send = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void => {
        const message = create(DeltaDiscoveryRequestSchema, request);
        if (isFirst) message.node ??= create(NodeSchema, { id: node });
        isFirst = false;
        call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)));
      };
      return {
        call,
        send,
        sendRaw: (bytes: Buffer) => call.write(bytes),
        next: inbox.next,
        waiting: inbox.values,
        error: ended.next,
        acknowledge: (response: DeltaDiscoveryResponse) =>
          send({ typeUrl: response.typeUrl, responseNonce: response.nonce }),
      };
    },
    state(node: string) {
      const call = openCall(client, 'StreamAggregatedResources');
      const inbox = createInbox<DiscoveryResponse>();
      const ended = createInbox<ServiceError>();
      call.on('data', (bytes: Buffer) => inbox.put(fromBinary(DiscoveryResponseSchema, bytes)));
      call.on('error', (error: ServiceError) => ended.put(error));
      return {
        call,
        send: (request: MessageInitShape<typeof DiscoveryRequestSchema>): void => {
          const message = create(DiscoveryRequestSchema, request);
          message.node ??= create(NodeSchema, { id: node });
          call.write(Buffer.from(toBinary(DiscoveryRequestSchema, message)));
        },
        next: inbox.next,
        waiting: inbox.values,
        error: ended.next,
      };
    },
    close: () => client.close(),
  };
}
