// What proxies refuse although it was accepted: traced to the object that changed last, whose last good value then stands. The rule: one proxy's word is not enough, an Envoy of our own must refuse it too.
import type { AnyObject } from '@xebec/config';
import type { EncodedResource, ResourceCollection, ResourceKey } from '@xebec/envoy';
import type { ObjectKey } from '@xebec/model';
import type { PastValue, Store } from '@xebec/store';
import type { StreamEvent, StreamView } from '@xebec/xds';
import type { EnvoyCheck, Verdict } from './envoy-check.ts';
import { createSettling, type Settling } from './settling.ts';

/** An object of which an earlier value is in force, since an Envoy refuses what the written one makes. */
export interface HeldObject {
  readonly key: ObjectKey;
  /** The resource version whose value stands. */
  readonly stands: string;
  readonly typeUrl: string;
  /** Name of a resource that it spoilt. */
  readonly resource: string;
  /** In Envoy's words. */
  readonly message: string;
  /** Ids of the proxies that refused it. */
  readonly proxies: readonly string[];
  readonly atMs: number;
}

export interface RefusedObjects extends Settling, Disposable {
  observe(event: StreamEvent): void;
  held(key: ObjectKey): HeldObject | undefined;
  all(): readonly HeldObject[];
}

export interface RefusedObjectsOptions {
  readonly store: Store;
  readonly resources: readonly ResourceCollection[];
  readonly view: (client: string) => StreamView;
  readonly check: EnvoyCheck;
  /** Told of what is refused where there is no Envoy to ask, by type and key. */
  readonly onUnchecked: (typeUrl: string, key: ResourceKey, message: string) => void;
  readonly nowMs: () => number;
  readonly onFault: (error: unknown) => void;
  /** How long refusals are gathered before they are looked at. Default 50 ms. */
  readonly gatherMs?: number;
}

interface Reported {
  readonly typeUrl: string;
  readonly name: string;
  readonly message: string;
  readonly clients: Set<string>;
}

interface Refused extends Reported {
  readonly key: ResourceKey;
  readonly resource: EncodedResource;
}

/** Kinds whose last good value is as safe as none; who may do what is never decided by an older text. */
const holdableKinds: ReadonlySet<string> = new Set([
  'DestinationRule',
  'Gateway',
  'ProxyConfig',
  'Service',
  'ServiceEntry',
  'Sidecar',
  'Telemetry',
  'TrafficExtension',
  'VirtualService',
  'WasmPlugin',
  'WorkloadEntry',
]);

const rememberedVerdicts = 5_000;
const triedSuspects = 3;
const triedValues = 3;

export function createRefusedObjects(options: RefusedObjectsOptions): RefusedObjects {
  const { store, onFault, gatherMs = 50 } = options;
  const held = new Map<ObjectKey, HeldObject & { readonly refused: AnyObject }>();
  const reported = new Map<string, Reported>();
  const judge = new Judge(options, (found, refused) => held.set(found.key, { ...found, refused }));
  const settling = createSettling();
  let isDisposed = false;

  const current = (key: ObjectKey): HeldObject | undefined => {
    const found = held.get(key);
    if (found === undefined || store.get(key)?.object === found.refused) return found;
    held.delete(key);
    return undefined;
  };
  const work = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
    while (reported.size > 0 && !isDisposed) {
      const batch = [...reported.values()];
      reported.clear();
      await judge.judge(batch);
    }
  };
  return {
    ...settling,
    observe(event) {
      if (event.kind !== 'rejected') return;
      for (const { name } of event.resources) {
        const id = `${event.typeUrl}|${name}`;
        const known = reported.get(id)?.clients ?? new Set();
        const { typeUrl, message } = event;
        reported.set(id, { typeUrl, name, message, clients: known.add(event.client) });
      }
      if (settling.isSettled()) settling.run(work).catch(onFault);
    },
    held: current,
    all: () => [...held.keys()].flatMap((key) => current(key) ?? []),
    [Symbol.dispose]() {
      isDisposed = true;
      settling.end();
    },
  };
}

class Judge {
  private readonly options: RefusedObjectsOptions;
  private readonly hold: (found: HeldObject, refused: AnyObject) => void;
  /** By `TYPE|HASH`. */
  private readonly verdicts = new Map<string, Verdict>();

