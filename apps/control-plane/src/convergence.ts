// Which proxies a revision concerns, and how far each has come. An object's change is what its causes changed in the resources.
import { onDemandRoutes, type ResourceCollection, type ResourceKey, typeUrls } from '@xebec/envoy';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { ProxyNode, Scope } from '@xebec/model';
import type { StreamStatus, StreamView } from '@xebec/xds';
import { type Holders, watchScopes } from './scope-holders.ts';

/** Epochs that are remembered. */
const epochLimit = 1_000;

interface ResourceChange {
  readonly epoch: number;
  readonly typeUrl: string;
  readonly layer: string;
  readonly name: string;
  /** Keys of the objects behind it, before and after. */
  readonly objects: ReadonlySet<string>;
}

export interface ObjectConvergence {
  readonly key: string;
  /** Ids of proxies that must change. */
  readonly targeted: readonly string[];
  readonly sent: readonly string[];
  readonly acked: readonly string[];
  readonly rejected: readonly string[];
}

export interface Convergence extends Disposable {
  /** Undefined when the epoch is forgotten or of another process. */
  at(epoch: number, objects: readonly string[]): readonly ObjectConvergence[] | undefined;
  /** How far the proxies that have something of an object at present are with all of it. Looks at every resource once. */
  now(objects: readonly string[]): readonly ObjectConvergence[];
}

export interface ConvergenceOptions {
  readonly graph: Graph;
  readonly resources: readonly ResourceCollection[];
  /** By proxy id. */
  readonly scopes: Collection<string, Scope>;
  readonly statuses: () => readonly StreamStatus[];
  readonly view: (client: string) => StreamView;
  readonly proxy: (client: string) => ProxyNode | undefined;
}

/** By type; a type may have several collections. */
type Layers = ReadonlyMap<string, readonly LayerIndex[]>;
type LayerIndex = Index<string, ResourceKey, { readonly needs: readonly Need[]; readonly name: string }>;
type Need = { readonly typeUrl: string; readonly name: string };

