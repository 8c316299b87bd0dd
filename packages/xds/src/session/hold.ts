// What is to be sent, and what it needs. The rule: a resource that is held brings everything it needs with it, and is never let go.
import { type Difference, needsOf } from '../catalog/difference.ts';
import { addName, hasName, namesOf } from '../names.ts';
import { ENDPOINTS } from '../roles.ts';
import type { EncodedResource, ResourceReference } from '../types.ts';
import { type Channel, pendingOf, type Session, type Upsert } from './state.ts';

const nobody: readonly string[] = [];
export const plainUpsert: Upsert = { isAdd: false, isUrgent: false, asked: nobody };
export const plainAdd: Upsert = { isAdd: true, isUrgent: false, asked: nobody };
export const urgentAdd: Upsert = { isAdd: true, isUrgent: true, asked: nobody };

function merge(before: Upsert | undefined, after: Upsert): Upsert {
  if (before === undefined) return after;
  return {
    isAdd: before.isAdd || after.isAdd,
    isUrgent: before.isUrgent || after.isUrgent,
    asked: [...new Set([...before.asked, ...after.asked])],
  };
}

/** Queues a resource that the client shall have, after everything it needs. */
export function queueUpsert(
  session: Session,
  channel: Channel,
  resource: EncodedResource,
  upsert: Upsert,
): void {
  followNeeds(session, resource, upsert.isUrgent);
  const pending = pendingOf(channel);
  pending.upserts.set(resource.name, merge(pending.upserts.get(resource.name), upsert));
  if (upsert.isUrgent) pending.hasUrgent = true;
  pending.removals.delete(resource.name);
  pending.absent.delete(resource.name);
}

/** Holds what a resource needs, where the stream gets only what is needed. */
export function followNeeds(session: Session, resource: EncodedResource, isUrgent: boolean): void {
  if (!session.isSelective) return;
  for (const need of resource.needs) hold(session, need, isUrgent);
}

/** Holds what the resources of a shared difference need. */
export function followAll(session: Session, difference: Difference): void {
  if (!session.isSelective) return;
  for (const { typeUrl, view } of session.channels.values()) {
    const names = view.hasNeeded ? needsOf(difference).get(typeUrl) : undefined;
    for (const name of names ?? nobody) hold(session, { typeUrl, name }, false);
  }
}

/** Whether an own layer of the channel shows or hides a name that the common ones have. */
export function isOverlapped({ catalog, view }: Channel): boolean {
  const { upserts, hidden } = catalog.everything(view.own);
  const isCommon = (name: string): boolean => catalog.resolve(view.common.layers, name) !== undefined;
  return upserts.some(({ name }) => isCommon(name)) || hidden.some(isCommon);
}

/** From now on the client shall have this resource, whenever it exists. */
export function hold(session: Session, reference: ResourceReference, isUrgent: boolean): void {
  const channel = session.channels.get(reference.typeUrl);
  if (channel === undefined || !channel.view.hasNeeded) return;
  const { catalog, view } = channel;
  if (!addName(catalog.names, channel.held, reference.name)) {
    if (isUrgent) hurry(channel, reference.name);
    return;
  }
  const resource = catalog.resolve(view.layers, reference.name);
  if (resource === undefined) return;
  // Endpoints travel with their cluster.
  const isSent =
    channel.isSubscribed && reference.typeUrl !== ENDPOINTS && !isInWholeLayer(channel, resource.name);
  if (isSent) queueUpsert(session, channel, resource, { isAdd: true, isUrgent, asked: nobody });
  else followNeeds(session, resource, isUrgent);
}

function hurry(channel: Channel, name: string): void {
  const { pending } = channel;
  const upsert = pending?.upserts.get(name);
  if (pending === undefined || upsert === undefined) return;
  pending.upserts.set(name, { ...upsert, isUrgent: true });
  pending.hasUrgent = true;
}

/** Whether a layer that is pushed whole has, or just lost, the name. */
function isInWholeLayer(channel: Channel, name: string): boolean {
  const { catalog, view } = channel;
  return view.layers.some(
    (use) =>
      use.members === 'all' &&
      (catalog.seen(use, name) !== undefined || catalog.retiredOf([use], name) !== undefined),
  );
}

/** Everything a wildcard subscription of this channel means now. */
export function* wildcardResources(channel: Channel): IterableIterator<EncodedResource> {
  const { catalog, view } = channel;
  const seen = new Set<string>();
  for (const use of view.layers) {
    if (use.members !== 'all') continue;
    for (const [, { name }] of catalog.members(use)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const resource = catalog.resolve(view.layers, name);
      if (resource !== undefined) yield resource;
    }
  }
  for (const name of namesOf(catalog.names, channel.held)) {
    const resource = seen.has(name) ? undefined : catalog.resolve(view.layers, name);
    if (resource !== undefined) yield resource;
  }
}

/** Whether a wildcard subscription includes the name. */
export function isInWildcard(channel: Channel, name: string): boolean {
  if (!channel.view.hasNeeded) return true;
  return hasName(channel.catalog.names, channel.held, name) || isInWholeLayer(channel, name);
}

/** Whether a change of the name concerns this stream. */
export function isRelevant(channel: Channel, name: string): boolean {
  const { names } = channel.catalog;
  if (hasName(names, channel.subscribed, name)) return true;
  if (hasName(names, channel.ahead, name)) return true;
  return channel.isWildcard && isInWildcard(channel, name);
}
