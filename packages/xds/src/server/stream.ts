// One gRPC stream and its session. The rule: whatever a client sends or does not take, only its own stream suffers.
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { decodeDeltaRequest, decodeStateRequest, RefusedRequest } from '../requests.ts';
import { closeSession, openSession, pump, receive, refreshSession } from '../session/session.ts';
import type { Outgoing, Session, SessionEvent } from '../session/state.ts';
import { statusOf } from '../session/status.ts';
import type { ClientNode, Peer, StreamStatus } from '../types.ts';
import { withNonce } from '../wire/state-response.ts';
import { abortCall } from './abort-call.ts';
import { createIntake, type Intake } from './intake.ts';
import { bearerTokenOf, peerOf } from './peer.ts';
import { canSend, createShare, forgive, refund, type Share, spend } from './send-budget.ts';
import type { StreamHub } from './stream-hub.ts';

export type Call = ServerDuplexStream<Buffer, Buffer>;

/** A stream that takes nothing for this long no longer counts against the common budget. */
const STUCK_MS = 1_000;
const FIRST_REQUEST_MS = 15_000;
const longestTimerMs = 2 ** 31 - 1;

export class XdsStream implements Disposable {
  readonly id: number;
  readonly protocol: Session['protocol'];
  session: Session | undefined;
  client = '';
  private readonly call: Call;
  private readonly hub: StreamHub;
  private peer: Peer;
  private readonly share: Share;
  private readonly intake: Intake;
  private readonly connectedAtMs: number;
  private node: ClientNode | undefined;
  private timer: Disposable | undefined;
  private expiry: Disposable | undefined;
  private isEnded = false;
  private isWaiting = false;

  constructor(
    call: Call,
    hub: StreamHub,
    stream: Pick<XdsStream, 'id' | 'protocol'> & { isPlaintext: boolean },
  ) {
    this.call = call;
    this.hub = hub;
    this.id = stream.id;
    this.protocol = stream.protocol;
    this.connectedAtMs = hub.clock.nowMs();
    this.share = createShare(this.connectedAtMs);
    this.intake = createIntake(hub.limits, this.connectedAtMs);
    this.peer = peerOf(call, stream.isPlaintext);
    this.timer = hub.clock.after(FIRST_REQUEST_MS, () => {
      if (this.session === undefined) this.end(status.DEADLINE_EXCEEDED, 'no request came');
    });
    call.on('cancelled', () => this.finish('the client went away'));
    call.on('error', (error) => this.finish(error.message));
    const token = hub.authenticate === undefined ? undefined : bearerTokenOf(call);
    if (this.peer.isPlaintext || this.peer.identities.length > 0 || token === undefined) this.listen();
    else void this.identify(token);
  }

  /** Before this nothing that the client says is looked at. */
  private listen(): void {
    if (this.isEnded) return;
    this.call.on('data', (bytes: Buffer) => this.take(bytes));
    this.call.on('end', () => this.end(status.OK, 'the client ended the stream'));
  }

  private async identify(bearerToken: string): Promise<void> {
    const { address } = this.peer;
    const identity = await this.hub.authenticate?.({ address, bearerToken }).catch(() => undefined);
    if (identity !== undefined) this.peer = { ...this.peer, identities: [identity] };
    this.listen();
  }

  get identity(): string | undefined {
    return this.peer.identities[0];
  }

  /** Brings the stream to the current epoch. */
  pump(): void {
    const { session } = this;
    if (session === undefined || this.isEnded) return;
    this.guard(() => this.schedule(pump(session, this.hub.epoch())));
    if (session.isLost) this.end(status.UNAVAILABLE, 'too far behind: reconnect to compare');
  }

  refresh(): void {
    const { session } = this;
    if (session === undefined || this.isEnded) return;
    this.guard(() => refreshSession(session, this.hub.admission.view(this.client), this.hub.epoch()));
    this.pump();
  }

