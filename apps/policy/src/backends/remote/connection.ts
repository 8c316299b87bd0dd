// The connection to one adapter outside. Rule: opened with the first call, and anew after it was lost, so that files and certificates of the moment are used; no secret gets into a message.
import type { PeerCertificate } from 'node:tls';
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import type { RemoteAdapterCall } from '@xebec/policy';
import { encode } from '@xebec/protos';
import { fileReader, type SecretReader } from '../../configuration/held-secrets.ts';
import { asBuffer, pathOf } from '../../doors/rpc/unary.ts';

/** The policy service's own certificate of the mesh. */
export interface MeshCredentials {
  readonly current: {
    /** `spiffe://TRUST_DOMAIN/ns/…`. */
    readonly spiffeId: string;
    readonly rootsPem: readonly string[];
    readonly privateKeyPem: string;
    readonly certificatesPem: string;
  };
}

interface Opened {
  readonly client: grpc.Client;
  readonly metadata: grpc.Metadata;
  /** The certificate of the mesh it was opened with. */
  readonly identity: MeshCredentials['current'] | undefined;
}

export interface RemoteCall<Output extends DescMessage> {
  readonly method: DescMethodUnary;
  /** What the method answers. */
  readonly output: Output;
  /** Of the method's input. */
  readonly request: Message;
  readonly signal: AbortSignal;
}

/** The engine ends a call first, and counts that; the adapter is told the later time. */
const graceMs = 100;
const passThrough = (bytes: Buffer): Buffer => bytes;
const channelOptions: grpc.ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export class AdapterConnection {
  readonly #call: RemoteAdapterCall;
  readonly #mesh: MeshCredentials | undefined;
  readonly #reader: SecretReader;
  #opened: Promise<Opened> | undefined;
  #isClosed = false;

  constructor(call: RemoteAdapterCall, mesh: MeshCredentials | undefined, reader: SecretReader = fileReader) {
    this.#call = call;
    this.#mesh = mesh;
    this.#reader = reader;
  }

  /** Rejects with the code and what the adapter said. */
  async unary<Output extends DescMessage>(call: RemoteCall<Output>): Promise<MessageShape<Output>> {
    const opening = await this.#open();
    try {
      const { client, metadata } = await opening.client;
      const bytes = await send(client, { ...call, metadata, timeoutMs: this.#call.timeoutMs + graceMs });
      return fromBinary(call.output, bytes);
    } catch (error) {
      if (isLost(error)) this.#forget(opening.client);
      throw new Error(`${this.#call.address}: ${describe(error)}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#opened !== undefined) this.#forget(this.#opened);
  }

  /** In a promise of its own, so that what was opened can be told from what was opened since. */
  async #open(): Promise<{ readonly client: Promise<Opened> }> {
    if (this.#isClosed) throw new Error('is closed');
    const known = this.#opened;
    if (known === undefined) return { client: this.#openAnew() };
    const opened = await known.catch(() => undefined);
    if (opened?.identity !== undefined && opened.identity !== this.#mesh?.current) this.#forget(known);
    return { client: this.#opened ?? this.#openAnew() };
  }

  #openAnew(): Promise<Opened> {
    const opened = openClient(this.#call, this.#mesh?.current, this.#reader);
    this.#opened = opened;
    return opened;
  }

  /** Calls under way on it end as they would have. */
  #forget(opened: Promise<Opened>): void {
    if (this.#opened === opened) this.#opened = undefined;
    opened.then(
      ({ client }) => client.close(),
      () => undefined,
    );
  }
}

/** Files could not be read, nobody is there, or the token is not good any more. */
const isLost = (error: unknown): boolean =>
  !isServiceError(error) ||
  error.code === grpc.status.UNAVAILABLE ||
  error.code === grpc.status.UNAUTHENTICATED;

const isServiceError = (error: unknown): error is grpc.ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number';

function describe(error: unknown): string {
  if (isServiceError(error)) return `${grpc.status[error.code] ?? error.code}: ${error.details}`;
  return error instanceof Error ? error.message : String(error);
}

interface Sending extends Omit<RemoteCall<DescMessage>, 'output'> {
  readonly metadata: grpc.Metadata;
  readonly timeoutMs: number;
}

function send(
  client: grpc.Client,
  { method, request, signal, metadata, timeoutMs }: Sending,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      pathOf(method),
      passThrough,
      passThrough,
      asBuffer(encode(method.input, request)),
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error('answered nothing'));
        else resolve(answer);
      },
    );
    const cancel = (): void => call.cancel();
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}

async function openClient(
  { address, authentication }: RemoteAdapterCall,
  identity: MeshCredentials['current'] | undefined,
  reader: SecretReader,
): Promise<Opened> {
  const metadata = new grpc.Metadata();
  const open = (credentials: grpc.ChannelCredentials, serverName?: string): grpc.Client =>
    new grpc.Client(address, credentials, { ...channelOptions, ...namedOptions(serverName) });
  if (authentication === undefined)
    return { client: open(grpc.credentials.createInsecure()), metadata, identity: undefined };
  if (authentication.kind === 'mesh') {
    if (identity === undefined) throw new Error('there is no certificate of the mesh to show');
    const client = open(meshCredentials(identity, authentication.serverName), authentication.serverName);
    return { client, metadata, identity };
  }
  const roots = await reader.read(authentication.caCertificates);
  if (authentication.kind === 'mutual') {
    const key = await reader.read(authentication.privateKey);
    const certificate = await reader.read(authentication.clientCertificate);
    const credentials = grpc.credentials.createSsl(roots, key, certificate);
    return { client: open(credentials, authentication.serverName), metadata, identity: undefined };
  }
  if (authentication.token !== undefined) {
    const { path, header, prefix } = authentication.token;
    metadata.set(header, `${prefix}${(await reader.read(path)).toString('utf8').trim()}`);
  }
  const client = open(grpc.credentials.createSsl(roots), authentication.serverName);
  return { client, metadata, identity: undefined };
}

const namedOptions = (serverName: string | undefined): grpc.ChannelOptions =>
  serverName === undefined
    ? {}
    : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };

/** The other side must be a workload of the same trust domain; with a name, its certificate must have that too. */
function meshCredentials(
  { rootsPem, privateKeyPem, certificatesPem, spiffeId }: MeshCredentials['current'],
  serverName: string | undefined,
): grpc.ChannelCredentials {
  const domain = spiffeId.split('/').slice(0, 3).join('/');
  return grpc.credentials.createSsl(
    Buffer.from(rootsPem.join('')),
    Buffer.from(privateKeyPem),
    Buffer.from(certificatesPem),
    {
      checkServerIdentity(_host: string, { subjectaltname = '' }: PeerCertificate) {
        const names = subjectaltname.split(', ');
        const isOfMesh = names.some((name) => name.startsWith(`URI:${domain}/`));
        if (isOfMesh && (serverName === undefined || names.includes(`DNS:${serverName}`))) return undefined;
        return new Error('the adapter is no workload of the mesh, or not the one that was named');
      },
    },
  );
}
