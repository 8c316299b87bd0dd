// Makes state-of-the-world responses. The rule: what a complete type leaves out is gone, so a removal that must wait is still in it.
import { hasName, namesOf } from '../names.ts';
import { ENDPOINTS, isCompleteType } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { encodeStateBody } from '../wire/state-response.ts';
import { lastEndpoints, versionOf } from './compose.ts';
import type { Permit } from './gate.ts';
import { isInWildcard } from './hold.ts';
import { type Channel, noParts, type Part, type Pending, type Session, trimPending } from './state.ts';

const noAdds: ReadonlySet<string> = new Set();

/** Takes what may be sent out of `pending` and encodes it as one response. */
export function composeState(session: Session, channel: Channel, permit: Permit): readonly Part[] {
  const { pending } = channel;
  if (pending === undefined) return noParts;
  return isCompleteType(channel.typeUrl)
    ? composeComplete(session, channel, pending, permit)
    : composePartial(session, channel, pending, permit);
}

function composeComplete(
  session: Session,
  channel: Channel,
  pending: Pending,
  permit: Permit,
): readonly Part[] {
  if (isHeldBack(channel, pending, permit)) return noParts;
  const kept: string[] = [];
  let isChanged = pending.mustAnswer || pending.since !== undefined || pending.upserts.size > 0;
  for (const [name, epoch] of pending.removals) {
    if (!permit.mayRemove(epoch)) {
      kept.push(name);
      continue;
    }
    pending.removals.delete(name);
    isChanged = true;
  }
  const adds = pending.since === -1 ? 'all' : addsOf(pending);
  const isWhole = kept.length === 0;
  pending.since = undefined;
  pending.upserts.clear();
  pending.absent.clear();
  pending.mustAnswer = false;
  pending.hasUrgent = false;
  trimPending(channel);
  if (!isChanged) return noParts;
  const resources = wantedResources(channel);
  for (const name of kept) {
    const retired = channel.catalog.retiredOf(channel.view.layers, name);
    if (retired !== undefined) resources.push(retired);
  }
  return [partOf(session, channel, { resources, adds, isWhole })];
}

/** New resources that name unacknowledged clusters hold back the whole response: it can only be sent whole. */
function isHeldBack(channel: Channel, pending: Pending, permit: Permit): boolean {
  const { accepts } = permit;
  if (permit.isHeldBack) return true;
  if (accepts === undefined) return false;
  for (const name of pending.upserts.keys()) {
    const resource = channel.catalog.resolve(channel.view.layers, name);
    if (resource !== undefined && !accepts(resource)) return true;
  }
  return pending.since !== undefined;
}

function addsOf(pending: Pending): ReadonlySet<string> {
  const adds = new Set<string>();
  for (const [name, upsert] of pending.upserts) if (upsert.isAdd) adds.add(name);
  return adds.size === 0 ? noAdds : adds;
}

function wantedResources(channel: Channel): EncodedResource[] {
  const { catalog, view } = channel;
  const wanted: EncodedResource[] = [];
  if (!channel.isWildcard) {
    for (const name of namesOf(catalog.names, channel.subscribed)) {
      const resource = catalog.resolve(view.layers, name);
      if (resource !== undefined) wanted.push(resource);
    }
    return wanted;
  }
  for (const resource of catalog.everything(view.own).upserts) wanted.push(resource);
  for (const resource of catalog.everything(view.common).upserts) {
    if (!catalog.decides(view.own.layers, resource.name)) wanted.push(resource);
  }
  if (!view.hasNeeded) return wanted;
  return wanted.filter(
    ({ name }) => isInWildcard(channel, name) || hasName(catalog.names, channel.subscribed, name),
  );
}

function composePartial(
  session: Session,
  channel: Channel,
  pending: Pending,
  permit: Permit,
): readonly Part[] {
  const resources: EncodedResource[] = [];
  const adds = addsOf(pending);
  if (pending.since !== undefined) {
    if (permit.isHeldBack) return noParts;
    resources.push(...wantedResources(channel));
    pending.since = undefined;
    pending.upserts.clear();
  }
  for (const name of pending.upserts.keys()) {
    const resource = partialResource(channel, name);
    if (resource !== undefined && permit.accepts?.(resource) === false) continue;
    pending.upserts.delete(name);
    if (resource !== undefined) resources.push(resource);
  }
  if (channel.typeUrl === ENDPOINTS)
    for (const name of pending.absent) resources.push(lastEndpoints(channel, name));
  pending.absent.clear();
  pending.removals.clear();
  const isAnswer = pending.mustAnswer && channel.isWildcard;
  pending.mustAnswer = false;
  pending.hasUrgent = false;
  trimPending(channel);
  if (resources.length === 0 && !isAnswer) return noParts;
  return [partOf(session, channel, { resources, adds, isWhole: true })];
}

/** A cluster that is still sent because its removal waits needs its endpoints for as long. */
function partialResource(channel: Channel, name: string): EncodedResource | undefined {
  const { catalog, view, typeUrl } = channel;
  const resource = catalog.resolve(view.layers, name);
  if (resource !== undefined || typeUrl !== ENDPOINTS) return resource;
  return lastEndpoints(channel, name);
}

interface StatePart {
  readonly resources: readonly EncodedResource[];
  readonly adds: ReadonlySet<string> | 'all';
  /** Nothing that should have gone is still in it. */
  readonly isWhole: boolean;
}

function partOf(session: Session, channel: Channel, { resources, adds, isWhole }: StatePart): Part {
  return {
    body: encodeStateBody({ typeUrl: channel.typeUrl, version: versionOf(session), resources }),
    resources,
    removed: [],
    asked: [],
    adds,
    covers: isWhole && channel.pending === undefined ? session.epoch : undefined,
  };
}
