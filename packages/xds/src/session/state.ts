// The state of one stream: a channel per resource type. Plain data; the other files of this folder say how it moves.
import type { Catalog, LayerUser } from '../catalog/catalog.ts';
import type { LayerView } from '../catalog/layers.ts';
import type { NameSet } from '../names.ts';
import type { Limits } from '../options.ts';
import type { EncodedResource, RejectedResource, StreamView, TypeUrl } from '../types.ts';

/** One response on its way out. */
export interface Outgoing {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** The message without its nonce. */
  readonly body: Uint8Array;
  readonly resources: number;
}

export type SessionEvent =
  | { readonly kind: 'acked'; readonly typeUrl: TypeUrl; readonly epoch: number }
  | {
      readonly kind: 'rejected';
      readonly typeUrl: TypeUrl;
      readonly message: string;
      readonly resources: readonly RejectedResource[];
    }
  | {
      readonly kind: 'asked';
      readonly typeUrl: TypeUrl;
      readonly name: string;
      readonly found: string | undefined;
    }
  | { readonly kind: 'ignored'; readonly typeUrl: TypeUrl; readonly reason: string };

/** What a session needs of the world. */
export interface SessionPort {
  nowMs(): number;
  /** False while what was written before has not been taken; the session is pumped again when that changes. */
  isReady(): boolean;
  send(response: Outgoing): void;
  emit(event: SessionEvent): void;
}

/** Why a response was sent: it decides what may be in flight with it. */
export type FlightKind = 'push' | 'urgent' | 'probe';

/** A response that has not been answered. */
export interface Flight {
  readonly nonce: string;
  readonly kind: FlightKind;
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
  /** Asked names that this answers. */
  readonly asked: readonly string[];
  /** Names that the client did not have before. */
  readonly adds: ReadonlySet<string> | 'all';
  /** When this is acknowledged, so is every change up to this epoch. */
  readonly covers: number | undefined;
}

export interface Upsert {
  /** The client does not have the name yet. */
  readonly isAdd: boolean;
  /** A request waits for it: sent at once. */
  readonly isUrgent: boolean;
  /** Names that requests at the client wait for. */
  readonly asked: readonly string[];
}

/** What is to be sent. */
export interface Pending {
  /** Changes of the common layers after this epoch, taken together with other streams; -1 is everything. */
  since: number | undefined;
  readonly upserts: Map<string, Upsert>;
  /** Removed names with the epoch of the removal. */
  readonly removals: Map<string, number>;
  /** Asked names that do not exist. */
  readonly absent: Set<string>;
  /** A first request that is answered even with nothing. */
  mustAnswer: boolean;
  /** Something of this is to be sent at once. */
  hasUrgent: boolean;
  /** Since when new resources wait for clusters. */
  gatedSinceMs: number | undefined;
}

/** A composed response that waits for the socket. */
export interface Part {
  readonly body: Uint8Array;
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
  readonly asked: readonly string[];
  readonly adds: ReadonlySet<string> | 'all';
  readonly covers: number | undefined;
}

/** The search for the bad resources of a refused response. */
export interface Isolation {
  readonly groups: (readonly string[])[];
  probesLeft: number;
  covers: number | undefined;
}

interface Rejection {
  readonly message: string;
  readonly resources: readonly RejectedResource[];
  readonly atMs: number;
}

export interface Channel {
  readonly catalog: Catalog;
  readonly typeUrl: TypeUrl;
  view: LayerView;
  isSubscribed: boolean;
  isWildcard: boolean;
  /** Names subscribed to by name. */
  readonly subscribed: NameSet;
  /** Names of needed layers that the client has or shall have; it only grows. */
  readonly held: NameSet;
  /** Endpoints sent before the client subscribed to them. */
  readonly ahead: NameSet;
  pending: Pending | undefined;
  queue: readonly Part[];
  flights: readonly Flight[];
  lastNonce: number;
  ackedEpoch: number;
  sentEpoch: number;
  /** Refused names with the hash that was refused. */
  quarantine: Map<string, string> | undefined;
  isolation: Isolation | undefined;
  rejection: Rejection | undefined;
  tokens: number;
  tokensAtMs: number;
}

/** What a stream knows about virtual hosts that travel one by one. */
export interface OnDemand {
  /** Route configurations the client has: sent on this stream, or confirmed by the versions it named. */
  readonly delivered: Map<string, 'sent' | 'confirmed'>;
  /** Route configurations that need a first message about their virtual hosts. */
  readonly unopened: Set<string>;
  /** Asked names whose answer may become better, with the resource that answered. */
  readonly asked: Map<string, string | undefined>;
  /** Names of stand-ins that the client was sent: they go when what they stand for comes. */
  /** Names that were asked for and found as such, with what was found: asked for once, and lost with it. */
  readonly exact: Map<string, string>;
  readonly standIns: Set<string>;
}

export interface Session extends LayerUser {
  readonly protocol: 'delta' | 'state-of-the-world';
  readonly channels: ReadonlyMap<TypeUrl, Channel>;
  readonly port: SessionPort;
  readonly limits: Limits;
  readonly versionPrefix: string;
  readonly openedAtMs: number;
  view: StreamView;
  /** Changes up to this epoch are sent or pending. */
  epoch: number;
  /** The epoch that is being collected. */
  targetEpoch: number;
  /** Names under which an asked name may be found, best first. */
  readonly candidates: (typeUrl: TypeUrl, asked: string) => readonly string[];
  /** The client has resources from before this stream. */
  isResumed: boolean;
  /** Some channel holds only what is needed. */
  isSelective: boolean;
  onDemand: OnDemand | undefined;
  /** The logs do not reach back to the cursor: the client must reconnect and say what it has. */
  isLost: boolean;
  sentResponses: number;
  sentResources: number;
  sentBytes: number;
}

export const noFlights: readonly Flight[] = [];
export const noParts: readonly Part[] = [];

export function pendingOf(channel: Channel): Pending {
  channel.pending ??= {
    since: undefined,
    upserts: new Map(),
    removals: new Map(),
    absent: new Set(),
    mustAnswer: false,
    hasUrgent: false,
    gatedSinceMs: undefined,
  };
  return channel.pending;
}

/** Forgets an empty pending record: an idle channel holds none. */
export function trimPending(channel: Channel): void {
  const { pending } = channel;
  if (pending === undefined || pending.since !== undefined) return;
  if (pending.mustAnswer || pending.hasUrgent) return;
  if (pending.upserts.size + pending.removals.size + pending.absent.size === 0) channel.pending = undefined;
}

export const isIdle = (channel: Channel): boolean =>
  channel.pending === undefined &&
  channel.flights.length === 0 &&
  channel.queue.length === 0 &&
  channel.isolation === undefined;