  /** Called now and then: gives up on a client that takes nothing. */
  check(nowMs: number): void {
    if (this.isEnded || this.share.unsentBytes === 0) return;
    const stuckMs = nowMs - this.share.lastProgressMs;
    if (stuckMs >= STUCK_MS) forgive(this.hub.budget, this.share);
    if (stuckMs < this.hub.limits.sendTimeoutMs) return;
    abortCall(this.call);
    this.finish(`took nothing for ${Math.round(stuckMs / 1000)} s`);
  }

  /** As of the current epoch, also when nothing in it concerned this stream. */
  status(): StreamStatus | undefined {
    this.pump();
    const { session } = this;
    if (session === undefined) return undefined;
    return {
      client: this.client,
      stream: this.id,
      protocol: this.protocol,
      peer: this.peer,
      connectedAtMs: this.connectedAtMs,
      types: statusOf(session),
      sentResponses: session.sentResponses,
      sentResources: session.sentResources,
      sentBytes: session.sentBytes,
    };
  }

  [Symbol.dispose](): void {
    this.end(status.UNAVAILABLE, 'the server is shutting down');
  }

  /** Ends the call for something that nobody may do, and says so to whoever watches. */
  private refuse(code: status, reason: string, node = this.node?.id): void {
    if (!this.isEnded) {
      this.hub.counters.refusals++;
      this.hub.emit({ kind: 'refused', peer: this.peer, node, reason });
    }
    this.end(code, reason);
  }

  /** Ends the call with a status for the client. */
  end(code: status, details: string): void {
    if (this.isEnded) return;
    this.finish(details);
    if (code === status.OK) this.call.end();
    else this.call.emit('error', Object.assign(new Error(details), { code, details }));
  }

  private take(bytes: Buffer): void {
    if (this.isEnded) return;
    this.share.lastProgressMs = this.hub.clock.nowMs();
    this.hub.counters.requests++;
    if (!this.intake.take(bytes.byteLength, this.share.lastProgressMs)) {
      this.refuse(status.RESOURCE_EXHAUSTED, 'too many requests, or too large ones, in a short time');
      return;
    }
    this.guard(() => this.serve(bytes));
    this.pump();
  }

  private serve(bytes: Buffer): void {
    const decode = this.protocol === 'delta' ? decodeDeltaRequest : decodeStateRequest;
    let request: ReturnType<typeof decode>;
    try {
      request = decode(bytes, this.hub.limits);
    } catch (error) {
      const details = error instanceof RefusedRequest ? error.message : 'not a discovery request';
      this.refuse(status.INVALID_ARGUMENT, details);
      return;
    }
    if (request.node !== undefined && !this.acceptNode(request.node)) return;
    if (this.session === undefined) {
      if (!this.isEnded)
        this.refuse(status.INVALID_ARGUMENT, 'the first request must carry a node with an id');
      return;
    }
    const refusal = receive(this.session, request);
    if (refusal !== undefined) this.refuse(status.INVALID_ARGUMENT, refusal);
  }

  /** The first node opens the session; a later one must be the same. */
  private acceptNode(node: ClientNode): boolean {
    if (this.node !== undefined) {
      if (this.node.id === node.id) return true;
      this.refuse(status.INVALID_ARGUMENT, 'the node id must not change on a stream');
      return false;
    }
    const { hub, peer } = this;
    if (!peer.isPlaintext && peer.identities.length === 0) {
      this.refuse(
        status.UNAUTHENTICATED,
        'a client certificate or token with an identity is required',
        node.id,
      );
      return false;
    }
    if (peer.expiresAtMs !== undefined && peer.expiresAtMs <= hub.clock.nowMs()) {
      this.refuse(status.UNAUTHENTICATED, 'the certificate of this connection has ended', node.id);
      return false;
    }
    if (hub.streamsOfIdentity(peer) >= hub.limits.streamsPerIdentity) {
      const most = hub.limits.streamsPerIdentity;
      this.refuse(status.RESOURCE_EXHAUSTED, `more than ${most} streams of one identity`, node.id);
      return false;
    }
    const admitted = hub.admission.admit(node, peer);
    if (admitted.kind === 'refused') {
      const code = admitted.code === 'unauthenticated' ? status.UNAUTHENTICATED : status.PERMISSION_DENIED;
      this.refuse(code, admitted.message, node.id);
      return false;
    }
    this.node = node;
    return this.open(admitted.client, node);
  }

