// The first words of a discovery client: which status or answer a node gets with which certificate.
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { DeltaDiscoveryRequestSchema } from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';

const method = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const clusters = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const same = (value: Buffer): Buffer => value;

export interface Knock {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly rootsPem: string;
  /** Absent: without a client certificate. */
  readonly certificate?: { readonly certificatesPem: string; readonly privateKeyPem: string };
  readonly node: { readonly id: string; readonly metadata: Readonly<Record<string, string>> };
}

export type Answered =
  | { readonly kind: 'served' }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string };

/** Asks for all clusters; resolves with the first thing that happens. */
export function knock({ address, rootsPem, certificate, node }: Knock): Promise<Answered> {
  const roots = Buffer.from(rootsPem);
  const channel =
    certificate === undefined
      ? credentials.createSsl(roots)
      : credentials.createSsl(
          roots,
          Buffer.from(certificate.privateKeyPem),
          Buffer.from(certificate.certificatesPem),
        );
  const client = new Client(address, channel, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.default_authority': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = client.makeBidiStreamRequest(method, same, same, { deadline: Date.now() + 10_000 });
  const answered = new Promise<Answered>((resolve) => {
    call.on('data', () => resolve({ kind: 'served' }));
    call.on('error', ({ code, details }: ServiceError) =>
      resolve({ kind: 'refused', code, message: details }),
    );
  });
  const request = create(DeltaDiscoveryRequestSchema, {
    typeUrl: clusters,
    resourceNamesSubscribe: ['*'],
    node: create(NodeSchema, { id: node.id, cluster: 'probe', metadata: { ...node.metadata } }),
  });
  call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  return answered.finally(() => {
    call.cancel();
    client.close();
  });
}
