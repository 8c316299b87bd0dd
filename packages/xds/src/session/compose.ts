// Makes delta responses of what is pending. The rule: content is read when it is sent, so a late reader gets the newest.
import type { Difference, SharedPart } from '../catalog/difference.ts';
import { ENDPOINTS, VIRTUAL_HOST } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { type DeltaItem, deltaItemLength, encodeDeltaBody } from '../wire/delta-response.ts';
import { emptyEndpoints } from '../wire/empty-endpoints.ts';
import type { Permit } from './gate.ts';
import { isOverlapped, plainAdd, plainUpsert } from './hold.ts';
import { setAside } from './isolation.ts';
import {
  forgetAnswer,
  isDeliverable,
  openRouteConfigurations,
  replacedStandIns,
  standInsFor,
} from './on-demand.ts';
import { type Channel, type Part, type Pending, type Session, trimPending, type Upsert } from './state.ts';

const noAdds: ReadonlySet<string> = new Set();
const noAliases: readonly string[] = [];

interface Selection {
  readonly items: DeltaItem[];
  readonly adds: Set<string>;
  readonly asked: string[];
  readonly absent: string[];
  readonly removed: string[];
}

/** Takes what may be sent out of `pending` and encodes it. */
export function composeDelta(session: Session, channel: Channel, permit: Permit): readonly Part[] {
  const { pending } = channel;
  if (pending === undefined) return [];
  const shared = takeShared(session, channel, pending, permit);
  const selection = select(session, channel, pending, permit);
  const isEmptyAnswer = pending.mustAnswer && permit.mayAnswer && shared.length === 0;
  if (permit.mayAnswer) pending.mustAnswer = false;
  pending.hasUrgent = false;
  trimPending(channel);
  const own = encodeSelection(session, channel, selection, isEmptyAnswer);
  return coverLast(session, channel, [...shared, ...own], permit);
}

/** The last part says up to where all is sent, when nothing is left behind. */
function coverLast(
  session: Session,
  channel: Channel,
  parts: readonly Part[],
  permit: Permit,
): readonly Part[] {
  const last = parts.at(-1);
  const isLeftBehind = channel.pending !== undefined || channel.isolation !== undefined;
  if (last === undefined || permit.isUrgentOnly || isLeftBehind) return parts;
  return [...parts.slice(0, -1), { ...last, covers: session.epoch }];
}

/** Responses that other streams with the same common layers get too, byte for byte. */
function takeShared(session: Session, channel: Channel, pending: Pending, permit: Permit): readonly Part[] {
  const { since } = pending;
  if (since === undefined || permit.isUrgentOnly || permit.isHeldBack) return [];
  const difference = differenceOf(channel, since);
  if (difference === undefined) {
    session.isLost = true;
    return [];
  }
  pending.since = undefined;
  if (since < 0) expandOwn(channel, pending);
  if (permit.accepts !== undefined || isOverlapped(channel) || channel.quarantine !== undefined) {
    expand(pending, difference);
    return [];
  }
  difference.encoding.delta ??= encodeShared(session, channel, difference.upserts);
  for (const resource of difference.upserts) {
    if (channel.catalog.suspects.has(resource)) setAside(session, channel, resource.name);
  }
  return difference.encoding.delta.map((part) => ({
    body: part.body,
    resources: part.resources,
    removed: [],
    asked: [],
    adds: difference.adds,
    covers: undefined,
  }));
}

const differenceOf = (channel: Channel, since: number): Difference | undefined =>
  since < 0
    ? channel.catalog.everything(channel.view.common)
    : channel.catalog.changesSince(channel.view.common, since);

function expandOwn(channel: Channel, pending: Pending): void {
  for (const resource of channel.catalog.everything(channel.view.own).upserts) {
    if (!pending.upserts.has(resource.name)) pending.upserts.set(resource.name, plainAdd);
  }
}

function expand(pending: Pending, difference: Difference): void {
  for (const { name } of difference.upserts) {
    if (pending.upserts.has(name)) continue;
    const isAdd = difference.adds === 'all' || difference.adds.has(name);
    pending.upserts.set(name, isAdd ? plainAdd : plainUpsert);
  }
}

function encodeShared(
  session: Session,
  channel: Channel,
  resources: readonly EncodedResource[],
): readonly SharedPart[] {
  const items: DeltaItem[] = [];
  for (const resource of resources) {
    if (!channel.catalog.suspects.has(resource)) items.push({ resource, aliases: noAliases });
  }
  return splitItems(session, channel, items).map((part) => ({
    body: encode(session, channel, { items: part, absent: [], removed: [] }),
    resources: part.map((item) => item.resource),
  }));
}

