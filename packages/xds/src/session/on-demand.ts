// Virtual hosts that travel one by one. The rule: every asked name is answered, and answered again when a better answer appears.
import { addName } from '../names.ts';
import { routeConfigurationOf, VIRTUAL_HOST } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { ABSENT_VERSION } from '../wire/delta-response.ts';
import { queueUpsert, urgentAdd, wildcardResources } from './hold.ts';
import { type Channel, type OnDemand, pendingOf, type Session } from './state.ts';

export const createOnDemand = (): OnDemand => ({
  delivered: new Map(),
  unopened: new Set(),
  asked: new Map(),
  exact: new Map(),
  standIns: new Set(),
});

/** Whether this channel's names are asked for at the first request. */
export const isAskedFor = (session: Session, channel: Channel): boolean =>
  session.onDemand !== undefined && channel.typeUrl === VIRTUAL_HOST;

interface Answer {
  readonly resource: EncodedResource;
  /** Nothing that appears later can answer better. */
  readonly isExact: boolean;
}

function findAnswer(session: Session, channel: Channel, asked: string): Answer | undefined {
  const { catalog, view } = channel;
  const names = session.candidates(channel.typeUrl, asked);
  for (const name of names.includes(asked) ? names : [asked, ...names]) {
    const resource = catalog.resolve(view.layers, name) ?? catalog.resolveAlias(view.layers, name);
    if (resource === undefined || isRefused(channel, resource)) continue;
    return { resource, isExact: name === asked };
  }
  return undefined;
}

const isRefused = (channel: Channel, resource: EncodedResource): boolean =>
  channel.quarantine?.get(resource.name) === resource.hash;

/** Answers a name that a request at the client waits for. */
export function ask(session: Session, channel: Channel, asked: string): void {
  const { onDemand, port } = session;
  if (onDemand === undefined) return;
  const answer = findAnswer(session, channel, asked);
  port.emit({ kind: 'asked', typeUrl: channel.typeUrl, name: asked, found: answer?.resource.name });
  remember(session, asked, answer);
  if (answer === undefined) {
    const pending = pendingOf(channel);
    pending.absent.add(asked);
    pending.hasUrgent = true;
    return;
  }
  give(session, channel, asked, answer.resource);
}

function give(session: Session, channel: Channel, asked: string, resource: EncodedResource): void {
  addName(channel.catalog.names, channel.held, resource.name);
  queueUpsert(session, channel, resource, { ...urgentAdd, asked: [asked] });
}

/** Keeps an asked name in mind, apart when no better answer can come; the oldest is forgotten first. */
function remember(session: Session, asked: string, answer: Answer | undefined): void {
  const { onDemand, limits } = session;
  if (onDemand === undefined) return;
  onDemand.asked.delete(asked);
  onDemand.exact.delete(asked);
  if (answer?.isExact === true) keep(onDemand.exact, asked, answer.resource.name);
  else keep(onDemand.asked, asked, answer?.resource.name);

  function keep<V>(asks: Map<string, V>, name: string, value: V): void {
    asks.set(name, value);
    if (asks.size <= limits.rememberedAsks) return;
    for (const oldest of asks.keys()) {
      asks.delete(oldest);
      return;
    }
  }
}

/** After a change of virtual hosts: names whose answer is now another are answered again. */
export function reconsiderAsks(session: Session, channel: Channel): void {
  const { onDemand } = session;
  if (onDemand === undefined || channel.typeUrl !== VIRTUAL_HOST || !channel.isSubscribed) return;
  for (const [asked, before] of [...onDemand.asked]) {
    const answer = findAnswer(session, channel, asked);
    if (answer?.resource.name === before) continue;
    // It is told that there is nothing when what it has is removed.
    if (answer === undefined && session.view.standIn !== undefined) continue;
    remember(session, asked, answer);
    const name = answer?.resource.name;
    session.port.emit({ kind: 'asked', typeUrl: channel.typeUrl, name: asked, found: name });
    if (answer !== undefined) give(session, channel, asked, answer.resource);
  }
}

/**
 * A virtual host is removed: whoever asked for it is told, once it is gone, that there is none, as the client does not
 * ask again. Envoy would refuse what stands in for it in the same response, as a second host of the same domain.
 */
export function forgetAnswer(session: Session, channel: Channel, removed: string): void {
  const { onDemand, view } = session;
  onDemand?.standIns.delete(removed);
  if (onDemand === undefined || view.standIn === undefined || channel.typeUrl !== VIRTUAL_HOST) return;
  for (const [asked, name] of [...onDemand.exact, ...onDemand.asked]) {
    if (name !== removed || findAnswer(session, channel, asked) !== undefined) continue;
    pendingOf(channel).absent.add(asked);
    remember(session, asked, undefined);
  }
}

