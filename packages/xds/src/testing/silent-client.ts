// A client that sends one request and takes nothing of the answer: its flow-control window stays full.
import { connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema } from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';

/** Sends a wildcard request for a type; returns how to end. */
export function openSilentClient(port: number, node: string, typeUrl: string): () => void {
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  session.on('error', () => {});
  stream.on('error', () => {});
  const message = toBinary(
    DeltaDiscoveryRequestSchema,
    create(DeltaDiscoveryRequestSchema, { node: { id: node }, typeUrl }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  stream.write(Buffer.concat([head, message]));
  return () => session.destroy();
}
