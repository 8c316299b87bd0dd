// The xDS server: aggregated discovery over gRPC, delta and state of the world, with or without TLS.
import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { fail, type Result, succeed } from '@xebec/std';
import { Catalog } from '../catalog/catalog.ts';
import { defaultLimits, type Limits, systemClock, type XdsServerOptions } from '../options.ts';
import type { Session } from '../session/state.ts';
import type { ResourceType, StreamStatus } from '../types.ts';
import { diagnostic, parseListenAddress, refusePlaintext } from './address.ts';
import { listen } from './listen.ts';
import { type Call, XdsStream } from './stream.ts';
import { StreamHub, type XdsCounters } from './stream-hub.ts';
import { type ClientCertificates, ReloadableCredentials, type TlsMaterial } from './tls-credentials.ts';

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

export interface BindOptions {
  /** `IP:PORT`; port 0 takes a free one. */
  readonly address: string;
  /** Without it the address must be a loopback address. */
  readonly tls?: TlsMaterial & { readonly clientCertificates?: ClientCertificates };
  /** Other services on the same port, such as a certificate authority. */
  readonly addServices?: (server: Server) => void;
}

export interface Binding {
  readonly port: number;
  /** Replaces the certificate for new connections; only on a TLS binding. */
  updateTls(material: TlsMaterial): void;
}

export interface XdsServer {
  /** Starts to listen. Fails on a used port, a bad address, and plaintext off loopback. */
  bind(options: BindOptions): Promise<Result<Binding>>;
  /** Computes a client's view again and sends what it sees differently. */
  refreshView(client: string): void;
  /** Ends all streams of a client with PERMISSION_DENIED and a reason. */
  expel(client: string, reason: string): void;
  statuses(): readonly StreamStatus[];
  counters(): Readonly<XdsCounters> & { readonly refusedConnections: number };
  /** What the last fault was: a bug that ended one stream. */
  lastFault(): unknown;
  close(): Promise<void>;
}

/** Serves the types to whoever `admission` lets in. Nothing is sent before `bind`. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { graph } = options;
  const hub = new StreamHub({
    catalogs: collectionsByType(options.types).map((type) => new Catalog(graph, type)),
    admission: options.admission,
    clock: options.clock ?? systemClock,
    limits,
    epoch: () => graph.epoch,
    onEvent: options.onEvent,
    authenticate: options.authenticate,
  });
  const servers: Listening[] = [];
  return {
    bind: (bindOptions) => bind(hub, limits, servers, bindOptions),
    refreshView(client) {
      for (const stream of [...hub.streams(client)]) stream.refresh();
    },
    expel(client, reason) {
      for (const stream of [...hub.streams(client)]) stream.end(status.PERMISSION_DENIED, reason);
    },
    statuses: () => [...hub.streams()].flatMap((stream) => stream.status() ?? []),
    counters: () => ({ ...hub.counters, refusedConnections: hub.refusedConnections }),
    lastFault: () => hub.lastFault,
    async close() {
      hub[Symbol.dispose]();
      await Promise.all(servers.map(({ server, listener }) => shutDown(server, listener)));
    },
  };
}

/** One catalog a type, in the order in which the types first appear. */
function collectionsByType(types: readonly ResourceType[]) {
  const byType = new Map<string, ResourceType['resources'][]>();
  for (const { typeUrl, resources } of types) {
    byType.set(typeUrl, [...(byType.get(typeUrl) ?? []), resources]);
  }
  return [...byType].map(([typeUrl, collections]) => ({ typeUrl, collections }));
}

const SHUTDOWN_MS = 500;

function shutDown(server: Server, listener: Disposable): Promise<void> {
  listener[Symbol.dispose]();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, SHUTDOWN_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function bind(
  hub: StreamHub,
  limits: Limits,
  servers: Listening[],
  options: BindOptions,
): Promise<Result<Binding>> {
  const address = parseListenAddress(options.address);
  if (!address.ok) return address;
  const { tls } = options;
  const refusal = tls === undefined ? refusePlaintext(address.value) : undefined;
  if (refusal !== undefined) return fail(refusal);
  const reloadable =
    tls === undefined ? undefined : new ReloadableCredentials(tls, tls.clientCertificates ?? 'required');
  const server = createGrpcServer(hub, limits, tls === undefined);
  options.addServices?.(server);
  const credentials = reloadable ?? ServerCredentials.createInsecure();
  try {
    const listener = await listen(server, hub, { ...address.value, credentials });
    servers.push({ server, listener });
    return succeed({ port: listener.port, updateTls: (material) => reloadable?.update(material) });
  } catch (error) {
    server.forceShutdown();
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      ...diagnostic('cannot-listen', `cannot listen on ${options.address}: ${reason}`),
      remedy: 'choose another address, or stop what uses this one',
    });
  }
}

interface Listening {
  readonly server: Server;
  readonly listener: Disposable;
}

function createGrpcServer(hub: StreamHub, limits: Limits, isPlaintext: boolean): Server {
  const server = new Server({
    'grpc.max_receive_message_length': limits.requestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_concurrent_streams': 100,
    // Who has nothing to say for so long connects again when it has.
    'grpc.max_connection_idle_ms': limits.idleConnectionMs,
    'grpc.enable_channelz': 0,
    interceptors: [(_method, call) => introduced(hub, call)],
  });
  server.addService(aggregatedDiscovery, {
    delta: (call: Call) => openStream(hub, call, 'delta', isPlaintext),
    state: (call: Call) => openStream(hub, call, 'state-of-the-world', isPlaintext),
  });
  return server;
}

/** Who has proven who they are is no stranger, whichever service they came for. */
function introduced(hub: StreamHub, call: ServerInterceptingCallInterface): ServerInterceptingCall {
  if (call.getAuthContext().sslPeerCertificate !== undefined) hub.introduce(call.getPeer());
  return new ServerInterceptingCall(call);
}

function openStream(hub: StreamHub, call: Call, protocol: Session['protocol'], isPlaintext: boolean): void {
  try {
    new XdsStream(call, hub, { id: hub.nextStream(), protocol, isPlaintext });
  } catch (error) {
    hub.fault(error);
    call.emit('error', Object.assign(new Error('internal error'), { code: status.INTERNAL }));
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({
  path: `${SERVICE}/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});

/** Messages pass as bytes: they are framed and decoded by our own code. */
const aggregatedDiscovery: ServiceDefinition = {
  delta: method('DeltaAggregatedResources'),
  state: method('StreamAggregatedResources'),
};
