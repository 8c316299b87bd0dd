// A session without a socket: a graph of test resources, a clock that stands still, and the messages that came out.
import { fromBinary } from '@bufbuild/protobuf';
import { createGraph, type Source } from '@xebec/flow';
import {
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { Catalog } from '../catalog/catalog.ts';
import { defaultLimits, type Limits } from '../options.ts';
import type { DeltaRequest, StateRequest } from '../requests.ts';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET, VIRTUAL_HOST } from '../roles.ts';
import { openSession, pump, receive, refreshSession } from '../session/session.ts';
import type { Outgoing, Session, SessionEvent } from '../session/state.ts';
import type { EncodedResource, LayerUse, ResourceKey, StreamView, TypeUrl } from '../types.ts';
import { withNonce } from '../wire/state-response.ts';

const testTypes = [CLUSTER, ENDPOINTS, LISTENER, ROUTE, VIRTUAL_HOST, SECRET] as const;

export const layer = (name: string, members: LayerUse['members'] = 'all'): LayerUse => ({
  layer: name,
  members,
});

/** Every type through the same layers. */
export function viewOf(layers: readonly LayerUse[], options: Partial<StreamView> = {}): StreamView {
  const byType = Object.fromEntries(testTypes.map((typeUrl) => [typeUrl, layers]));
  return { layers: byType, onDemand: false, heldNames: {}, ...options };
}

/** Clusters and virtual hosts as needed, the rest whole. */
export function onDemandView(heldNames: StreamView['heldNames'] = {}): StreamView {
  const whole = viewOf([layer('*')]);
  const needed = [layer('own'), layer('*', 'needed')];
  const layers = { ...whole.layers, [CLUSTER]: needed, [ENDPOINTS]: needed, [VIRTUAL_HOST]: needed };
  return { layers, onDemand: true, heldNames };
}

export function createWorld(largeLayer = 32) {
  const graph = createGraph();
  const sources = new Map<TypeUrl, Source<ResourceKey, EncodedResource>>();
  for (const typeUrl of testTypes)
    sources.set(typeUrl, graph.source(typeUrl, { equals: (a, b) => a.hash === b.hash }));
  const types = [...sources].map(([typeUrl, resources]) => ({ typeUrl, resources }));
  const source = (typeUrl: TypeUrl): Source<ResourceKey, EncodedResource> => {
    const found = sources.get(typeUrl);
    if (found === undefined) throw new Error(`no test type ${typeUrl}`);
    return found;
  };
  let catalogs: readonly Catalog[] | undefined;
  return {
    graph,
    types,
    /** Made at the first use: a graph can have them once, from here or from a server. */
    catalogs(): readonly Catalog[] {
      catalogs ??= types.map(
        ({ typeUrl, resources }) => new Catalog(graph, { typeUrl, collections: [resources] }, largeLayer),
      );
      return catalogs;
    },
    set: (typeUrl: TypeUrl, resource: EncodedResource, inLayer = '*') =>
      source(typeUrl).set(`${inLayer}|${resource.name}`, resource),
    delete: (typeUrl: TypeUrl, name: string, inLayer = '*') => source(typeUrl).delete(`${inLayer}|${name}`),
    has: (typeUrl: TypeUrl, name: string, inLayer = '*') => source(typeUrl).has(`${inLayer}|${name}`),
    transact: (write: () => void) => graph.transact(write),
  };
}

export type World = ReturnType<typeof createWorld>;

export interface RigOptions {
  readonly view?: StreamView;
  readonly protocol?: Session['protocol'];
  readonly limits?: Partial<Limits>;
}

export function createRig(world: World, options: RigOptions = {}) {
  const out: Outgoing[] = [];
  const events: SessionEvent[] = [];
  const clock = { nowMs: 1_000_000 };
  const socket = { isReady: true };
  let retryAtMs: number | undefined;
  const session = openSession({
    protocol: options.protocol ?? 'delta',
    view: options.view ?? viewOf([layer('*')]),
    catalogs: world.catalogs(),
    limits: { ...defaultLimits, ...options.limits },
    versionPrefix: 'test',
    epoch: world.graph.epoch,
    candidates: (_, asked) => [asked, asked.replace(/\/[^./]*\./, '/*.')],
    onTouch: () => {},
    port: {
      nowMs: () => clock.nowMs,
      isReady: () => socket.isReady,
      send: (response) => out.push(response),
      emit: (event) => events.push(event),
    },
  });
  const pumpNow = (): void => {
    retryAtMs = pump(session, world.graph.epoch);
  };
  return {
    session,
    events,
    clock,
    socket,
    pump: pumpNow,
    retryAtMs: () => retryAtMs,
    /** Messages sent since the last call. */
    taken(): readonly Outgoing[] {
      pumpNow();
      return out.splice(0);
    },
    refresh(view: StreamView): void {
      refreshSession(session, view, world.graph.epoch);
      pumpNow();
    },
    delta(typeUrl: TypeUrl, request: Partial<DeltaRequest> = {}): string | undefined {
      const refusal = receive(session, { ...emptyDelta, typeUrl, ...request });
      pumpNow();
      return refusal;
    },
    state(typeUrl: TypeUrl, request: Partial<StateRequest> = {}): string | undefined {
      const refusal = receive(session, { ...emptyState, typeUrl, ...request });
      pumpNow();
      return refusal;
    },
  };
}

export type Rig = ReturnType<typeof createRig>;

const emptyDelta: DeltaRequest = {
  kind: 'delta',
  typeUrl: '',
  nonce: '',
  error: undefined,
  node: undefined,
  subscribe: [],
  unsubscribe: [],
  known: new Map(),
};

const emptyState: StateRequest = {
  kind: 'state-of-the-world',
  typeUrl: '',
  nonce: '',
  error: undefined,
  node: undefined,
  names: [],
  hasVersion: false,
};

export const readDelta = (response: Outgoing): DeltaDiscoveryResponse =>
  fromBinary(DeltaDiscoveryResponseSchema, withNonce(response.body, response.nonce));

export const readState = (response: Outgoing): DiscoveryResponse =>
  fromBinary(DiscoveryResponseSchema, withNonce(response.body, response.nonce));

const shortName = (typeUrl: TypeUrl): string => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

/** A response as one line: `Cluster +a,b -c`. */
export function summarize(response: Outgoing): string {
  const message = readDelta(response);
  const added = message.resources.map((resource) =>
    resource.resource === undefined ? `!${resource.name}` : resource.name,
  );
  const parts = [shortName(response.typeUrl)];
  if (added.length > 0) parts.push(`+${added.join(',')}`);
  if (message.removedResources.length > 0) parts.push(`-${message.removedResources.join(',')}`);
  return parts.join(' ');
}
