// A client of delta discovery that asks as Envoy does: clusters, their endpoints, listeners, their routes, hosts one by one.
import { create, fromBinary, type JsonObject, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { typeUrls } from '@xebec/envoy';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import type { NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';

export type TypeName = keyof typeof typeUrls;

const nameOfType = new Map(Object.entries(typeUrls).map(([name, url]) => [url as string, name as TypeName]));

/** One response, as names in order; an answer without a resource says that there is none. */
export interface Received {
  readonly type: TypeName;
  readonly set?: readonly string[];
  readonly removed?: readonly string[];
  readonly absent?: readonly string[];
}

export interface ProxyClient {
  readonly id: string;
  /** Everything since the last `taken`. */
  taken(): readonly Received[];
  readonly resources: ReadonlyMap<TypeName, ReadonlyMap<string, Uint8Array>>;
  /** Names it asked for that were not answered yet; `*` for a wildcard. */
  waiting(): readonly string[];
  /** A request for a host that it does not hold. */
  askHost(name: string): void;
  subscribe(type: TypeName, ...names: readonly string[]): void;
  /** From now on refuses responses that hold this resource. */
  refuse(type: TypeName, name: string, message: string): void;
  accept(type: TypeName, name: string): void;
  close(): void;
}

export interface ProxyOptions {
  readonly role?: 'sidecar' | 'router';
  readonly namespace?: string;
  readonly name: string;
  readonly address?: string;
  readonly metadata?: JsonObject;
}

const method = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const asIs = (bytes: Buffer): Buffer => bytes;

export const onDemand = { ON_DEMAND_DISCOVERY: 'true' };

export const nodeId = ({
  role = 'sidecar',
  namespace = 'default',
  name,
  address = '127.0.9.1',
}: ProxyOptions) => `${role}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;

export function connectProxy(port: number, options: ProxyOptions): ProxyClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = client.makeBidiStreamRequest(method, asIs, asIs);
  call.on('error', () => undefined);
  const session = createSession(options, (request) =>
    call.write(
      Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
    ),
  );
  call.on('data', (bytes: Buffer) => session.receive(fromBinary(DeltaDiscoveryResponseSchema, bytes)));
  session.subscribe('cluster');
  return {
    id: nodeId(options),
    taken: session.taken,
    waiting: session.waiting,
    resources: session.resources,
    subscribe: session.subscribe,
    askHost: (name) => session.subscribe('virtualHost', name),
    refuse: session.refuse,
    accept: session.accept,
    close: () => {
      call.cancel();
      client.close();
    },
  };
}

type Request = Exclude<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, DeltaDiscoveryRequest>;

function createSession(options: ProxyOptions, write: (request: Request) => void) {
  const resources = new Map<TypeName, Map<string, Uint8Array>>();
  const subscribed = new Map<TypeName, Set<string>>();
  const refused = new Map<string, string>();
  const unanswered = new Set<string>();
  let log: Received[] = [];
  let isFirst = true;
  const send = (request: Request): void => {
    write({ ...request, ...(isFirst ? { node: nodeOf(options) } : {}) });
    isFirst = false;
  };
  /** Names that were not asked for yet; none at all opens a wildcard. */
  const subscribe = (type: TypeName, ...names: readonly string[]): void => {
    const known = subscribed.get(type);
    const fresh = names.filter((name) => known?.has(name) !== true);
    if (known !== undefined && fresh.length === 0) return;
    subscribed.set(type, new Set([...(known ?? []), ...fresh]));
    for (const name of fresh.length === 0 ? ['*'] : fresh) unanswered.add(`${type} ${name}`);
    send({ typeUrl: typeUrls[type], resourceNamesSubscribe: fresh });
  };
  const receive = (response: DeltaDiscoveryResponse): void => {
    const type = nameOfType.get(response.typeUrl) ?? 'secret';
    log.push(describe(type, response));
    unanswered.delete(`${type} *`);
    for (const { name, aliases } of response.resources)
      for (const answered of [name, ...aliases]) unanswered.delete(`${type} ${answered}`);
    for (const name of response.removedResources) unanswered.delete(`${type} ${name}`);
    const bad = response.resources.find(({ name }) => refused.has(`${type} ${name}`));
    const errorDetail = bad && { code: 3, message: refused.get(`${type} ${bad.name}`) ?? '' };
    if (bad === undefined) keep(resources, type, response);
    send({
      typeUrl: response.typeUrl,
      responseNonce: response.nonce,
      ...(errorDetail === undefined ? {} : { errorDetail }),
    });
    if (bad === undefined) follow(type, response, subscribe);
  };
  return {
    resources,
    subscribe,
    receive,
    waiting: () => [...unanswered],
    refuse: (type: TypeName, name: string, message: string): void =>
      void refused.set(`${type} ${name}`, message),
    accept: (type: TypeName, name: string): void => void refused.delete(`${type} ${name}`),
    taken: () => {
      const since = log;
      log = [];
      return since;
    },
  };
}

function describe(type: TypeName, response: DeltaDiscoveryResponse): Received {
  const set = response.resources.filter(({ resource }) => resource !== undefined).map(({ name }) => name);
  const absent = response.resources.filter(({ resource }) => resource === undefined).map(({ name }) => name);
  return {
    type,
    ...(set.length === 0 ? {} : { set: set.sort() }),
    ...(response.removedResources.length === 0 ? {} : { removed: [...response.removedResources].sort() }),
    ...(absent.length === 0 ? {} : { absent: absent.sort() }),
  };
}

function keep(
  resources: Map<TypeName, Map<string, Uint8Array>>,
  type: TypeName,
  response: DeltaDiscoveryResponse,
): void {
  const held = resources.get(type) ?? new Map<string, Uint8Array>();
  resources.set(type, held);
  for (const { name, resource } of response.resources)
    if (resource !== undefined) held.set(name, resource.value);
  for (const name of response.removedResources) held.delete(name);
}

/** What Envoy asks for because of what it got. */
function follow(
  type: TypeName,
  { resources }: DeltaDiscoveryResponse,
  subscribe: (type: TypeName, ...names: readonly string[]) => void,
): void {
  const values = resources.flatMap(({ resource }) => (resource === undefined ? [] : [resource.value]));
  if (type === 'cluster') {
    const names = values.flatMap(endpointsOf);
    if (names.length > 0) subscribe('endpoint', ...names);
    subscribe('listener');
  }
  if (type === 'listener') {
    const names = values.flatMap(routesOf);
    if (names.length > 0) subscribe('route', ...names);
  }
  if (
    type === 'route' &&
    values.some((bytes) => fromBinary(RouteConfigurationSchema, bytes).vhds !== undefined)
  )
    subscribe('virtualHost');
}

function endpointsOf(bytes: Uint8Array): readonly string[] {
  const { name, clusterDiscoveryType: type } = fromBinary(ClusterSchema, bytes);
  return type.case === 'type' && type.value === Cluster_DiscoveryType.EDS ? [name] : [];
}

function routesOf(bytes: Uint8Array): readonly string[] {
  const { filterChains } = fromBinary(ListenerSchema, bytes);
  return filterChains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => {
      if (configType.case !== 'typedConfig' || !configType.value.typeUrl.endsWith('HttpConnectionManager'))
        return [];
      const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value);
      return routeSpecifier.case === 'rds' ? [routeSpecifier.value.routeConfigName] : [];
    }),
  );
}

function nodeOf(options: ProxyOptions): MessageInitShape<typeof NodeSchema> {
  const { namespace = 'default', name, metadata = {} } = options;
  const fields = {
    NAMESPACE: namespace,
    NAME: name,
    WORKLOAD_NAME: name,
    ISTIO_VERSION: '1.29.0',
    ...metadata,
  };
  return {
    id: nodeId(options),
    cluster: `${name}.${namespace}`,
    metadata: fields,
    userAgentName: 'envoy',
  };
}
