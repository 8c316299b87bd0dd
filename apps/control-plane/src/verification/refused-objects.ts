// What proxies refuse although it was accepted: traced to the object that changed last, whose last good value then stands. The rule: one proxy's word is not enough, an Envoy of our own must refuse it too.
import type { AnyObject } from '@xebec/config';
import {
  type EncodedResource,
  piecesOf,
  type ResourceCollection,
  type ResourceKey,
  type ResourcePiece,
} from '@xebec/envoy';
import type { ObjectKey } from '@xebec/model';
import type { PastValue, Store } from '@xebec/store';
import type { StreamEvent, StreamView } from '@xebec/xds';
import type { EnvoyCheck, Verdict } from './envoy-check.ts';
import { createSettling, type Settling } from './settling.ts';

/** An object of which an earlier value is in force, since an Envoy refuses what the written one makes. */
export interface HeldObject {
  readonly key: ObjectKey;
  /** The resource version whose value stands; absent: none of it is in force. */
  readonly stands?: string;
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
  /** Of the content that was refused; another one may be there by now. */
  readonly hash: string;
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
      for (const { name, hash } of event.resources) {
        const id = `${event.typeUrl}|${name}|${hash}`;
        const known = reported.get(id)?.clients ?? new Set();
        const { typeUrl, message } = event;
        reported.set(id, { typeUrl, name, hash, message, clients: known.add(event.client) });
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

interface RefusedPiece {
  readonly of: Refused;
  readonly piece: ResourcePiece;
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
    for (const reported of batch) {
      const refused = this.locate(reported);
      if (refused === undefined || refused.resource.hash !== reported.hash) continue;
      const pieces = piecesOf(refused.typeUrl, refused.resource).map((piece) => ({ of: refused, piece }));
      // Others that are bad are refused next.
      const hinted = pieces.filter((_piece, position) =>
        refused.message.includes(`VirtualHosts[${position}]`),
      );
      if (hinted.length === 0 || !(await this.act(hinted))) await this.act(pieces);
    }
  }

  /** Whether something was to be done about one of them. */
  private async act(pieces: readonly RefusedPiece[]): Promise<boolean> {
    await this.ask(pieces);
    const kinds = pieces.map(({ piece }) => this.verdicts.get(labelOf(piece))?.kind);
    for (const [position, each] of pieces.entries()) {
      const { of } = each;
      if (kinds[position] === 'refused') await this.blame(each);
      else if (kinds[position] === 'unchecked') this.options.onUnchecked(of.typeUrl, of.key, of.message);
    }
    return kinds.some((kind) => kind !== 'good');
  }

  /** What the client has under the name now. */
  private locate(reported: Reported): Refused | undefined {
    const [client = ''] = reported.clients;
    for (const { layer } of this.options.view(client).layers[reported.typeUrl] ?? []) {
      const key: ResourceKey = `${layer}|${reported.name}`;
      for (const { typeUrl, resources } of this.options.resources) {
        const resource = typeUrl === reported.typeUrl ? resources.get(key) : undefined;
        if (resource !== undefined) return { ...reported, key, resource };
      }
    }
    return undefined;
  }

  private async ask(all: readonly RefusedPiece[]): Promise<void> {
    const unknown = all.filter(({ piece }) => !this.verdicts.has(labelOf(piece)));
    if (unknown.length === 0) return;
    const resources = unknown.map(({ piece }) => ({
      typeUrl: piece.typeUrl,
      label: labelOf(piece),
      bytes: piece.bytes,
    }));
    const clusters = unknown.flatMap(({ of }) => of.resource.needs.map(({ name }) => name));
    if (this.verdicts.size > rememberedVerdicts) this.verdicts.clear();
    for (const [label, verdict] of await this.options.check.check(resources, new Set(clusters))) {
      this.verdicts.set(label, verdict);
    }
  }

  /** Goes back to an earlier value of the object that changed last, if that mends it; else of the one before. */
  private async blame(refused: RefusedPiece): Promise<void> {
    const { store } = this.options;
    for (const key of suspectsOf(store, refused.piece).slice(0, triedSuspects)) {
      const written = store.get(key)?.object;
      if (written === undefined) continue;
      for (const value of [...store.pastValues(key, triedValues), 'absent' as const]) {
        if (await this.isMendedBy(refused, key, value))
          return this.remember(refused, key, { written, value });
      }
      store.release(key);
    }
  }

  private async isMendedBy(
    { of, piece }: RefusedPiece,
    key: ObjectKey,
    value: PastValue | 'absent',
  ): Promise<boolean> {
    if (!this.options.store.hold(key, value)) return false;
    const after = this.locate(of);
    if (after === undefined || after.resource.isAbsent === true) return true;
    const rest = piecesOf(after.typeUrl, after.resource).find(({ id }) => id === piece.id);
    if (rest === undefined) return true;
    if (rest.hash === piece.hash) return false;
    await this.ask([{ of: after, piece: rest }]);
    return this.verdicts.get(labelOf(rest))?.kind === 'good';
  }

  private remember(
    { of, piece }: RefusedPiece,
    key: ObjectKey,
    { written, value }: { readonly written: AnyObject; readonly value: PastValue | 'absent' },
  ): void {
    const { store, nowMs } = this.options;
    // Somebody may have written another value meanwhile.
    if (store.get(key)?.object !== written) return;
    const { typeUrl, name, clients } = of;
    const verdict = this.verdicts.get(labelOf(piece));
    // Of a whole table our own Envoy was asked about the one virtual host only.
    const message = verdict?.kind === 'refused' ? verdict.message : of.message;
    const facts = { typeUrl, resource: name, message, proxies: [...clients].sort(), atMs: nowMs() };
    const stands = value === 'absent' ? {} : { stands: value.resourceVersion };
    this.hold({ key, ...stands, ...facts }, written);
  }
}

const labelOf = ({ typeUrl, hash }: ResourcePiece): string => `${typeUrl}|${hash}`;

/** A filter that must not be passed by is not given up for an older one, nor for none: its fail strategy says what happens. */
const isHoldable = (object: AnyObject): boolean =>
  holdableKinds.has(object.kind) && (object.kind !== 'TrafficExtension' || object.spec.filter.kind === 'lua');

/** The objects behind something refused that may be held, the one that changed last first. */
export function suspectsOf(
  store: Store,
  { causes }: { readonly causes: readonly string[] },
): readonly ObjectKey[] {
  const keys = [...new Set(causes.map((cause) => cause.split('#', 1)[0] as ObjectKey))];
  return keys
    .flatMap((key) => {
      const object = store.get(key);
      if (object?.object === undefined || object.owner === 'runtime' || !isHoldable(object.object)) return [];
      return [{ key, revision: Number(object.resourceVersion) }];
    })
    .sort((left, right) => right.revision - left.revision)
    .map(({ key }) => key);
}