  private open(client: string, node: ClientNode): boolean {
    const { hub } = this;
    if (hub.streamsOf(client) >= hub.limits.streamsPerClient) {
      const most = hub.limits.streamsPerClient;
      this.refuse(status.RESOURCE_EXHAUSTED, `more than ${most} streams of one client`, node.id);
      return false;
    }
    this.client = client;
    hub.join(this);
    hub.introduce(this.peer.address);
    const { peer, id: stream } = this;
    this.endOnExpiry();
    hub.emit({ kind: 'connected', client, stream, node, peer });
    this.session = openSession({
      protocol: this.protocol,
      view: hub.admission.view(client),
      catalogs: hub.catalogs,
      limits: hub.limits,
      versionPrefix: hub.versionPrefix,
      epoch: hub.epoch(),
      candidates: (typeUrl, asked) => hub.admission.candidates(typeUrl, asked),
      onTouch: () => hub.wake(this),
      port: {
        nowMs: () => hub.clock.nowMs(),
        isReady: () => this.isReady(),
        send: (response) => this.send(response),
        emit: (event) => this.emit(event),
      },
    });
    return true;
  }

  /** A proof holds as long as its certificate: who renews it comes back with the new one. */
  private endOnExpiry(): void {
    const { expiresAtMs } = this.peer;
    if (expiresAtMs === undefined || Number.isNaN(expiresAtMs)) return;
    const leftMs = expiresAtMs - this.hub.clock.nowMs();
    this.expiry = this.hub.clock.after(Math.min(Math.max(1, leftMs), longestTimerMs), () => {
      if (this.hub.clock.nowMs() < expiresAtMs) this.endOnExpiry();
      else
        this.end(
          status.UNAUTHENTICATED,
          'the certificate of this connection has ended: connect with a new one',
        );
    });
  }

  private isReady(): boolean {
    const isFree = canSend(this.hub.budget, this.share);
    if (!isFree && !this.isWaiting) {
      this.isWaiting = true;
      this.hub.waiting.add(this);
    }
    return isFree;
  }

  private send(response: Outgoing): void {
    const { hub, share } = this;
    const message = withNonce(response.body, response.nonce);
    const bytes = message.byteLength;
    hub.counters.responses++;
    hub.counters.resources += response.resources;
    hub.counters.bytes += bytes;
    spend(hub.budget, share, bytes, hub.clock.nowMs());
    this.call.write(message, () => {
      refund(hub.budget, share, bytes, hub.clock.nowMs());
      hub.wakeWaiting();
    });
  }

  /** The hub no longer lists this stream as waiting for room. */
  stopWaiting(): void {
    this.isWaiting = false;
  }

  private emit(event: SessionEvent): void {
    if (event.kind === 'acked') this.hub.counters.acknowledgements++;
    if (event.kind === 'rejected') this.hub.counters.rejections++;
    this.hub.emit({ ...event, client: this.client });
  }

  private schedule(atMs: number | undefined): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
    if (atMs === undefined || this.isEnded) return;
    this.timer = this.hub.clock.after(Math.max(1, atMs - this.hub.clock.nowMs()), () => this.pump());
  }

  /** A bug that shows on one stream ends that stream. */
  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.hub.fault(error);
      this.end(status.INTERNAL, 'internal error');
    }
  }

  private finish(reason: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.timer?.[Symbol.dispose]();
    this.expiry?.[Symbol.dispose]();
    forgive(this.hub.budget, this.share);
    if (this.session !== undefined) closeSession(this.session);
    this.hub.leave(this, reason);
  }
}
