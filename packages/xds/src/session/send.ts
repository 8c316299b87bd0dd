// Sends what is pending, type by type. The rule: one push per type is unanswered at a time; answers that a request waits for go past it.
import { addName, hasName } from '../names.ts';
import { CLUSTER, ENDPOINTS, ROUTE } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { endIsolation } from './answers.ts';
import { composeDelta, composeItems, lastEndpoints } from './compose.ts';
import { composeState } from './compose-state.ts';
import { permitFor, urgentPermit } from './gate.ts';
import { plainUpsert } from './hold.ts';
import { nextProbe } from './isolation.ts';
import { deliverRouteConfigurations } from './on-demand.ts';
import { pushAllowedAtMs } from './pacing.ts';
import {
  type Channel,
  type FlightKind,
  isIdle,
  noParts,
  type Part,
  pendingOf,
  type Session,
  trimPending,
} from './state.ts';

/** Unanswered urgent responses of one type beyond which the next ones wait like ordinary ones. */
const URGENT_FLIGHTS = 64;

/** Sends all that may go now. Returns when to call again, if something waits for time. */
export function sendPending(session: Session): number | undefined {
  let retryAtMs: number | undefined;
  for (const channel of session.channels.values()) sendUrgent(session, channel);
  for (const channel of session.channels.values()) {
    const at = sendChannel(session, channel);
    if (at !== undefined && (retryAtMs === undefined || at < retryAtMs)) retryAtMs = at;
    // A route configuration that was just sent makes its virtual hosts urgent.
    for (const other of session.channels.values()) sendUrgent(session, other);
  }
  return retryAtMs;
}

function sendUrgent(session: Session, channel: Channel): void {
  if (channel.pending?.hasUrgent !== true || !channel.isSubscribed) return;
  if (session.protocol !== 'delta' || channel.flights.length >= URGENT_FLIGHTS) return;
  for (const part of composeDelta(session, channel, urgentPermit)) write(session, channel, part, 'urgent');
}

function sendChannel(session: Session, channel: Channel): number | undefined {
  if (!channel.isSubscribed) return undefined;
  drainQueue(session, channel);
  if (channel.queue.length > 0 || channel.flights.length > 0) return undefined;
  if (channel.isolation !== undefined && sendProbe(session, channel)) return undefined;
  if (channel.pending === undefined || !session.port.isReady()) return undefined;
  return push(session, channel);
}

function push(session: Session, channel: Channel): number | undefined {
  const nowMs = session.port.nowMs();
  const allowedAtMs = pushAllowedAtMs(channel, session.limits, nowMs);
  if (allowedAtMs !== undefined) return allowedAtMs;
  const { permit, retryAtMs } = permitFor(session, channel, nowMs);
  const compose = session.protocol === 'delta' ? composeDelta : composeState;
  const parts = compose(session, channel, permit);
  if (parts.length > 0) {
    channel.tokens--;
    channel.queue = parts;
    drainQueue(session, channel);
  } else if (channel.isolation !== undefined) {
    sendProbe(session, channel);
  }
  trimPending(channel);
  if (isIdle(channel)) channel.ackedEpoch = session.epoch;
  return channel.pending === undefined ? undefined : retryAtMs;
}

function drainQueue(session: Session, channel: Channel): void {
  while (channel.queue.length > 0 && session.port.isReady()) {
    const [part, ...rest] = channel.queue;
    channel.queue = rest.length === 0 ? noParts : rest;
    if (part !== undefined) write(session, channel, part, 'push');
  }
}

/** True when a probe was sent; false when the search is over. */
function sendProbe(session: Session, channel: Channel): boolean {
  const resources = nextProbe(channel);
  if (resources === undefined) {
    endIsolation(session, channel);
    return false;
  }
  for (const part of composeItems(session, channel, resources)) {
    const adds = new Set(part.resources.map(({ name }) => name));
    write(session, channel, { ...part, adds }, 'probe');
  }
  return true;
}

function write(session: Session, channel: Channel, part: Part, kind: FlightKind): void {
  const nonce = String(++channel.lastNonce);
  const { resources, removed, asked, adds, covers, body } = part;
  channel.flights = [...channel.flights, { nonce, kind, resources, removed, asked, adds, covers }];
  channel.sentEpoch = session.epoch;
  session.sentResponses++;
  session.sentResources += resources.length;
  session.sentBytes += body.byteLength;
  session.port.send({ typeUrl: channel.typeUrl, nonce, body, resources: resources.length });
  follow(session, channel, part);
}

/** What must come right after a response. */
function follow(session: Session, channel: Channel, part: Part): void {
  if (channel.typeUrl === CLUSTER) sendEndpointsOf(session, part);
  if (channel.typeUrl === ROUTE && session.onDemand !== undefined) {
    const names = part.resources.map(({ name }) => name);
    deliverRouteConfigurations(session, names, 'sent');
    for (const name of part.removed) session.onDemand.delivered.delete(name);
  }
}

/** A changed cluster does not ask for its endpoints again, and waits for them: they are sent after it. */
function sendEndpointsOf(session: Session, part: Part): void {
  const endpoints = session.channels.get(ENDPOINTS);
  if (endpoints === undefined || part.adds === 'all') return;
  if (!endpoints.isSubscribed && session.onDemand === undefined) return;
  const names = new Set<string>();
  for (const { needs } of part.resources) {
    for (const need of needs) if (need.typeUrl === ENDPOINTS) names.add(need.name);
  }
  if (names.size === 0) return;
  if (session.protocol === 'delta') sendAhead(session, endpoints, names);
  else requeueSubscribed(endpoints, names);
}

function sendAhead(session: Session, endpoints: Channel, names: ReadonlySet<string>): void {
  const { catalog, view, pending } = endpoints;
  const resources: EncodedResource[] = [];
  for (const name of names) {
    const found = catalog.resolve(view.layers, name);
    if (found !== undefined && endpoints.quarantine?.get(name) === found.hash) continue;
    pending?.upserts.delete(name);
    pending?.absent.delete(name);
    resources.push(found ?? lastEndpoints(endpoints, name));
    if (!hasName(catalog.names, endpoints.subscribed, name)) addName(catalog.names, endpoints.ahead, name);
  }
  trimPending(endpoints);
  for (const part of composeItems(session, endpoints, resources)) write(session, endpoints, part, 'urgent');
}

function requeueSubscribed(endpoints: Channel, names: ReadonlySet<string>): void {
  const { catalog } = endpoints;
  for (const name of names) {
    if (!hasName(catalog.names, endpoints.subscribed, name)) continue;
    pendingOf(endpoints).upserts.set(name, plainUpsert);
  }
}
