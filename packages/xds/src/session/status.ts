// What a stream has and lacks, for people and for `--wait`.
import { namesOf } from '../names.ts';
import type { TypeStatus, TypeUrl } from '../types.ts';
import { isInWildcard } from './hold.ts';
import { type Channel, isIdle, type Session } from './state.ts';

export function statusOf(session: Session): Readonly<Record<TypeUrl, TypeStatus>> {
  const statuses: Record<TypeUrl, TypeStatus> = Object.create(null) as Record<TypeUrl, TypeStatus>;
  for (const channel of session.channels.values()) {
    if (channel.isSubscribed) statuses[channel.typeUrl] = channelStatus(session, channel);
  }
  return statuses;
}

function channelStatus(session: Session, channel: Channel): TypeStatus {
  const { rejection } = channel;
  const isSettled = isIdle(channel);
  return {
    subscription: subscriptionOf(channel),
    held: heldCount(channel),
    available: availableCount(channel),
    ackedEpoch: isSettled ? session.epoch : channel.ackedEpoch,
    sentEpoch: isSettled ? session.epoch : channel.sentEpoch,
    isInFlight: channel.flights.length > 0,
    ...(rejection === undefined ? {} : { rejection }),
  };
}

function subscriptionOf(channel: Channel): TypeStatus['subscription'] {
  if (channel.isWildcard) return 'wildcard';
  return channel.subscribed.size > 0 ? 'named' : 'none';
}

function availableCount({ catalog, view }: Channel): number {
  let overlapping = 0;
  const { upserts: own, hidden } = catalog.everything(view.own);
  for (const name of [...own.map((each) => each.name), ...hidden])
    if (catalog.resolve(view.common.layers, name) !== undefined) overlapping++;
  return own.length + catalog.everything(view.common).upserts.length - overlapping;
}

interface Count {
  readonly of: string;
  readonly held: number;
}

/** Counts of streams that were looked at, until something in them changes. */
const counts = new WeakMap<Channel, Count>();

/** What has been sent or is on its way, less what is pending or was refused. */
function heldCount(channel: Channel): number {
  const { catalog, subscribed, held, pending, quarantine } = channel;
  if (pending !== undefined) return countHeld(channel);
  const of = `${catalog.changedEpoch} ${subscribed.size} ${held.size} ${channel.isWildcard} ${quarantine?.size}`;
  const known = counts.get(channel);
  if (known?.of === of) return known.held;
  const count = countHeld(channel);
  counts.set(channel, { of, held: count });
  return count;
}

function countHeld(channel: Channel): number {
  const { catalog, view, pending } = channel;
  const missing = channel.quarantine?.size ?? 0;
  if (channel.isWildcard && !view.hasNeeded) {
    if (pending?.since === -1) return 0;
    const adds = [...(pending?.upserts.values() ?? [])].filter((upsert) => upsert.isAdd).length;
    return Math.max(0, availableCount(channel) - adds - missing);
  }
  const names = new Set(channel.isWildcard ? wholeNames(channel) : []);
  for (const name of namesOf(catalog.names, channel.isWildcard ? channel.held : channel.subscribed)) {
    if (catalog.resolve(view.layers, name) !== undefined) names.add(name);
  }
  for (const name of pending?.upserts.keys() ?? []) names.delete(name);
  return Math.max(0, names.size - missing);
}

function* wholeNames(channel: Channel): IterableIterator<string> {
  for (const use of channel.view.layers) {
    if (use.members !== 'all') continue;
    for (const [, { name }] of channel.catalog.members(use)) if (isInWildcard(channel, name)) yield name;
  }
}
