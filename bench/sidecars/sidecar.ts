// One simulated sidecar: a delta stream that subscribes as Envoy does, acknowledges everything, and keeps no resource.
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { nowMs } from '../measure/clock.ts';
import type { DiscoveryMode } from './messages.ts';
import type { NameTable } from './name-table.ts';
import { encodeRequest, nodeOf, typeUrls } from './requests.ts';
import { endpointsNameOf, type Received, readDeltaResponse, routeNamesOf } from './response-reader.ts';

export interface SidecarOptions {
  readonly index: number;
  readonly address: string;
  readonly mode: DiscoveryMode;
  /** Virtual hosts to ask for once the first ones came. */
  readonly hosts: readonly string[];
  readonly names: NameTable;
  readonly onResponse: (received: Received, bytes: Buffer) => void;
  readonly onFailure: (message: string) => void;
}

export interface Sidecar {
  /** True when everything that was asked for has come. */
  isComplete(): boolean;
  ask(hosts: readonly string[]): void;
  /** When it became complete last. */
  completeAtMs(): number;
  close(): void;
}

const method = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const asIs = (bytes: Buffer): Buffer => bytes;

export function startSidecar(options: SidecarOptions): Sidecar {
  const { mode, names } = options;
  const client = new Client(options.address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(method, asIs, asIs);
  const answered = new Set<string>();
  const asked = names.createMarks();
  let open = 0;
  let isListening = false;
  let hasAskedHosts = false;
  let completeAtMs = 0;
  let isClosed = false;

  call.on('data', receive);
  call.on('error', (error: Error) => {
    if (!isClosed) options.onFailure(`sidecar ${options.index}: ${error.message}`);
  });
  call.write(encodeRequest({ typeUrl: typeUrls.cluster, node: nodeOf(options.index, mode) }));
  call.write(encodeRequest({ typeUrl: typeUrls.listener }));

  const isComplete = (): boolean =>
    open === 0 && isListening && answered.has(typeUrls.cluster) && (mode === 'ordinary' || hasAskedHosts);

  return {
    isComplete,
    completeAtMs: () => completeAtMs,
    ask: (hosts) => subscribe(typeUrls.virtualHost, hosts),
    close() {
      isClosed = true;
      call.cancel();
      client.close();
    },
  };

  function receive(bytes: Buffer): void {
    const received = readDeltaResponse(bytes);
    call.write(encodeRequest({ typeUrl: received.typeUrl, nonce: received.nonce }));
    answered.add(received.typeUrl);
    if (received.typeUrl === typeUrls.cluster) learnClusters(received, bytes);
    else if (received.typeUrl === typeUrls.listener) learnListeners(received, bytes);
    else settle(received);
    if (isComplete()) completeAtMs = nowMs();
    options.onResponse(received, bytes);
  }

  function learnClusters({ resources }: Received, bytes: Buffer): void {
    const wanted: string[] = [];
    for (const { name, body } of resources) {
      const endpoints = body === undefined ? undefined : endpointsNameOf(bytes, body, name);
      if (endpoints !== undefined) wanted.push(endpoints);
    }
    subscribe(typeUrls.endpoint, wanted);
  }

  function learnListeners({ resources }: Received, bytes: Buffer): void {
    isListening = true;
    const wanted = resources.flatMap(({ body }) => (body === undefined ? [] : routeNamesOf(bytes, body)));
    subscribe(typeUrls.route, wanted);
    if (mode === 'on-demand' && !answered.has(typeUrls.virtualHost) && !hasAskedHosts)
      call.write(encodeRequest({ typeUrl: typeUrls.virtualHost }));
  }

  function settle({ typeUrl, resources }: Received): void {
    for (const { name, aliases } of resources) {
      for (const each of [name, ...aliases]) if (asked.fulfil(typeUrl, each)) open--;
    }
    if (typeUrl !== typeUrls.virtualHost || hasAskedHosts) return;
    hasAskedHosts = true;
    subscribe(typeUrls.virtualHost, options.hosts);
  }

  /** Asks for names not asked for before, in one request. */
  function subscribe(typeUrl: string, wanted: readonly string[]): void {
    const fresh = wanted.filter((name) => asked.ask(typeUrl, name));
    if (fresh.length === 0) return;
    open += fresh.length;
    call.write(encodeRequest({ typeUrl, subscribe: fresh }));
  }
}
