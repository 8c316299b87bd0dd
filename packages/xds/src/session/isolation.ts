// Finds the bad resources of a refused response. The rule: every good one gets in, the search is bounded, and only the bad one is named.
import type { EncodedResource, RejectedResource } from '../types.ts';
import type { Channel, Isolation, Session } from './state.ts';

/** Beyond this many names the client's message is not searched for them. */
const MENTION_LIMIT = 2_000;
export const SHOWN_RESOURCES = 50;

function isolationOf(session: Session, channel: Channel): Isolation {
  channel.isolation ??= { groups: [], probesLeft: session.limits.isolationProbes, covers: session.epoch };
  return channel.isolation;
}

/** A resource that another client refused is sent alone. */
export function setAside(session: Session, channel: Channel, name: string): void {
  isolationOf(session, channel).groups.push([name]);
}

/** Splits a refused group: what the message names apart from the rest, else in halves. */
function splitGroup(names: readonly string[], message: string): readonly (readonly string[])[] {
  if (names.length <= MENTION_LIMIT) {
    const mentioned = names.filter((name) => message.includes(name));
    if (mentioned.length > 0 && mentioned.length < names.length && mentioned.length <= 8) {
      const rest = names.filter((name) => !message.includes(name));
      return [rest, ...mentioned.map((name) => [name])];
    }
  }
  const half = names.length >>> 1;
  return [names.slice(0, half), names.slice(half)];
}

/** Starts or continues the search after a refused response of several resources. */
export function isolate(
  session: Session,
  channel: Channel,
  refused: {
    readonly names: readonly string[];
    readonly message: string;
    readonly covers: number | undefined;
  },
): void {
  const isolation = isolationOf(session, channel);
  isolation.groups.unshift(...splitGroup(refused.names, refused.message));
  isolation.covers = refused.covers ?? isolation.covers;
}

/** The next group to try, as the resources are now; undefined when the search is over. */
export function nextProbe(channel: Channel): readonly EncodedResource[] | undefined {
  const { isolation, catalog, view } = channel;
  while (isolation !== undefined && isolation.groups.length > 0) {
    const resources: EncodedResource[] = [];
    for (const name of isolation.groups.shift() ?? []) {
      const resource = catalog.resolve(view.layers, name);
      if (resource === undefined || channel.quarantine?.get(name) === resource.hash) continue;
      resources.push(resource);
    }
    if (resources.length === 0) continue;
    if (isolation.probesLeft > 0) {
      isolation.probesLeft--;
      return resources;
    }
    for (const resource of resources) quarantine(channel, resource);
  }
  return undefined;
}

/** This content is not sent again on this stream; changed content is. */
export function quarantine(channel: Channel, resource: EncodedResource): void {
  channel.quarantine ??= new Map();
  channel.quarantine.set(resource.name, resource.hash);
}

/** The shown part of a refused response. */
export const rejectedOf = (resources: readonly EncodedResource[]): readonly RejectedResource[] =>
  resources.slice(0, SHOWN_RESOURCES).map(({ name, hash, causes }) => ({ name, hash, causes }));
