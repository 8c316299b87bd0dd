// Make before break. The rule: what names clusters waits for new clusters; what is removed waits for those that used it.
import { CLUSTER, refersToClusters, typesUsing } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { type Channel, isIdle, type Session } from './state.ts';

/** What may be taken out of a channel's pending changes now. */
export interface Permit {
  readonly isUrgentOnly: boolean;
  /** Everything new of this type waits, because it does not say what it needs. */
  readonly isHeldBack: boolean;
  /** Whether a resource may go; absent when all may. */
  readonly accepts: ((resource: EncodedResource) => boolean) | undefined;
  readonly mayRemove: (epoch: number) => boolean;
  readonly mayAnswer: boolean;
}

export const urgentPermit: Permit = {
  isUrgentOnly: true,
  isHeldBack: false,
  accepts: undefined,
  mayRemove: () => false,
  mayAnswer: false,
};

/** Names the client is being given for the first time, or `all`; undefined when there are none. */
type Outstanding = ((name: string) => boolean) | 'all' | undefined;

function outstandingClusters(session: Session): Outstanding {
  const channel = session.channels.get(CLUSTER);
  if (channel === undefined || !channel.isSubscribed || isIdle(channel)) return undefined;
  const sets: { has(name: string): boolean; readonly size: number }[] = [];
  for (const { adds } of [...channel.flights, ...channel.queue]) {
    if (adds === 'all') return 'all';
    if (adds.size > 0) sets.push(adds);
  }
  // While a refused response is searched, what is good in it has not arrived either.
  for (const group of channel.isolation?.groups ?? []) sets.push(new Set(group));
  const { pending } = channel;
  if (pending?.since !== undefined) {
    const adds =
      pending.since < 0 ? 'all' : channel.catalog.changesSince(channel.view.common, pending.since)?.adds;
    if (adds === 'all') return 'all';
    if (adds !== undefined && adds.size > 0) sets.push(adds);
  }
  for (const [, upsert] of pending?.upserts ?? []) {
    if (!upsert.isAdd) continue;
    const { upserts } = pending ?? { upserts: new Map<string, typeof upsert>() };
    sets.push({ size: 1, has: (name) => upserts.get(name)?.isAdd === true });
    break;
  }
  return sets.length === 0 ? undefined : (name) => sets.some((set) => set.has(name));
}

function isBlocked(resource: EncodedResource, outstanding: Exclude<Outstanding, undefined>): boolean {
  if (outstanding === 'all' || resource.needs.length === 0) return true;
  return resource.needs.some((need) => need.typeUrl === CLUSTER && outstanding(need.name));
}

/** The permit for an ordinary push, and when to look again if something waits for time. */
export function permitFor(
  session: Session,
  channel: Channel,
  nowMs: number,
): { readonly permit: Permit; readonly retryAtMs: number | undefined } {
  const removal = removalGate(session, channel, nowMs);
  const outstanding = refersToClusters(channel.typeUrl) ? outstandingClusters(session) : undefined;
  const base = { isUrgentOnly: false, mayRemove: removal.mayRemove };
  const open: Permit = { ...base, isHeldBack: false, accepts: undefined, mayAnswer: true };
  const { pending } = channel;
  if (outstanding === undefined || pending === undefined) {
    if (pending !== undefined) pending.gatedSinceMs = undefined;
    return { permit: open, retryAtMs: removal.retryAtMs };
  }
  pending.gatedSinceMs ??= nowMs;
  const openAtMs = pending.gatedSinceMs + session.limits.gateMs;
  if (nowMs >= openAtMs) return { permit: open, retryAtMs: removal.retryAtMs };
  const accepts = (resource: EncodedResource): boolean => !isBlocked(resource, outstanding);
  const mayAnswer = pending.upserts.size === 0 && pending.since === undefined;
  const permit = { ...base, isHeldBack: outstanding === 'all', accepts, mayAnswer };
  return { permit, retryAtMs: Math.min(openAtMs, removal.retryAtMs ?? openAtMs) };
}

interface RemovalGate {
  readonly mayRemove: (epoch: number) => boolean;
  readonly retryAtMs: number | undefined;
}

/** A removal of epoch E goes once every type that may use the resource has acknowledged E. */
function removalGate(session: Session, channel: Channel, nowMs: number): RemovalGate {
  const settledAtMs = session.openedAtMs + session.limits.gateMs;
  let settled = Number.POSITIVE_INFINITY;
  let retryAtMs: number | undefined;
  for (const typeUrl of typesUsing(channel.typeUrl)) {
    const user = session.channels.get(typeUrl);
    if (user === undefined) continue;
    if (user.isSubscribed) {
      settled = Math.min(settled, isIdle(user) ? session.epoch : user.ackedEpoch);
    } else if (session.isResumed && nowMs < settledAtMs) {
      // A client that reconnects subscribes to its types one after the other.
      settled = -1;
      retryAtMs = settledAtMs;
    }
  }
  const hasRemovals = (channel.pending?.removals.size ?? 0) > 0;
  return { mayRemove: (epoch) => epoch <= settled, retryAtMs: hasRemovals ? retryAtMs : undefined };
}
