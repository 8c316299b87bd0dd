// One stream, without its socket: requests and epochs in, responses and events out.
import type { Catalog } from '../catalog/catalog.ts';
import { createNameSet } from '../names.ts';
import type { Limits } from '../options.ts';
import type { DeltaRequest, StateRequest } from '../requests.ts';
import type { StreamView, TypeUrl } from '../types.ts';
import { answerDelta, answerState } from './answers.ts';
import { collect } from './collect.ts';
import { createOnDemand } from './on-demand.ts';
import { sendPending } from './send.ts';
import { type Channel, noFlights, noParts, type Session, type SessionPort } from './state.ts';
import { applyDelta, applyState } from './subscribe.ts';
import { changeView, holdRoots, layersFor } from './view-change.ts';

export interface SessionOptions {
  readonly protocol: Session['protocol'];
  readonly view: StreamView;
  /** In make-before-break order. */
  readonly catalogs: readonly Catalog[];
  readonly port: SessionPort;
  readonly limits: Limits;
  readonly versionPrefix: string;
  readonly epoch: number;
  readonly candidates: Session['candidates'];
  /** Called when a layer the session uses changed. */
  readonly onTouch: () => void;
}

export function openSession(options: SessionOptions): Session {
  const { protocol, view, port, limits, epoch } = options;
  const channels = new Map<TypeUrl, Channel>();
  const session: Session = {
    protocol,
    channels,
    port,
    limits,
    versionPrefix: options.versionPrefix,
    openedAtMs: port.nowMs(),
    candidates: options.candidates,
    touch: options.onTouch,
    view,
    epoch,
    targetEpoch: epoch,
    isResumed: false,
    isSelective: false,
    onDemand: view.onDemand && protocol === 'delta' ? createOnDemand() : undefined,
    isLost: false,
    sentResponses: 0,
    sentResources: 0,
    sentBytes: 0,
  };
  for (const catalog of options.catalogs) channels.set(catalog.typeUrl, openChannel(session, catalog));
  session.isSelective = [...channels.values()].some((channel) => channel.view.hasNeeded);
  holdRoots(session);
  return session;
}

function openChannel(session: Session, catalog: Catalog): Channel {
  return {
    catalog,
    typeUrl: catalog.typeUrl,
    view: catalog.enter(layersFor(session.view, catalog.typeUrl), session, session.epoch),
    isSubscribed: false,
    isWildcard: false,
    subscribed: createNameSet(),
    held: createNameSet(),
    ahead: createNameSet(),
    pending: undefined,
    queue: noParts,
    flights: noFlights,
    lastNonce: 0,
    ackedEpoch: 0,
    sentEpoch: 0,
    quarantine: undefined,
    isolation: undefined,
    rejection: undefined,
    tokens: session.limits.pushBurst,
    tokensAtMs: session.openedAtMs,
  };
}

/** Takes one request. Returns why the stream must end, or undefined. The caller pumps afterwards. */
export function receive(session: Session, request: DeltaRequest | StateRequest): string | undefined {
  const channel = session.channels.get(request.typeUrl);
  if (channel === undefined) {
    session.port.emit({ kind: 'ignored', typeUrl: request.typeUrl, reason: 'this type is not served' });
    return undefined;
  }
  if (request.kind !== session.protocol) return 'the request is of the other protocol';
  if (request.kind === 'delta') receiveDelta(session, channel, request);
  else receiveState(session, channel, request);
  if (channel.subscribed.size > session.limits.namesPerStream) {
    return `more than ${session.limits.namesPerStream} names subscribed on one stream`;
  }
  return undefined;
}

function receiveDelta(session: Session, channel: Channel, request: DeltaRequest): void {
  if (request.nonce !== '') answerDelta(session, channel, request.nonce, request.error);
  // Only a first request subscribes by naming nothing, and it answers nothing: endpoints may come ahead of it.
  const isEmpty = request.subscribe.length + request.unsubscribe.length === 0;
  if (isEmpty && (channel.isSubscribed || request.nonce !== '')) return;
  if (request.known.size > 0) session.isResumed = true;
  applyDelta(session, channel, request);
}

function receiveState(session: Session, channel: Channel, request: StateRequest): void {
  if (request.nonce === '' && request.hasVersion) session.isResumed = true;
  if (applyState(session, channel, request) && request.nonce !== '') {
    answerState(session, channel, request.nonce, request.error);
  }
}

/** Takes changes up to `epoch` and sends what may go. Returns when to call again, if something waits for time. */
export function pump(session: Session, epoch: number): number | undefined {
  collect(session, epoch);
  return session.isLost ? undefined : sendPending(session);
}

/** Moves to another view; the caller pumps afterwards. */
export function refreshSession(session: Session, view: StreamView, epoch: number): void {
  collect(session, epoch);
  changeView(session, view);
}

export function closeSession(session: Session): void {
  for (const { catalog, view } of session.channels.values()) catalog.leave(view.layers, session);
}
