// What acknowledgements and refusals change. The rule: a refused content is not sent again, everything else goes on.
import type { EncodedResource, RejectedResource } from '../types.ts';
import { isolate, quarantine, rejectedOf, SHOWN_RESOURCES } from './isolation.ts';
import { answerRefused } from './on-demand.ts';
import { type Channel, type Flight, noFlights, pendingOf, type Session } from './state.ts';

/** Handles the nonce of a delta request; an unknown one is stale and changes nothing. */
export function answerDelta(
  session: Session,
  channel: Channel,
  nonce: string,
  error: string | undefined,
): void {
  const flight = channel.flights.find((candidate) => candidate.nonce === nonce);
  if (flight === undefined) return;
  const rest = channel.flights.filter((candidate) => candidate !== flight);
  channel.flights = rest.length === 0 ? noFlights : rest;
  if (error !== undefined) {
    refuse(session, channel, flight, error);
    return;
  }
  acknowledge(session, channel, flight);
}

/** Handles the nonce of a state-of-the-world request, which must be that of the last response. */
export function answerState(
  session: Session,
  channel: Channel,
  nonce: string,
  error: string | undefined,
): void {
  const flight = channel.flights.find((candidate) => candidate.nonce === nonce);
  if (flight === undefined) return;
  channel.flights = noFlights;
  if (error === undefined) {
    acknowledge(session, channel, flight);
    channel.rejection = undefined;
    return;
  }
  reject(session, channel, flight.resources, error);
}

function acknowledge(session: Session, channel: Channel, flight: Flight): void {
  release(channel, flight);
  if (flight.covers === undefined) return;
  channel.ackedEpoch = Math.max(channel.ackedEpoch, flight.covers);
  session.port.emit({ kind: 'acked', typeUrl: channel.typeUrl, epoch: channel.ackedEpoch });
}

/** Accepted content and an accepted removal end the quarantine of a name. */
function release(channel: Channel, { resources, removed }: Flight): void {
  if (channel.quarantine === undefined) {
    if (channel.isolation === undefined) channel.rejection = undefined;
    return;
  }
  for (const { name } of resources) channel.quarantine.delete(name);
  for (const name of removed) channel.quarantine.delete(name);
  if (channel.quarantine.size > 0) {
    forgetReleased(channel);
    return;
  }
  channel.quarantine = undefined;
  if (channel.isolation === undefined) channel.rejection = undefined;
}

/** What was refused and is good now is not told any more. */
function forgetReleased(channel: Channel): void {
  const { rejection, isolation } = channel;
  if (rejection === undefined || isolation !== undefined) return;
  const resources = rejection.resources.filter(({ name }) => channel.quarantine?.has(name));
  if (resources.length < rejection.resources.length) channel.rejection = { ...rejection, resources };
}

function refuse(session: Session, channel: Channel, flight: Flight, message: string): void {
  const { resources, removed } = flight;
  if (resources.length > 0) for (const name of removed) pendingOf(channel).removals.set(name, 0);
  if (resources.length > 1) {
    channel.rejection = rejectionOf(session, channel, rejectedOf(resources), message);
    isolate(session, channel, { names: resources.map(({ name }) => name), message, covers: flight.covers });
    return;
  }
  for (const resource of resources) {
    quarantine(channel, resource);
    channel.catalog.suspect(resource);
  }
  reject(session, channel, resources, message);
  answerRefused(session, channel, flight.asked);
  if (flight.covers !== undefined) channel.ackedEpoch = Math.max(channel.ackedEpoch, flight.covers);
}

function reject(
  session: Session,
  channel: Channel,
  resources: readonly EncodedResource[],
  message: string,
): void {
  const named = resources.filter(({ name }) => message.includes(name));
  const rejected = rejectedOf(named.length > 0 ? named : resources);
  channel.rejection = rejectionOf(session, channel, rejected, message);
  session.port.emit({ kind: 'rejected', typeUrl: channel.typeUrl, message, resources: rejected });
}

/** What is refused now, with what was refused before and still is. */
function rejectionOf(
  session: Session,
  { rejection, quarantine: refused }: Channel,
  resources: readonly RejectedResource[],
  message: string,
): NonNullable<Channel['rejection']> {
  const earlier = (rejection?.resources ?? []).filter(
    ({ name }) => refused?.has(name) && resources.every((each) => each.name !== name),
  );
  const shown = [...resources, ...earlier].slice(0, SHOWN_RESOURCES);
  return { message, resources: shown, atMs: session.port.nowMs() };
}

/** Ends a search without groups left: all that was good is in. */
export function endIsolation(session: Session, channel: Channel): void {
  const covers = channel.isolation?.covers;
  channel.isolation = undefined;
  if (channel.quarantine === undefined) channel.rejection = undefined;
  if (covers === undefined) return;
  channel.ackedEpoch = Math.max(channel.ackedEpoch, covers);
  session.port.emit({ kind: 'acked', typeUrl: channel.typeUrl, epoch: channel.ackedEpoch });
}
