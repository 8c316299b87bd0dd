// One resource type as streams read it: resolved through layers, with recent changes. The rule: every comparison is made once for all streams.
import type { Collection, EpochEvent, Graph, Index } from '@xebec/flow';
import { createNameTable } from '../names.ts';
import type { EncodedResource, LayerUse, ResourceKey, TypeUrl } from '../types.ts';
import { type Difference, differenceSince, everythingOf, noDifference } from './difference.ts';
import { createLayerLog, type LayerLog, trimLog } from './layer-log.ts';
import { createLayerView, isShown, keyOf, type LayerStack, type LayerView, layerOf } from './layers.ts';

/** Somebody who uses layers and wants to know when one of them changed. */
export interface LayerUser {
  touch(): void;
}

type Resources = Collection<ResourceKey, EncodedResource>;

/** All of one type: collections that never hold the same key, and what is served instead of some of it. */
export interface CatalogSource {
  readonly typeUrl: TypeUrl;
  readonly collections: readonly Resources[];
  readonly replacements?: Resources;
}

/** A layer with this many members is worth sharing work for. */
const LARGE_LAYER = 32;
const LOG_LIMIT = 50_000;
const RETIRED_LIMIT = 10_000;

export class Catalog implements Disposable {
  readonly typeUrl: TypeUrl;
  readonly names = createNameTable();
  /** Resources that some client refused: they travel alone, so that they cannot take others with them. */
  readonly suspects = new WeakSet<EncodedResource>();
  private readonly collections: readonly Resources[];
  private readonly replacements: Resources | undefined;
  private readonly byLayer: readonly Index<string, ResourceKey, EncodedResource>[];
  private readonly byAlias: readonly Index<ResourceKey, ResourceKey, EncodedResource>[];
  private readonly logs = new Map<string, LayerLog>();
  private readonly users = new Map<string, Set<LayerUser>>();
  private readonly retired = new Map<ResourceKey, EncodedResource>();
  /** Views by the array the app gave, so that streams that are given one array share one view. */
  private readonly views = new WeakMap<readonly LayerUse[], LayerView>();
  private readonly differences = new Map<string, Difference | undefined>();
  private readonly watching: readonly Disposable[];
  private readonly largeLayer: number;
  /** Epoch of the last change of this type. */
  changedEpoch: number;

  constructor(graph: Graph, type: CatalogSource, largeLayer = LARGE_LAYER) {
    this.largeLayer = largeLayer;
    this.typeUrl = type.typeUrl;
    const { collections, replacements } = type;
    this.collections = collections;
    this.replacements = replacements;
    this.byLayer = collections.map((each) => graph.index(each, 'xds-layer', (_, key) => [layerOf(key)]));
    this.byAlias = collections.map((each) =>
      graph.index(each, 'xds-alias', (resource, key) =>
        resource.aliases.map((alias) => keyOf(layerOf(key), alias)),
      ),
    );
    this.changedEpoch = graph.epoch;
    this.watching = [
      ...collections.map((each) => graph.watch(each, (event) => this.record(event))),
      ...(replacements === undefined
        ? []
        : [graph.watch(replacements, (event) => this.recordReplaced(event))]),
    ];
  }

  /** Starts to keep a log for the layers; until `leave`, their changes touch the user. */
  enter(layers: readonly LayerUse[], user: LayerUser, epoch: number): LayerView {
    for (const { layer } of layers) {
      const users = this.users.get(layer) ?? new Set();
      users.add(user);
      this.users.set(layer, users);
      if (!this.logs.has(layer)) this.logs.set(layer, createLayerLog(epoch));
    }
    return this.viewOf(layers);
  }

  leave(layers: readonly LayerUse[], user: LayerUser): void {
    for (const { layer } of layers) {
      const users = this.users.get(layer);
      users?.delete(user);
      if (users === undefined || users.size > 0) continue;
      this.users.delete(layer);
      this.logs.delete(layer);
    }
  }

  at(layer: string, name: string): EncodedResource | undefined {
    return this.under(keyOf(layer, name));
  }

  /** What a use of one layer shows under a name. */
  seen(use: LayerUse, name: string): EncodedResource | undefined {
    const key = keyOf(use.layer, name);
    const own = this.own(key);
    return own !== undefined && isShown(use, own) ? (this.replacements?.get(key) ?? own) : undefined;
  }

  /** What a client with these layers sees under a name. */
  resolve(layers: readonly LayerUse[], name: string): EncodedResource | undefined {
    const found = this.first(layers, name);
    return found?.isAbsent === true ? undefined : found;
  }

  /** Whether one of the layers decides about a name, also when it says that there is none. */
  decides(layers: readonly LayerUse[], name: string): boolean {
    return this.first(layers, name) !== undefined;
  }