  constructor(options: RefusedObjectsOptions, hold: (found: HeldObject, refused: AnyObject) => void) {
    this.options = options;
    this.hold = hold;
  }

  async judge(batch: readonly Reported[]): Promise<void> {
    const refused = batch.flatMap((each) => this.locate(each) ?? []);
    await this.ask(refused);
    for (const each of refused) {
      const verdict = this.verdictOf(each);
      if (verdict?.kind === 'refused') await this.blame(each);
      else if (verdict?.kind === 'unchecked') this.options.onUnchecked(each.typeUrl, each.key, each.message);
    }
  }

  /** What the client has under the name now. */
  private locate(reported: Reported): Refused | undefined {
    const { resources, view } = this.options;
    const [client = ''] = reported.clients;
    const collections = resources.filter(({ typeUrl }) => typeUrl === reported.typeUrl);
    for (const { layer } of view(client).layers[reported.typeUrl] ?? []) {
      const key: ResourceKey = `${layer}|${reported.name}`;
      for (const { resources: collection } of collections) {
        const resource = collection.get(key);
        if (resource !== undefined) return { ...reported, key, resource };
      }
    }
    return undefined;
  }

  private readonly verdictOf = ({ typeUrl, resource }: Refused): Verdict | undefined =>
    this.verdicts.get(`${typeUrl}|${resource.hash}`);

  private async ask(all: readonly Refused[]): Promise<void> {
    const unknown = all.filter((each) => this.verdictOf(each) === undefined);
    if (unknown.length === 0) return;
    const resources = unknown.map(({ typeUrl, resource }) => ({
      typeUrl,
      label: `${typeUrl}|${resource.hash}`,
      bytes: Buffer.concat(resource.chunks),
    }));
    const clusters = unknown.flatMap(({ resource }) => resource.needs.map(({ name }) => name));
    if (this.verdicts.size > rememberedVerdicts) this.verdicts.clear();
    for (const [label, verdict] of await this.options.check.check(resources, clusters)) {
      this.verdicts.set(label, verdict);
    }
  }

  /** Goes back to an earlier value of the object that changed last, if that mends the resource; else of the one before. */
  private async blame(refused: Refused): Promise<void> {
    const { store } = this.options;
    for (const key of suspectsOf(store, refused.resource).slice(0, triedSuspects)) {
      for (const value of store.pastValues(key, triedValues)) {
        if (await this.isMendedBy(refused, key, value)) return;
      }
      store.release(key);
    }
  }

  private async isMendedBy(refused: Refused, key: ObjectKey, value: PastValue): Promise<boolean> {
    const { store, nowMs } = this.options;
    const written = store.get(key)?.object;
    if (written === undefined || !store.hold(key, value)) return false;
    const after = this.locate(refused);
    if (after !== undefined && after.resource.hash === refused.resource.hash) return false;
    if (after !== undefined && after.resource.isAbsent !== true) {
      await this.ask([after]);
      if (this.verdictOf(after)?.kind !== 'good') return false;
    }
    // Somebody may have written another value meanwhile.
    if (store.get(key)?.object !== written) return true;
    const { typeUrl, name, message, clients } = refused;
    const facts = { typeUrl, resource: name, message, proxies: [...clients].sort(), atMs: nowMs() };
    this.hold({ key, stands: value.resourceVersion, ...facts }, written);
    return true;
  }
}

/** The objects behind a resource that may be held, the one that changed last first. */
export function suspectsOf(store: Store, { causes }: Pick<EncodedResource, 'causes'>): readonly ObjectKey[] {
  const keys = [...new Set(causes.map((cause) => cause.split('#', 1)[0] as ObjectKey))];
  return keys
    .flatMap((key) => {
      const object = store.get(key);
      const isHoldable = holdableKinds.has(key.slice(0, key.indexOf('/')));
      return object === undefined || object.owner === 'runtime' || !isHoldable
        ? []
        : [{ key, revision: Number(object.resourceVersion) }];
    })
    .sort((left, right) => right.revision - left.revision)
    .map(({ key }) => key);
}
