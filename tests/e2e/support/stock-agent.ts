// What an agent of Istio does between an Envoy and a control plane, and no more: a certificate for a token, secrets for its Envoy, discovery passed through with the token.
import { readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { createKeyAndCsr } from '@xebec/ca';
import { type Secret, SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '@xebec/protos/istio/v1/auth/ca_pb';

export interface StockAgentOptions {
  /** `HOST:PORT` of the control plane, 15012 elsewhere. */
  readonly discoveryAddress: string;
  /** `root-cert.pem`, as a ConfigMap brings it. */
  readonly rootFile: string;
  /** A JWT for the audience `istio-ca`. */
  readonly token: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface IssuedChain {
  readonly certChain: readonly string[];
  readonly privateKeyPem: string;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const discovery = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** The name that is in the certificate of every control plane. */
const serverName = 'istiod.istio-system.svc';

export function dial({ discoveryAddress, rootFile }: StockAgentOptions): grpc.Client {
  return new grpc.Client(discoveryAddress, grpc.credentials.createSsl(readFileSync(rootFile)), {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.use_local_subchannel_pool': 1,
  });
}

export function callMetadata({ token }: Pick<StockAgentOptions, 'token'>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  metadata.set('clusterid', 'Kubernetes');
  return metadata;
}

/** RSA of 2048 bits for a day, and always with a signer's name, which is empty unless one was configured. */
export async function askForCertificate(
  options: StockAgentOptions,
  metadata: Readonly<Record<string, string>> | undefined = { CertSigner: '' },
): Promise<IssuedChain | grpc.ServiceError> {
  const { namespace, serviceAccount } = options;
  const id = `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`;
  const made = await createKeyAndCsr(id, 'rsa-2048');
  if (!made.ok) throw new Error('no key');
  const { csrPem: csr, privateKeyPem } = made.value;
  const asked = {
    csr,
    validityDuration: 86_400n,
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  };
  const body = Buffer.from(
    toBinary(IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, asked)),
  );
  const client = dial(options);
  const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
  const deadline = { deadline: Date.now() + 20_000 };
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(path, asIs, asIs, body, callMetadata(options), deadline, (error, answer) =>
        resolve(
          error ?? {
            certChain: fromBinary(IstioCertificateResponseSchema, answer ?? Buffer.alloc(0)).certChain,
            privateKeyPem,
          },
        ),
      );
    });
  } finally {
    client.close();
  }
}

export interface StockAgent extends AsyncDisposable {
  /** Path of the one socket that the clusters `xds-grpc` and `sds-grpc` of the bootstrap lead to. */
  readonly socket: string;
  readonly chain: IssuedChain;
  /** Types that the control plane has answered about. */
  readonly answered: ReadonlySet<string>;
  /** How streams to the control plane ended. */
  readonly endings: readonly string[];
}

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;

const method = (path: string): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});

const listenerType = 'type.googleapis.com/envoy.config.listener.v3.Listener';
/** What an agent asks for itself as soon as its Envoy asks for listeners. */
export const ownTypes = [
  'type.googleapis.com/istio.networking.nds.v1.NameTable',
  'type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig',
  'type.googleapis.com/istio.v1.HealthInformation',
];

export async function startStockAgent(options: StockAgentOptions, socket: string): Promise<StockAgent> {
  const chain = await askForCertificate(options);
  if (!('certChain' in chain)) throw chain;
  const answered = new Set<string>();
  const endings: string[] = [];
  const client = dial(options);
  const server = new grpc.Server();
  server.addService(
    { DeltaAggregatedResources: method(`${discovery}/DeltaAggregatedResources`) },
    { DeltaAggregatedResources: (down: Stream) => passThrough(down, { client, options, answered, endings }) },
  );
  server.addService(
    { StreamSecrets: method('/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets') },
    { StreamSecrets: (down: Stream) => serveSecrets(down, chain) },
  );
  await new Promise<void>((resolve, reject) => {
    const insecure = grpc.ServerCredentials.createInsecure();
    server.bindAsync(`unix:${socket}`, insecure, (error) => (error === null ? resolve() : reject(error)));
  });
  return {
    ...{ socket, chain, answered, endings },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      client.close();
    },
  };
}

interface Way {
  readonly client: grpc.Client;
  readonly options: StockAgentOptions;
  readonly answered: Set<string>;
  readonly endings: string[];
}

/** One stream up for each stream down; its own questions come after the first one for listeners. */
function passThrough(down: Stream, { client, options, answered, endings }: Way): void {
  const path = `${discovery}/DeltaAggregatedResources`;
  const up = client.makeBidiStreamRequest(path, asIs, asIs, callMetadata(options));
  let hasAsked = false;
  down.on('data', (bytes: Buffer) => {
    up.write(bytes);
    if (hasAsked || fromBinary(DeltaDiscoveryRequestSchema, bytes).typeUrl !== listenerType) return;
    hasAsked = true;
    for (const typeUrl of ownTypes)
      up.write(
        Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl }))),
      );
  });
  up.on('data', (bytes: Buffer) => {
    const { typeUrl } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    answered.add(typeUrl);
    if (!ownTypes.includes(typeUrl)) down.write(bytes);
  });
  up.on('error', (error) => {
    endings.push(String(error));
    down.destroy();
  });
  down.on('error', () => up.cancel());
  down.on('cancelled', () => up.cancel());
  down.on('end', () => up.end());
}

/** The certificate as `default`, what came last in the chain as `ROOTCA`. */
function serveSecrets(down: Stream, { certChain, privateKeyPem }: IssuedChain): void {
  const bytesOf = (text: string) => ({ case: 'inlineBytes' as const, value: Buffer.from(text) });
  const secretOf = (name: string): Secret =>
    name === 'default'
      ? create(SecretSchema, {
          name,
          type: {
            case: 'tlsCertificate',
            value: {
              certificateChain: { specifier: bytesOf(certChain.join('')) },
              privateKey: { specifier: bytesOf(privateKeyPem) },
            },
          },
        })
      : create(SecretSchema, {
          name,
          type: {
            case: 'validationContext',
            value: { trustedCa: { specifier: bytesOf(certChain.at(-1) ?? '') } },
          },
        });
  down.on('data', (bytes: Buffer) => {
    const { typeUrl, resourceNames, responseNonce } = fromBinary(DiscoveryRequestSchema, bytes);
    if (responseNonce !== '') return;
    const resources = resourceNames.map((name) => anyPack(SecretSchema, secretOf(name)));
    const answer = create(DiscoveryResponseSchema, { typeUrl, resources, versionInfo: '1', nonce: '1' });
    down.write(Buffer.from(toBinary(DiscoveryResponseSchema, answer)));
  });
  down.on('error', () => undefined);
  down.on('end', () => down.end());
}
