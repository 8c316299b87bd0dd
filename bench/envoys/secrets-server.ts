// Secret discovery on a Unix socket for one identity: what an agent does, without renewal.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { anyOf, typeUrl } from '@xebec/protos';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import type { Identity } from './identities.ts';

export interface SecretsServer {
  close(): void;
}

const asIs = (bytes: Buffer): Buffer => bytes;

const streamSecrets = {
  path: '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;

export async function startSecretsServer(socketPath: string, identity: Identity): Promise<SecretsServer> {
  const server = new Server();
  server.addService(
    { streamSecrets },
    {
      streamSecrets: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (bytes: Buffer) => {
          const { responseNonce, resourceNames } = fromBinary(DiscoveryRequestSchema, bytes);
          if (responseNonce === '') call.write(responseFor(resourceNames, identity));
        });
        call.on('end', () => call.end());
        call.on('error', () => undefined);
      },
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return { close: () => server.forceShutdown() };
}

function responseFor(names: readonly string[], identity: Identity): Buffer {
  const resources = names.map((name) => anyOf(SecretSchema, { name, type: secretOf(name, identity) }));
  const response = create(DiscoveryResponseSchema, {
    versionInfo: '1',
    nonce: '1',
    typeUrl: typeUrl(SecretSchema),
    resources,
  });
  return Buffer.from(toBinary(DiscoveryResponseSchema, response));
}

const inline = (text: string) => ({
  specifier: { case: 'inlineBytes' as const, value: Buffer.from(text) },
});

function secretOf(name: string, { certificatesPem, privateKeyPem, rootsPem }: Identity) {
  if (name === 'ROOTCA')
    return { case: 'validationContext' as const, value: { trustedCa: inline(rootsPem) } };
  const value = { certificateChain: inline(certificatesPem), privateKey: inline(privateKeyPem) };
  return { case: 'tlsCertificate' as const, value };
}