  private first(layers: readonly LayerUse[], name: string): EncodedResource | undefined {
    for (const use of layers) {
      const found = this.count(use.layer) === 0 ? undefined : this.seen(use, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The resource that carries an alias, as a client with these layers sees it. */
  resolveAlias(layers: readonly LayerUse[], alias: string): EncodedResource | undefined {
    for (const use of layers) {
      for (const index of this.byAlias) {
        for (const [, resource] of index.at(keyOf(use.layer, alias))) {
          if (isShown(use, resource)) return this.resolve(layers, resource.name);
        }
      }
    }
    return undefined;
  }

  /** What a use of one layer shows. */
  *members(use: LayerUse): IterableIterator<[ResourceKey, EncodedResource]> {
    const { replacements } = this;
    for (const index of this.byLayer) {
      if (use.shows === undefined && (replacements === undefined || replacements.size === 0)) {
        yield* index.at(use.layer);
        continue;
      }
      for (const [key, own] of index.at(use.layer)) {
        if (isShown(use, own)) yield [key, replacements?.get(key) ?? own];
      }
    }
  }

  log(layer: string): LayerLog | undefined {
    return this.logs.get(layer);
  }

  /** What a removed resource was, while some stream may still have to keep it. */
  retiredOf(layers: readonly LayerUse[], name: string): EncodedResource | undefined {
    for (const use of layers) {
      const found = this.retired.get(keyOf(use.layer, name));
      if (found !== undefined && isShown(use, found)) return found;
    }
    return undefined;
  }

  /** Everything the stack shows; made once and shared until something changes. */
  everything(stack: LayerStack): Difference {
    const key = `${stack.key}\nall`;
    const known = this.differences.get(key);
    if (known !== undefined) return known;
    const made = everythingOf(this, stack);
    this.differences.set(key, made);
    return made;
  }

  /** What changed in the stack after an epoch; undefined when the log no longer tells. */
  changesSince(stack: LayerStack, epoch: number): Difference | undefined {
    if (epoch >= this.changedEpoch || this.isQuiet(stack, epoch)) return noDifference;
    const key = `${stack.key}\n${epoch}`;
    if (this.differences.has(key)) return this.differences.get(key);
    const made = differenceSince(this, stack, epoch);
    this.differences.set(key, made);
    return made;
  }

  /** A client refused this content. */
  suspect(resource: EncodedResource): void {
    this.suspects.add(resource);
    this.differences.clear();
  }

  /** Lets go of what was made for sharing; it is made again when needed. */
  rest(): void {
    this.differences.clear();
  }

  [Symbol.dispose](): void {
    for (const each of this.watching) each[Symbol.dispose]();
  }

  private record({ epoch, changes }: EpochEvent<ResourceKey, EncodedResource>): void {
    this.changedEpoch = epoch;
    this.differences.clear();
    const touched = new Set<string>();
    for (const [key, change] of changes) {
      const layer = layerOf(key);
      const log = this.logs.get(layer);
      if (log === undefined) continue;
      touched.add(layer);
      const name = key.slice(layer.length + 1);
      log.entries.push({ epoch, name, wasPresent: change.before !== undefined });
      if (change.after !== undefined) this.retired.delete(key);
      else if (change.before !== undefined) this.retire(key, change.before);
    }
    for (const layer of touched) this.settle(layer);
  }

  /** A replacement counts only as long as there is something to replace. */
  private under(key: ResourceKey): EncodedResource | undefined {
    const own = this.own(key);
    return own === undefined ? undefined : (this.replacements?.get(key) ?? own);
  }

  private own(key: ResourceKey): EncodedResource | undefined {
    for (const collection of this.collections) {
      const found = collection.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private count(layer: string): number {
    return this.byLayer.reduce((sum, index) => sum + index.count(layer), 0);
  }

  /** The name stays; what is under it is another content from now on. */
  private recordReplaced({ epoch, changes }: EpochEvent<ResourceKey, EncodedResource>): void {
    this.changedEpoch = epoch;
    this.differences.clear();
    for (const key of changes.keys()) {
      const layer = layerOf(key);
      this.logs.get(layer)?.entries.push({ epoch, name: key.slice(layer.length + 1), wasPresent: true });
      this.settle(layer);
    }
  }

  private viewOf(layers: readonly LayerUse[]): LayerView {
    const known = this.views.get(layers);
    if (known !== undefined) return known;
    const view = createLayerView(layers, (layer) => this.count(layer) >= this.largeLayer);
    this.views.set(layers, view);
    return view;
  }

  private isQuiet(stack: LayerStack, epoch: number): boolean {
    return stack.layers.every(({ layer }) => {
      const log = this.logs.get(layer);
      return log === undefined || Math.max(log.floor, log.entries.at(-1)?.epoch ?? 0) <= epoch;
    });
  }

  private settle(layer: string): void {
    const log = this.logs.get(layer);
    if (log !== undefined) trimLog(log, Math.max(LOG_LIMIT, 2 * this.count(layer)));
    for (const user of this.users.get(layer) ?? []) user.touch();
  }

  private retire(key: ResourceKey, resource: EncodedResource): void {
    this.retired.set(key, resource);
    if (this.retired.size <= RETIRED_LIMIT) return;
    for (const oldest of this.retired.keys()) {
      this.retired.delete(oldest);
      return;
    }
  }
}
