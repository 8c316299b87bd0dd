// Simulated sidecars in a process of their own: they take, acknowledge and count, nothing more.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../src/roles.ts';

const asIs = (bytes: Buffer): Buffer => bytes;
const port = Number(process.argv[2]);
const count = Number(process.argv[3]);
const services = Number(process.argv[4]);
const names = Array.from(
  { length: services },
  (_, i) => `outbound|80||svc-${i}.ns-${i % 10}.svc.cluster.local`,
);

function open(id: number): void {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    asIs,
    asIs,
  );
  const send = (request: object): void => {
    const message = create(DeltaDiscoveryRequestSchema, request);
    call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)));
  };
  const got: Record<string, number> = {};
  let isAsked = false;
  call.on('data', (bytes: Buffer) => {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    got[response.typeUrl] = (got[response.typeUrl] ?? 0) + response.resources.length;
    send({ typeUrl: response.typeUrl, responseNonce: response.nonce });
    if (response.typeUrl === CLUSTER && !isAsked && (got[CLUSTER] ?? 0) >= services) {
      isAsked = true;
      send({ typeUrl: ENDPOINTS, resourceNamesSubscribe: names });
      send({ typeUrl: LISTENER });
      send({ typeUrl: ROUTE, resourceNamesSubscribe: ['80'] });
    }
    process.send?.({ id, typeUrl: response.typeUrl, total: got[response.typeUrl] });
  });
  send({ node: create(NodeSchema, { id: `sidecar~${id}` }), typeUrl: CLUSTER });
}

for (let i = 0; i < count; i++) open(i);