/** What is sent for asked names that do not exist: a stand-in, where the client has such. */
export function standInsFor(
  session: Session,
  channel: Channel,
  names: readonly string[],
): readonly EncodedResource[] {
  const { onDemand, view } = session;
  if (onDemand === undefined || view.standIn === undefined || channel.typeUrl !== VIRTUAL_HOST) return [];
  const found = new Map<string, EncodedResource>();
  for (const asked of names) {
    const resource = view.standIn(asked);
    const known = found.get(resource.name);
    const aliases = [...new Set([...(known?.aliases ?? []), ...resource.aliases])];
    found.set(resource.name, { ...resource, aliases });
    onDemand.standIns.add(resource.name);
  }
  return [...found.values()];
}

/** Stand-ins that a resource takes the place of; one of its own name it replaces. */
export function replacedStandIns(session: Session, { name, aliases }: EncodedResource): readonly string[] {
  const standIns = session.onDemand?.standIns;
  if (standIns === undefined || standIns.size === 0) return [];
  standIns.delete(name);
  return aliases.filter((alias) => standIns.delete(alias));
}

/** Hosts that do not exist are answered in another way from now on: also those that were asked before. */
export function answerAbsentAgain(session: Session): void {
  const { onDemand } = session;
  const channel = session.channels.get(VIRTUAL_HOST);
  if (onDemand === undefined || channel === undefined || !channel.isSubscribed) return;
  const pending = pendingOf(channel);
  if (session.view.standIn === undefined) {
    for (const name of onDemand.standIns) pending.removals.set(name, 0);
    return;
  }
  for (const name of onDemand.standIns) pending.absent.add(name);
  for (const [asked, found] of onDemand.asked) if (found === undefined) pending.absent.add(asked);
  pending.hasUrgent = pending.absent.size > 0;
}

/** An answer was refused: what waits for it is told that there is nothing, instead of waiting on. */
export function answerRefused(session: Session, channel: Channel, asked: readonly string[]): void {
  if (!isAskedFor(session, channel) || asked.length === 0) return;
  const pending = pendingOf(channel);
  for (const name of asked) pending.absent.add(name);
  pending.hasUrgent = true;
}

/** The client has these route configurations from now on: their virtual hosts follow. */
export function deliverRouteConfigurations(
  session: Session,
  names: Iterable<string>,
  how: 'sent' | 'confirmed',
): void {
  const { onDemand } = session;
  const channel = session.channels.get(VIRTUAL_HOST);
  if (onDemand === undefined || channel === undefined) return;
  const delivered = new Set(names);
  for (const name of delivered) {
    onDemand.delivered.set(name, how);
    onDemand.unopened.add(name);
  }
  if (!channel.isSubscribed || delivered.size === 0) return;
  pendingOf(channel).hasUrgent = true;
  queueHeld(session, channel, (name) => delivered.has(routeConfigurationOf(name) ?? ''));
}

function queueHeld(session: Session, channel: Channel, isWanted: (name: string) => boolean): void {
  for (const resource of wildcardResources(channel)) {
    if (isWanted(resource.name)) queueUpsert(session, channel, resource, urgentAdd);
  }
}

/** The first request for virtual hosts. Versions count only for route configurations that the client already had. */
export function startVirtualHosts(
  session: Session,
  channel: Channel,
  known: ReadonlyMap<string, string>,
): void {
  const { onDemand } = session;
  if (onDemand === undefined) return;
  for (const [name, version] of known) adopt(session, channel, name, version);
  queueHeld(session, channel, (name) => {
    const how = onDemand.delivered.get(routeConfigurationOf(name) ?? '');
    if (how === undefined) return false;
    const resource = channel.catalog.resolve(channel.view.layers, name);
    return how === 'sent' || resource?.hash !== known.get(name);
  });
  if (onDemand.unopened.size > 0) pendingOf(channel).hasUrgent = true;
}

function adopt(session: Session, channel: Channel, name: string, version: string): void {
  const { catalog, view } = channel;
  if (version === ABSENT_VERSION) {
    const answer = findAnswer(session, channel, name);
    remember(session, name, answer);
    if (answer !== undefined) give(session, channel, name, answer.resource);
    return;
  }
  if (catalog.resolve(view.layers, name) === undefined) pendingOf(channel).removals.set(name, 0);
  else addName(catalog.names, channel.held, name);
}

/** Whether the client can take this virtual host now: it drops those of route configurations it does not have. */
export function isDeliverable(session: Session, channel: Channel, name: string): boolean {
  const { onDemand } = session;
  if (onDemand === undefined || channel.typeUrl !== VIRTUAL_HOST) return true;
  return onDemand.delivered.has(routeConfigurationOf(name) ?? '');
}

/** Names to report as removed so that each new route configuration gets its first message; a listener waits for it. */
export function openRouteConfigurations(
  session: Session,
  channel: Channel,
  sentNames: Iterable<string>,
): readonly string[] {
  const { onDemand } = session;
  if (onDemand === undefined || channel.typeUrl !== VIRTUAL_HOST || onDemand.unopened.size === 0) return [];
  const opened = new Set<string>();
  for (const name of sentNames) opened.add(routeConfigurationOf(name) ?? '');
  const rest = [...onDemand.unopened].filter((name) => !opened.has(name)).map((name) => `${name}/~`);
  onDemand.unopened.clear();
  return rest;
}
