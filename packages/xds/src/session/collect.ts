// Takes the changes since the stream's cursor into what is pending. The rule: each channel sees each epoch once.
import type { Difference } from '../catalog/difference.ts';
import type { EncodedResource } from '../types.ts';
import {
  followAll,
  followNeeds,
  isInWildcard,
  isOverlapped,
  isRelevant,
  plainAdd,
  plainUpsert,
  queueUpsert,
} from './hold.ts';
import { isAskedFor, reconsiderAsks } from './on-demand.ts';
import { type Channel, pendingOf, type Session } from './state.ts';

/** Brings every channel to `epoch`. Sets `isLost` when a log does not reach back. */
export function collect(session: Session, epoch: number): void {
  if (epoch === session.epoch) return;
  session.targetEpoch = epoch;
  for (const channel of session.channels.values()) collectChannel(session, channel);
  session.epoch = epoch;
}

function collectChannel(session: Session, channel: Channel): void {
  const { catalog, view } = channel;
  const own = catalog.changesSince(view.own, session.epoch);
  const common = catalog.changesSince(view.common, session.epoch);
  if (own === undefined || common === undefined) {
    session.isLost = true;
    return;
  }
  if (!isEmpty(own)) takeOwn(session, channel, own);
  if (!isEmpty(common)) {
    if (isShared(session, channel)) shareCommon(session, channel, common);
    else takeCommon(session, channel, common);
  }
  if (!isEmpty(own) || !isEmpty(common)) reconsiderAsks(session, channel);
}

const isEmpty = (difference: Difference): boolean =>
  difference.upserts.length + difference.removed.length === 0;

/** The common layers go to this channel as they go to others: nothing in them depends on the stream. */
const isShared = (session: Session, channel: Channel): boolean =>
  session.protocol === 'delta' &&
  !channel.view.hasNeeded &&
  !isAskedFor(session, channel) &&
  channel.isWildcard &&
  channel.view.common.isAll &&
  channel.subscribed.size === 0 &&
  channel.quarantine === undefined;

function shareCommon(session: Session, channel: Channel, common: Difference): void {
  const pending = pendingOf(channel);
  pending.since ??= session.epoch;
  if (!isOverlapped(channel)) followAll(session, common);
  else for (const resource of common.upserts) followShown(session, channel, resource);
  if (pending.removals.size > 0) for (const { name } of common.upserts) pending.removals.delete(name);
  for (const name of common.removed) takeRemoval(session, channel, name);
}

function followShown(session: Session, { catalog, view }: Channel, resource: EncodedResource): void {
  if (!catalog.decides(view.own.layers, resource.name)) followNeeds(session, resource, false);
}

function takeOwn(session: Session, channel: Channel, own: Difference): void {
  for (const resource of own.upserts) takeUpsert(session, channel, resource, isAdd(own, resource.name));
  for (const name of own.removed) takeRemoval(session, channel, name);
}

function takeCommon(session: Session, channel: Channel, common: Difference): void {
  const { catalog, view } = channel;
  for (const resource of common.upserts) {
    if (catalog.decides(view.own.layers, resource.name)) continue;
    takeUpsert(session, channel, resource, isAdd(common, resource.name));
  }
  for (const name of common.removed) takeRemoval(session, channel, name);
}

const isAdd = (difference: Difference, name: string): boolean =>
  difference.adds === 'all' || difference.adds.has(name);

function takeUpsert(session: Session, channel: Channel, resource: EncodedResource, isNew: boolean): void {
  if (channel.isSubscribed && isRelevant(channel, resource.name)) {
    queueUpsert(session, channel, resource, isNew ? plainAdd : plainUpsert);
  } else if (session.isSelective && isInWildcard(channel, resource.name)) {
    followNeeds(session, resource, false);
  }
}

/** A name that left one layer may still be shown by another. */
function takeRemoval(session: Session, channel: Channel, name: string): void {
  const { catalog, view } = channel;
  const left = catalog.resolve(view.layers, name);
  if (left !== undefined) {
    takeUpsert(session, channel, left, false);
    return;
  }
  if (!channel.isSubscribed || !isRelevant(channel, name)) return;
  const pending = pendingOf(channel);
  pending.upserts.delete(name);
  pending.removals.set(name, session.targetEpoch);
}
