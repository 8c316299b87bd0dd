// What one Envoy talks to: a private Unix socket with its secrets, and the control plane behind it.
import { chmod, chown, rm } from 'node:fs/promises';
import * as grpc from '@grpc/grpc-js';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type AccessLogStream, accessLogPath } from '../audit/access-log-service.ts';
import type { Gate } from '../control/gate.ts';
import { messageOf, refuse } from '../problem.ts';
import {
  createDeltaStream,
  createStateStream,
  type SecretStream,
  type SecretStreamOptions,
} from '../sds/secret-streams.ts';
import type { SecretStore } from '../sds/secrets.ts';
import { type MessagePass, type PassEnds, relay, type ServerStream } from './relay.ts';
import type { Upstream } from './upstream.ts';

export interface DiscoveryServerOptions {
  readonly socketPath: string;
  /** Owner of the socket when the proxy runs as somebody else. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly secrets: SecretStore;
  readonly upstream: Upstream;
  /** Streams wait for it before they are carried on. */
  readonly gate: Gate;
  /** Sees what passes on incremental streams; absent: nobody does. */
  readonly pass?: (ends: PassEnds) => MessagePass;
  /** Access logs that it sends; absent: none are taken. */
  readonly onAccessLog?: (stream: AccessLogStream) => void;
  /** The proxy refused a secret. */
  readonly onRefusal: (message: string) => void;
  /** The stream to the control plane broke. */
  readonly onBreak: (reason: string) => void;
}

const passThrough = (bytes: Buffer): Buffer => bytes;

const duplex = (path: string): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: true,
  responseStream: true,
  requestSerialize: passThrough,
  requestDeserialize: passThrough,
  responseSerialize: passThrough,
  responseDeserialize: passThrough,
});

const aggregated = 'envoy.service.discovery.v3.AggregatedDiscoveryService';
const secret = 'envoy.service.secret.v3.SecretDiscoveryService';
const methods = {
  StreamAggregatedResources: duplex(`/${aggregated}/StreamAggregatedResources`),
  DeltaAggregatedResources: duplex(`/${aggregated}/DeltaAggregatedResources`),
  StreamSecrets: duplex(`/${secret}/StreamSecrets`),
  DeltaSecrets: duplex(`/${secret}/DeltaSecrets`),
  StreamAccessLogs: { ...duplex(accessLogPath), responseStream: false },
};

/** Serves until disposed; only the owner of the socket can reach it. */
export async function startDiscoveryServer(options: DiscoveryServerOptions): Promise<Result<Disposable>> {
  const { socketPath, owner } = options;
  const server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  server.addService(methods, {
    StreamAggregatedResources: (stream: ServerStream) =>
      void carryOn(stream, methods.StreamAggregatedResources.path, options),
    DeltaAggregatedResources: (stream: ServerStream) =>
      void carryOn(stream, methods.DeltaAggregatedResources.path, options),
    StreamSecrets: (stream: ServerStream) => serveSecrets(stream, options, createStateStream),
    DeltaSecrets: (stream: ServerStream) => serveSecrets(stream, options, createDeltaStream),
    StreamAccessLogs: (stream: AccessLogStream) => options.onAccessLog?.(stream),
  });
  try {
    await rm(socketPath, { force: true });
    await bind(server, socketPath);
    await chmod(socketPath, 0o600);
    if (owner !== undefined) await chown(socketPath, owner.uid, owner.gid);
  } catch (error) {
    server.forceShutdown();
    return refuse({
      code: 'socket-not-opened',
      message: `${socketPath}: ${messageOf(error)}`,
      remedy: 'check that the state directory is writable, and that its path is short',
    });
  }
  return succeed({ [Symbol.dispose]: () => server.forceShutdown() });
}

/** What the proxy says meanwhile waits with it. */
async function carryOn(
  stream: ServerStream,
  path: string,
  { gate, upstream, onBreak, pass }: DiscoveryServerOptions,
): Promise<void> {
  const over = new AbortController();
  stream.once('cancelled', () => over.abort());
  if (await gate.passed(over.signal)) {
    const isDelta = path === methods.DeltaAggregatedResources.path;
    relay(stream, upstream.open(path), { onBreak, pass: isDelta ? pass : undefined });
  }
}

const bind = (server: grpc.Server, socketPath: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, grpc.ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

function serveSecrets(
  stream: ServerStream,
  { secrets, onRefusal }: DiscoveryServerOptions,
  create: (options: SecretStreamOptions) => SecretStream,
): void {
  const served = create({
    store: secrets,
    onRefusal,
    send: (bytes) => void stream.write(Buffer.from(bytes)),
  });
  const finish = (): void => served[Symbol.dispose]();
  stream.on('data', (bytes: Buffer) => {
    try {
      served.receive(bytes);
    } catch (error) {
      finish();
      stream.emit('error', { code: grpc.status.INVALID_ARGUMENT, details: messageOf(error) });
    }
  });
  stream.on('end', () => {
    finish();
    stream.end();
  });
  stream.on('cancelled', finish);
  stream.on('error', finish);
}
