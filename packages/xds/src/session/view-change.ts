// Moves a stream to another view. The rule: only what the client sees differently afterwards is sent or removed.
import type { LayerView } from '../catalog/layers.ts';
import { sameLayers, sameUse } from '../catalog/layers.ts';
import { hasName } from '../names.ts';
import type { EncodedResource, LayerUse, StreamView } from '../types.ts';
import {
  followAll,
  followNeeds,
  hold,
  isOverlapped,
  isRelevant,
  plainAdd,
  plainUpsert,
  queueUpsert,
} from './hold.ts';
import { answerAbsentAgain, reconsiderAsks } from './on-demand.ts';
import { type Channel, pendingOf, type Session } from './state.ts';

const noLayers: readonly LayerUse[] = [];

export const layersFor = (view: StreamView, typeUrl: string): readonly LayerUse[] =>
  view.layers[typeUrl] ?? noLayers;

/** Changes are collected up to the session's epoch before this. */
export function changeView(session: Session, view: StreamView): void {
  const isAnsweredSo = session.view.standIn === view.standIn;
  session.view = view;
  const moved: { readonly channel: Channel; readonly before: LayerView }[] = [];
  for (const channel of session.channels.values()) {
    const layers = layersFor(view, channel.typeUrl);
    const before = channel.view;
    if (sameLayers(before.layers, layers)) continue;
    settleShared(channel);
    channel.view = channel.catalog.enter(layers, session, session.epoch);
    const kept = new Set(layers.map((use) => use.layer));
    channel.catalog.leave(
      before.layers.filter((use) => !kept.has(use.layer)),
      session,
    );
    moved.push({ channel, before });
  }
  session.isSelective = [...session.channels.values()].some((channel) => channel.view.hasNeeded);
  for (const { channel, before } of moved) compareViews(session, channel, before);
  for (const { channel } of moved) reconsiderAsks(session, channel);
  holdRoots(session);
  if (!isAnsweredSo) answerAbsentAgain(session);
  for (const channel of session.channels.values()) {
    if (channel.pending !== undefined) channel.ackedEpoch = Math.min(channel.ackedEpoch, session.epoch - 1);
  }
}

/** Holds what the app knows the client uses, and what the layers that are pushed whole need. */
export function holdRoots(session: Session): void {
  if (!session.isSelective) return;
  for (const [typeUrl, names] of Object.entries(session.view.heldNames)) {
    const channel = session.channels.get(typeUrl);
    for (const asked of names) {
      const found = channel?.catalog.resolveAlias(channel.view.layers, asked);
      hold(session, { typeUrl, name: found?.name ?? asked }, false);
    }
  }
  for (const channel of session.channels.values()) followWhole(session, channel);
}

function followWhole(session: Session, channel: Channel): void {
  const { catalog, view } = channel;
  if (view.isWholeFirst && !isOverlapped(channel)) {
    for (const stack of view.whole) followAll(session, catalog.everything(stack));
    return;
  }
  for (const { layers } of view.whole) {
    for (const use of layers) {
      for (const [, resource] of catalog.members(use)) {
        // What another layer hides is not followed.
        if (catalog.resolve(view.layers, resource.name) === resource) followNeeds(session, resource, false);
      }
    }
  }
}

/** Shared changes that were not sent yet become this stream's own. */
function settleShared(channel: Channel): void {
  const { pending, catalog, view } = channel;
  if (pending?.since === undefined || pending.since < 0) return;
  for (const { name } of catalog.changesSince(view.common, pending.since)?.upserts ?? []) {
    pending.upserts.set(name, plainUpsert);
  }
  pending.since = undefined;
}

function compareViews(session: Session, channel: Channel, before: LayerView): void {
  if (!channel.isSubscribed || channel.pending?.since === -1) return;
  for (const name of differingNames(channel, before)) {
    const had = wantedUnder(channel, before, name);
    const has = wantedUnder(channel, channel.view, name);
    if (has !== undefined && has !== had) {
      queueUpsert(session, channel, has, had === undefined ? plainAdd : plainUpsert);
    } else if (has === undefined && had !== undefined) {
      const pending = pendingOf(channel);
      pending.upserts.delete(name);
      pending.removals.set(name, session.epoch);
    }
  }
}

function differingNames(channel: Channel, before: LayerView): ReadonlySet<string> {
  const after = channel.view;
  const isIn = (use: LayerUse, view: LayerView): boolean => view.layers.some((other) => sameUse(use, other));
  const differing = [
    ...before.layers.filter((use) => !isIn(use, after)),
    ...after.layers.filter((use) => !isIn(use, before)),
  ];
  const affected = differing.length > 0 ? differing : after.layers;
  const names = new Set<string>();
  for (const { layer, members } of affected) {
    for (const [, { name }] of channel.catalog.members({ layer, members })) names.add(name);
  }
  return names;
}

function wantedUnder(channel: Channel, view: LayerView, name: string): EncodedResource | undefined {
  const { catalog } = channel;
  const isNamed = hasName(catalog.names, channel.subscribed, name);
  const seen: Channel = { ...channel, view };
  return isNamed || isRelevant(seen, name) ? catalog.resolve(view.layers, name) : undefined;
}