export function trackConvergence(options: ConvergenceOptions): Convergence {
  const { graph, resources } = options;
  const changes = new Map<number, ResourceChange[]>();
  const layers = new Map<string, LayerIndex[]>();
  for (const { typeUrl, resources: collection } of resources) {
    const index = graph.index(collection, `${typeUrl}.convergence`, (_value, key) => [layerOf(key)]);
    layers.set(typeUrl, [...(layers.get(typeUrl) ?? []), index]);
  }
  const watches = resources.map(({ typeUrl, resources: collection }) =>
    graph.watch(collection, ({ epoch, changes: changed }) => {
      const list = changes.get(epoch) ?? [];
      for (const [key, { before, after }] of changed) {
        list.push({
          epoch,
          typeUrl,
          layer: layerOf(key),
          name: key.slice(key.indexOf('|') + 1),
          objects: new Set([...(before?.causes ?? []), ...(after?.causes ?? [])].map(objectOf)),
        });
      }
      changes.set(epoch, list);
      for (const old of changes.keys()) {
        if (changes.size <= epochLimit) break;
        changes.delete(old);
      }
    }),
  );
  const scopes = watchScopes(graph, options.scopes, epochLimit);
  const streamsOf = () =>
    options
      .statuses()
      .map((status) => ({ status, held: heldBy(options.view(status.client), layers, resources) }));
  return {
    at(epoch, objects) {
      if (epoch > graph.epoch || epoch < graph.epoch - epochLimit) return undefined;
      const streams = streamsOf();
      return objects.map((key) =>
        converge({ key, changes: changesOf(changes, key, epoch), holders: scopes.at(key, epoch) }, streams),
      );
    },
    now(objects) {
      const streams = streamsOf();
      const present = presentOf(resources, changes, new Set(objects));
      return objects.map((key) =>
        converge({ key, changes: present.get(key) ?? [], holders: scopes.now(key) }, streams),
      );
    },
    [Symbol.dispose]() {
      scopes[Symbol.dispose]();
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

/** The resources that some objects are behind at present, by object, with the epoch of their last change that is remembered. */
function presentOf(
  resources: readonly ResourceCollection[],
  changes: ReadonlyMap<number, readonly ResourceChange[]>,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, readonly ResourceChange[]> {
  const epochs = new Map<string, number>();
  for (const list of changes.values())
    for (const { epoch, typeUrl, layer, name } of list) epochs.set(`${typeUrl}|${layer}|${name}`, epoch);
  const present = new Map<string, ResourceChange[]>([...wanted].map((key) => [key, []]));
  const tables: ResourceChange[] = [];
  for (const { typeUrl, resources: collection } of resources) {
    for (const [key, { causes }] of collection.entries()) {
      const objects = new Set(causes.map(objectOf).filter((object) => wanted.has(object)));
      const name = key.slice(key.indexOf('|') + 1);
      const epoch = epochs.get(`${typeUrl}|${key}`) ?? 0;
      const change = { epoch, typeUrl, layer: layerOf(key), name, objects };
      if (typeUrl === typeUrls.route && causes.length === 0) tables.push(change);
      for (const object of objects) present.get(object)?.push(change);
    }
  }
  for (const list of present.values()) {
    const wantedTables = tablesOf(list);
    list.push(...tables.filter((table) => isTableOf(table, wantedTables)));
  }
  return present;
}

/** What an object changed. Patches have their effect when they have been checked, some epochs later. */
function changesOf(
  changes: ReadonlyMap<number, readonly ResourceChange[]>,
  key: string,
  epoch: number,
): readonly ResourceChange[] {
  const lists = key.startsWith('EnvoyFilter/')
    ? [...changes].filter(([each]) => each >= epoch).map(([, list]) => list)
    : [changes.get(epoch) ?? []];
  return lists.flatMap((list) => {
    const own = list.filter(({ objects }) => objects.has(key));
    const tables = tablesOf(own);
    return [...own, ...list.filter((change) => isTableOf(change, tables))];
  });
}

/** Names of the tables that virtual hosts belong to. */
const tablesOf = (changes: readonly ResourceChange[]): readonly string[] =>
  changes.flatMap(({ typeUrl, name }) =>
    typeUrl === typeUrls.virtualHost ? [name.slice(0, name.indexOf('/'))] : [],
  );

/** Whole tables of routes say nothing of what is in them: they change with their virtual hosts, if they hold any. */
const isTableOf = (change: ResourceChange, tables: readonly string[]): boolean => {
  const { typeUrl, layer, name, objects } = change;
  return (
    typeUrl === typeUrls.route && layer !== onDemandRoutes && objects.size === 0 && tables.includes(name)
  );
};

const layerOf = (key: string): string => key.slice(0, key.indexOf('|'));
const objectOf = (cause: string): string => cause.split('#', 1)[0] ?? cause;

interface Held {
  /** Layers whose resources all reach the stream, by `TYPE|LAYER`. */
  readonly whole: ReadonlySet<string>;
  /** Further resources it uses, by `TYPE|NAME`. */
  readonly names: ReadonlySet<string>;
}

interface Effect {
  readonly key: string;
  readonly changes: readonly ResourceChange[];
  readonly holders: Holders;
}

function converge(
  { key, changes, holders }: Effect,
  streams: readonly { readonly status: StreamStatus; readonly held: Held }[],
): ObjectConvergence {
  const targeted = new Set<string>();
  const late = { sent: new Set<string>(), acked: new Set<string>(), rejected: new Set<string>() };
  for (const { status, held } of streams) {
    const scopedAt = holders.get(status.client);
    if (scopedAt !== undefined) {
      targeted.add(status.client);
      const types = Object.values(status.types);
      if (types.some(({ sentEpoch }) => sentEpoch < scopedAt)) late.sent.add(status.client);
      if (types.some(({ ackedEpoch }) => ackedEpoch < scopedAt)) late.acked.add(status.client);
    }
    for (const change of changes) {
      if (
        !held.whole.has(`${change.typeUrl}|${change.layer}`) &&
        !held.names.has(`${change.typeUrl}|${change.name}`)
      )
        continue;
      const type = status.types[change.typeUrl];
      if (type === undefined) continue;
      targeted.add(status.client);
      if (type.sentEpoch < change.epoch) late.sent.add(status.client);
      if (type.ackedEpoch < change.epoch) late.acked.add(status.client);
      if (isRefused(status, change)) late.rejected.add(status.client);
    }
  }
  const all = [...targeted].sort();
  return {
    key,
    targeted: all,
    sent: all.filter((client) => !late.sent.has(client)),
    acked: all.filter((client) => !late.acked.has(client) && !late.rejected.has(client)),
    rejected: all.filter((client) => late.rejected.has(client)),
  };
}

/** Only what was refused itself; while the bad ones of a response are being searched for, nothing is decided. */
function isRefused({ types, protocol }: StreamStatus, { typeUrl, name, epoch }: ResourceChange): boolean {
  const type = types[typeUrl];
  const isNamed = type?.rejection?.resources.some((resource) => resource.name === name) ?? false;
  return isNamed && (protocol === 'state-of-the-world' || (type?.ackedEpoch ?? 0) >= epoch);
}

/** What a stream uses: its whole layers, the names it asked for, and everything those need. */
function heldBy(view: StreamView, layers: Layers, resources: readonly ResourceCollection[]): Held {
  const whole = new Set<string>();
  const names = new Set<string>();
  const queue: Need[] = [];
  const visit = (need: Need): void => {
    const id = `${need.typeUrl}|${need.name}`;
    if (names.has(id)) return;
    names.add(id);
    queue.push(need);
  };
  const hasNeeded = Object.values(view.layers).some((uses) =>
    uses.some(({ members }) => members === 'needed'),
  );
  for (const [typeUrl, uses] of Object.entries(view.layers)) {
    for (const { layer, members } of uses) {
      if (members !== 'all') continue;
      whole.add(`${typeUrl}|${layer}`);
      if (!hasNeeded || layer === '*') continue;
      for (const index of layers.get(typeUrl) ?? []) {
        for (const [, value] of index.at(layer)) value.needs.forEach(visit);
      }
    }
  }
  for (const [typeUrl, held] of Object.entries(view.heldNames))
    for (const name of held) visit({ typeUrl, name });
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    needsOf(next, view, resources).forEach(visit);
  return { whole, names };
}

function needsOf(
  { typeUrl, name }: Need,
  view: StreamView,
  resources: readonly ResourceCollection[],
): readonly Need[] {
  const collections = resources.filter((each) => each.typeUrl === typeUrl);
  for (const { layer } of view.layers[typeUrl] ?? []) {
    for (const { resources: collection } of collections) {
      const value = collection.get(`${layer}|${name}`);
      if (value !== undefined) return value.needs;
    }
  }
  return [];
}
