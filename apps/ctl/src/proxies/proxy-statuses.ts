// What the control plane knows of each proxy: per type whether it is in step, what it holds, and what it refused.
import { formatOrigin, type Result, succeed } from '@xebec/std';
import { type ControlPlane, originOf } from '../admin/control-plane.ts';
import { at, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';

export type SyncState = 'SYNCED' | 'STALE' | 'NOT SENT' | 'ERROR';

export interface TypeState {
  readonly state: SyncState;
  readonly held: number;
  readonly available: number;
}

export interface Rejection {
  readonly type: string;
  readonly message: string;
  readonly resources: readonly { readonly name: string; readonly causes: readonly string[] }[];
  /** What is in force since then: a resource version of the object behind it, or nothing (empty); absent while it is only kept apart. */
  readonly inForce?: string;
}

export interface ProxyStatus {
  /** Envoy's node id. */
  readonly client: string;
  readonly pod: string;
  readonly namespace: string;
  readonly workload: string;
  readonly discovery: string;
  /** The worst of its types. */
  readonly state: SyncState;
  readonly types: Readonly<Record<keyof typeof typeNames, TypeState>>;
  readonly rejections: readonly Rejection[];
  readonly protocol: string;
  readonly version: number | undefined;
  readonly connectedAtMs: number;
}

/** The columns, and the end of the type URL behind each. */
export const typeNames = {
  clusters: '.Cluster',
  listeners: '.Listener',
  routes: '.RouteConfiguration',
  virtualHosts: '.VirtualHost',
  endpoints: '.ClusterLoadAssignment',
  secrets: '.Secret',
  extensions: '.TypedExtensionConfig',
} as const;

export async function readProxies(controlPlane: ControlPlane): Promise<Result<readonly ProxyStatus[]>> {
  const answer = await controlPlane.get('/v1/proxies');
  if (!answer.ok) return answer;
  const all = objectsOf(at(answer.value, 'items')).map(proxyOf);
  return succeed([...all].sort((a, b) => nameOf(a).localeCompare(nameOf(b))));
}

export const nameOf = ({ pod, namespace }: Pick<ProxyStatus, 'pod' | 'namespace'>): string =>
  `${pod}.${namespace}`;

function proxyOf(item: JsonObject): ProxyStatus {
  const client = textOf(item['client']);
  const node = objectOf(item['node']);
  const types = objectOf(item['types']);
  const states = Object.fromEntries(
    Object.entries(typeNames).map(([name, suffix]) => [name, typeState(findType(types, suffix))]),
  );
  const {
    clusters = unsent,
    listeners = unsent,
    routes = unsent,
    virtualHosts = unsent,
    endpoints = unsent,
    secrets = unsent,
    extensions = unsent,
  } = states;
  const [idPod = client, idNamespace = ''] = splitName(client.split('~')[2] ?? client);
  return {
    client,
    pod: textOf(node['name']) || idPod,
    namespace: textOf(node['namespace']) || idNamespace,
    workload: textOf(node['workloadName']),
    discovery: textOf(node['discovery']),
    state: worst(Object.values(states)),
    types: { clusters, listeners, routes, virtualHosts, endpoints, secrets, extensions },
    rejections: [
      ...Object.entries(types).flatMap(([typeUrl, type]) => rejectionOf(typeUrl, type)),
      ...objectsOf(item['held']).map(heldRejection),
    ],
    protocol: textOf(item['protocol']),
    version: ackedVersion(types),
    connectedAtMs: numberOf(item['connectedAtMs']) ?? 0,
  };
}

const unsent: TypeState = { state: 'NOT SENT', held: 0, available: 0 };

const findType = (types: JsonObject, suffix: string): unknown =>
  Object.entries(types).find(([typeUrl]) => typeUrl.endsWith(suffix))?.[1];

function splitName(name: string): readonly [string, string] {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

function typeState(type: unknown): TypeState {
  if (type === undefined) return unsent;
  const held = numberOf(at(type, 'held')) ?? 0;
  const available = numberOf(at(type, 'available')) ?? 0;
  return { state: stateOf(type), held, available };
}

function stateOf(type: unknown): SyncState {
  if (at(type, 'rejection') !== undefined) return 'ERROR';
  if (at(type, 'subscription') === 'none') return 'NOT SENT';
  const [acked = 0, sent = 0] = [numberOf(at(type, 'ackedEpoch')), numberOf(at(type, 'sentEpoch'))];
  return at(type, 'isInFlight') === true || acked < sent ? 'STALE' : 'SYNCED';
}

function worst(states: readonly TypeState[]): SyncState {
  for (const state of ['ERROR', 'STALE', 'SYNCED'] as const) {
    if (states.some((each) => each.state === state)) return state;
  }
  return 'NOT SENT';
}

function ackedVersion(types: JsonObject): number | undefined {
  const acked = Object.values(types)
    .filter((type) => at(type, 'subscription') !== 'none')
    .flatMap((type) => numberOf(at(type, 'ackedEpoch')) ?? []);
  return acked.length === 0 ? undefined : Math.min(...acked);
}

function rejectionOf(typeUrl: string, type: unknown): readonly Rejection[] {
  const rejection = at(type, 'rejection');
  if (rejection === undefined) return [];
  const resources = objectsOf(at(rejection, 'resources')).map((resource) => ({
    name: textOf(resource['name']),
    causes: objectsOf(resource['causes']).map(causeOf),
  }));
  return [
    {
      type: typeUrl.slice(typeUrl.lastIndexOf('.') + 1),
      message: textOf(at(rejection, 'message')),
      resources,
    },
  ];
}

/** A refusal that is over, since an earlier value of the object stands. */
function heldRejection(held: JsonObject): Rejection {
  const typeUrl = textOf(held['typeUrl']);
  return {
    type: typeUrl.slice(typeUrl.lastIndexOf('.') + 1),
    message: textOf(held['message']),
    resources: [
      {
        name: textOf(held['resource']),
        causes: [causeOf({ cause: held['object'], origin: held['origin'] })],
      },
    ],
    inForce: textOf(held['inForce']),
  };
}

/** `VirtualService/default/reviews#spec.http[0] (routes.yaml:12:5)`. */
function causeOf(cause: JsonObject): string {
  const origin = originOf(cause['origin']);
  const place = origin.file === undefined ? '' : ` (${formatOrigin(origin)})`;
  return `${textOf(cause['cause'])}${place}`;
}