function select(session: Session, channel: Channel, pending: Pending, permit: Permit): Selection {
  const selection: Selection = { items: [], adds: new Set(), asked: [], absent: [], removed: [] };
  for (const [name, upsert] of pending.upserts) {
    if (permit.isUrgentOnly && !upsert.isUrgent) continue;
    selectUpsert(session, channel, { pending, name, upsert, permit, selection });
  }
  for (const name of pending.absent) selection.absent.push(name);
  pending.absent.clear();
  if (!permit.isUrgentOnly) {
    for (const [name, epoch] of pending.removals) {
      if (!permit.mayRemove(epoch)) continue;
      pending.removals.delete(name);
      selection.removed.push(name);
      forgetAnswer(session, channel, name);
    }
  }
  const sent = selection.items.map((item) => item.resource.name);
  selection.removed.push(...openRouteConfigurations(session, channel, sent));
  return selection;
}

interface UpsertSelection {
  readonly pending: Pending;
  readonly name: string;
  readonly upsert: Upsert;
  readonly permit: Permit;
  readonly selection: Selection;
}

function selectUpsert(session: Session, channel: Channel, one: UpsertSelection): void {
  const { pending, name, upsert, permit, selection } = one;
  const { catalog, view } = channel;
  const resource = catalog.resolve(view.layers, name);
  if (resource !== undefined && !upsert.isUrgent && permit.accepts?.(resource) === false) return;
  pending.upserts.delete(name);
  if (resource === undefined) return;
  if (!upsert.isUrgent && !isDeliverable(session, channel, name)) return;
  if (channel.quarantine?.get(name) === resource.hash) return;
  if (catalog.suspects.has(resource)) {
    setAside(session, channel, name);
    return;
  }
  const aliases = upsert.asked.filter((asked) => asked !== name && !resource.aliases.includes(asked));
  selection.items.push({ resource, aliases });
  for (const standIn of replacedStandIns(session, resource)) {
    // In one response: Envoy takes no second host of the same domain.
    pending.removals.delete(standIn);
    selection.removed.push(standIn);
  }
  selection.asked.push(...upsert.asked);
  if (upsert.isAdd) selection.adds.add(name);
}

function encodeSelection(
  session: Session,
  channel: Channel,
  selection: Selection,
  isEmptyAnswer: boolean,
): readonly Part[] {
  const answers = answerAbsent(session, channel, selection.absent);
  const items = [...selection.items, ...answers.items];
  const removed = [...selection.removed, ...answers.removed];
  if (items.length + removed.length + answers.absent.length === 0 && !isEmptyAnswer) return [];
  const groups = splitItems(session, channel, items);
  if (groups.length === 0) groups.push([]);
  return groups.map((group, i) => {
    const isLast = i === groups.length - 1;
    const rest = isLast ? { absent: answers.absent, removed } : { absent: [], removed: [] };
    return {
      body: encode(session, channel, { items: group, ...rest }),
      resources: group.map((item) => item.resource),
      removed: rest.removed,
      asked: selection.asked,
      adds: selection.adds.size === 0 ? noAdds : selection.adds,
      covers: undefined,
    };
  });
}

/** How the absence of a name is said depends on the type: silence would leave the client waiting. */
function answerAbsent(session: Session, channel: Channel, names: readonly string[]) {
  if (channel.typeUrl === VIRTUAL_HOST) {
    const items = standInsFor(session, channel, names).map((resource) => ({ resource, aliases: noAliases }));
    return { items, absent: items.length > 0 ? [] : names, removed: [] };
  }
  if (channel.typeUrl !== ENDPOINTS) return { items: [], absent: [], removed: names };
  const items = names.map((name) => ({ resource: lastEndpoints(channel, name), aliases: noAliases }));
  return { items, absent: [], removed: [] };
}

/** A cluster whose removal waits may still be in use: better its last endpoints than none. */
export const lastEndpoints = ({ catalog, view }: Channel, name: string): EncodedResource =>
  catalog.retiredOf(view.layers, name) ?? emptyEndpoints(name);

function splitItems(session: Session, channel: Channel, items: readonly DeltaItem[]): DeltaItem[][] {
  const groups: DeltaItem[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const itemLength = deltaItemLength(channel.typeUrl, item);
    if (length + itemLength > session.limits.responseBytes) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(item);
    length += itemLength;
  }
  return groups;
}

interface EncodedContent {
  readonly items: readonly DeltaItem[];
  readonly absent: readonly string[];
  readonly removed: readonly string[];
}

const encode = (session: Session, channel: Channel, content: EncodedContent): Buffer =>
  encodeDeltaBody({ typeUrl: channel.typeUrl, version: versionOf(session), ...content });

export const versionOf = (session: Session): string => `${session.versionPrefix}/${session.epoch}`;

/** Encodes chosen resources alone: probes and endpoints that follow their cluster. */
export function composeItems(
  session: Session,
  channel: Channel,
  resources: readonly EncodedResource[],
): readonly Part[] {
  const items = resources.map((resource) => ({ resource, aliases: noAliases }));
  return splitItems(session, channel, items).map((group) => ({
    body: encode(session, channel, { items: group, absent: [], removed: [] }),
    resources: group.map((item) => item.resource),
    removed: [],
    asked: [],
    adds: noAdds,
    covers: undefined,
  }));
}
