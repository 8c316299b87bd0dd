// Carries out what a request changed in a subscription. The rule: what the client said it has is not sent again; what is gone is removed.
import { addName, deleteName, hasName } from '../names.ts';
import type { DeltaRequest, StateRequest } from '../requests.ts';
import { CLUSTER, ENDPOINTS, isCompleteType, ROUTE } from '../roles.ts';
import { type SubscriptionEffect, subscribeDelta } from './delta-subscription.ts';
import {
  followNeeds,
  isInWildcard,
  plainAdd,
  plainUpsert,
  queueUpsert,
  urgentAdd,
  wildcardResources,
} from './hold.ts';
import { ask, deliverRouteConfigurations, isAskedFor, startVirtualHosts } from './on-demand.ts';
import { type Channel, pendingOf, type Session, trimPending } from './state.ts';
import { subscribeState } from './state-subscription.ts';

type Known = ReadonlyMap<string, string>;
const nothingKnown: Known = new Map();

/** Applies the subscription part of a delta request. */
export function applyDelta(session: Session, channel: Channel, request: DeltaRequest): void {
  if (isAskedFor(session, channel)) {
    applyAsks(session, channel, request);
    return;
  }
  const effect = subscribeDelta(channel, channel.catalog.names, request);
  const known = effect.isFirst ? request.known : nothingKnown;
  if (effect.startsWildcard) startWildcard(session, channel, known);
  if (effect.endsWildcard) endWildcard(channel);
  for (const name of effect.added) subscribeName(session, channel, name, known);
  for (const name of effect.removed) unsubscribeName(session, channel, name);
  if (effect.isFirst && channel.typeUrl === ROUTE) confirmRoutes(session, channel, known);
  trimPending(channel);
}

/** Applies the subscription part of a state-of-the-world request; false when it is stale. */
export function applyState(session: Session, channel: Channel, request: StateRequest): boolean {
  const lastNonce = channel.lastNonce === 0 ? '' : String(channel.lastNonce);
  const effect = subscribeState(channel, channel.catalog.names, { ...request, lastNonce });
  if (effect === 'stale') return false;
  if (effect.startsWildcard) startWildcard(session, channel, nothingKnown);
  for (const name of effect.added) subscribeName(session, channel, name, nothingKnown);
  if (isCompleteType(channel.typeUrl) && isWholeDue(effect)) pendingOf(channel).mustAnswer = true;
  trimPending(channel);
  return true;
}

const isWholeDue = (effect: SubscriptionEffect): boolean => effect.isFirst || effect.added.length > 0;

function applyAsks(session: Session, channel: Channel, request: DeltaRequest): void {
  const isFirst = !channel.isSubscribed;
  subscribeDelta(channel, channel.catalog.names, { subscribe: ['*'], unsubscribe: [] });
  if (isFirst) startVirtualHosts(session, channel, request.known);
  for (const name of request.subscribe) if (name.includes('/')) ask(session, channel, name);
  for (const name of request.unsubscribe) session.onDemand?.asked.delete(name);
  trimPending(channel);
}

function startWildcard(session: Session, channel: Channel, known: Known): void {
  const pending = pendingOf(channel);
  pending.mustAnswer = known.size === 0;
  // What the whole layers need is held since the stream has its view.
  if (known.size === 0 && !channel.view.hasNeeded) {
    pending.since = -1;
    return;
  }
  const { catalog, view } = channel;
  for (const name of known.keys()) {
    if (catalog.resolve(view.layers, name) === undefined) pending.removals.set(name, session.epoch);
    else if (view.hasNeeded) addName(catalog.names, channel.held, name);
  }
  for (const resource of wildcardResources(channel)) {
    const version = known.get(resource.name);
    if (version === resource.hash) followNeeds(session, resource, false);
    else queueUpsert(session, channel, resource, version === undefined ? plainAdd : plainUpsert);
  }
}

function endWildcard(channel: Channel): void {
  const { pending, catalog } = channel;
  if (pending === undefined) return;
  pending.since = undefined;
  pending.mustAnswer = false;
  for (const name of pending.upserts.keys()) {
    if (!hasName(catalog.names, channel.subscribed, name)) pending.upserts.delete(name);
  }
  for (const name of pending.removals.keys()) {
    if (!hasName(catalog.names, channel.subscribed, name)) pending.removals.delete(name);
  }
}

function subscribeName(session: Session, channel: Channel, name: string, known: Known): void {
  const { catalog, view } = channel;
  // Who asks by name for what it refused wants to try again.
  channel.quarantine?.delete(name);
  const resource = catalog.resolve(view.layers, name);
  if (resource === undefined) {
    subscribeMissing(session, channel, name, known.has(name));
    return;
  }
  const wasAhead = deleteName(catalog.names, channel.ahead, name);
  if (wasAhead && session.onDemand !== undefined) return;
  if (known.get(name) === resource.hash) {
    followNeeds(session, resource, false);
    return;
  }
  const isAdd = channel.typeUrl === CLUSTER && !known.has(name);
  const isUrgent = session.onDemand !== undefined && channel.typeUrl !== ROUTE;
  queueUpsert(session, channel, resource, isUrgent ? urgentAdd : isAdd ? plainAdd : plainUpsert);
}

/** Silence would leave the client waiting: it is told that there is nothing, unless it has something that still works. */
function subscribeMissing(session: Session, channel: Channel, name: string, isKnown: boolean): void {
  const pending = pendingOf(channel);
  if (isKnown) {
    pending.removals.set(name, session.epoch);
    return;
  }
  if (channel.typeUrl === ENDPOINTS && deleteName(channel.catalog.names, channel.ahead, name)) return;
  pending.absent.add(name);
  if (session.onDemand !== undefined) pending.hasUrgent = true;
}

function unsubscribeName(session: Session, channel: Channel, name: string): void {
  const { catalog, view, pending } = channel;
  deleteName(catalog.names, channel.ahead, name);
  if (channel.isWildcard && isInWildcard(channel, name)) {
    const resource = catalog.resolve(view.layers, name);
    if (resource !== undefined) queueUpsert(session, channel, resource, plainUpsert);
    return;
  }
  pending?.upserts.delete(name);
  pending?.removals.delete(name);
  pending?.absent.delete(name);
}

function confirmRoutes(session: Session, channel: Channel, known: Known): void {
  const { catalog, view } = channel;
  const confirmed: string[] = [];
  for (const [name, version] of known) {
    if (catalog.resolve(view.layers, name)?.hash === version) confirmed.push(name);
  }
  deliverRouteConfigurations(session, confirmed, 'confirmed');
}
