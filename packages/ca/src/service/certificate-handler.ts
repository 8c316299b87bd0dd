// Answers one CreateCertificate call: authenticate, limit, check the request, issue, audit; what is refused says nothing about others.
import { fromBinary } from '@bufbuild/protobuf';
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
} from '@xebec/protos/istio/v1/auth/ca_pb';
import type { Diagnostic, Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import {
  type AuthenticationCall,
  type Authenticator,
  authenticateCall,
} from '../authenticators/authenticator.ts';
import type { IssuedCertificate } from '../authority/issuance.ts';
import { type Clock, SECOND_MS } from '../clock.ts';
import { refuse } from '../refusal.ts';
import type { MeshAuthority } from '../signer/mesh-authority.ts';
import { type Identity, spiffeId } from '../spiffe-id.ts';
import { createRateLimiter, type RateLimit, type RateLimiter } from './rate-limiter.ts';
import { createTurns, type Turns } from './turns.ts';

/** One decision; it never holds a key, a token or the request itself. */
export type AuditEvent = { readonly timeMs: number; readonly peer: string } & (
  | {
      readonly kind: 'issued';
      readonly identity: Identity;
      readonly authenticator: string;
      readonly serial: string;
      /** Milliseconds since the epoch. */
      readonly notAfter: number;
    }
  | {
      readonly kind: 'denied';
      /** A diagnostic's code, or `unauthenticated`, `rate-limited`, `internal-error`. */
      readonly reason: string;
      readonly identity?: Identity;
      readonly authenticator?: string;
    }
);

export interface CertificateServiceOptions {
  readonly authority: Pick<MeshAuthority, 'certify'>;
  /** Asked in this order; the first identity counts. */
  readonly authenticators: readonly Authenticator[];
  readonly clock: Clock;
  readonly audit: (event: AuditEvent) => void;
  /** Per identity; a burst of 20, then 5 a second. */
  readonly rateLimit?: RateLimit;
}

/** Names of gRPC status codes this service answers with. */
type RefusalStatus =
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'INVALID_ARGUMENT'
  | 'UNAVAILABLE'
  | 'INTERNAL';

export type CertificateAnswer =
  | { readonly ok: true; readonly chainPem: readonly string[] }
  | { readonly ok: false; readonly status: RefusalStatus; readonly message: string };

/** A call: its credentials and the encoded IstioCertificateRequest. */
export interface CertificateCall extends AuthenticationCall {
  readonly request: Uint8Array;
}

const DEFAULT_RATE_LIMIT: RateLimit = { burst: 20, perSecond: 5 };

/** The service without its transport; never throws, never rejects. */
export function createCertificateHandler(
  options: CertificateServiceOptions,
): (call: CertificateCall) => Promise<CertificateAnswer> {
  const limiter = createRateLimiter(options.rateLimit ?? DEFAULT_RATE_LIMIT, options.clock);
  const turns = createTurns();
  return async (call) => {
    try {
      return await answerCall(options, { limiter, turns }, call);
    } catch {
      return failCall(options, call);
    }
  };
}

/** A bug, or an audit that cannot be written: nothing is handed out. */
function failCall({ audit, clock }: CertificateServiceOptions, { peer }: CertificateCall): CertificateAnswer {
  try {
    audit({ kind: 'denied', timeMs: clock(), peer, reason: 'internal-error' });
  } catch {
    // The caller is told the same; there is nowhere left to report to.
  }
  return { ok: false, status: 'INTERNAL', message: 'internal error' };
}

interface Denial {
  readonly status: RefusalStatus;
  readonly reason: string;
  readonly message: string;
  readonly caller?: Caller;
}

interface Caller {
  readonly identity: Identity;
  readonly authenticator: string;
}

function deny(
  { audit, clock }: CertificateServiceOptions,
  { peer }: CertificateCall,
  denial: Denial,
): CertificateAnswer {
  const { status, reason, message, caller } = denial;
  audit({ kind: 'denied', timeMs: clock(), peer, reason, ...caller });
  return { ok: false, status, message };
}

async function answerCall(
  options: CertificateServiceOptions,
  { limiter, turns }: { readonly limiter: RateLimiter; readonly turns: Turns },
  call: CertificateCall,
): Promise<CertificateAnswer> {
  const caller = await authenticateCall(options.authenticators, call);
  const id = caller === undefined ? undefined : spiffeId(caller.identity);
  if (caller === undefined || id?.ok !== true) {
    return deny(options, call, {
      status: 'UNAUTHENTICATED',
      reason: 'unauthenticated',
      message: 'no valid credential was presented',
    });
  }
  if (!limiter.take(id.value)) {
    return deny(options, call, {
      status: 'RESOURCE_EXHAUSTED',
      reason: 'rate-limited',
      message: 'too many certificate requests from this identity, try again later',
      caller,
    });
  }
  await turns();
  const issued = await issueFor(options.authority, id.value, call.request);
  if (!issued.ok) return deny(options, call, refusalOf(issued.diagnostics, caller));
  const { serial, notAfter, chainPem } = issued.value;
  options.audit({ kind: 'issued', timeMs: options.clock(), peer: call.peer, serial, notAfter, ...caller });
  return { ok: true, chainPem };
}

/** Messages of this package's diagnostics are fixed texts: they tell the caller about its own request only. */
function refusalOf([first]: readonly Diagnostic[], caller: Caller): Denial {
  const reason = first?.code ?? 'refused';
  const status = STATUS_BY_CODE.get(reason) ?? 'INVALID_ARGUMENT';
  const message =
    status === 'INVALID_ARGUMENT' && first !== undefined
      ? `${first.message}; ${first.remedy ?? 'correct the request'}`
      : 'the request cannot be granted';
  return { status, reason, message, caller };
}

const STATUS_BY_CODE: ReadonlyMap<string, RefusalStatus> = new Map([
  ['foreign-trust-domain', 'PERMISSION_DENIED'],
  ['identity-revoked', 'PERMISSION_DENIED'],
  ['authority-expired', 'UNAVAILABLE'],
  ['signer-unavailable', 'UNAVAILABLE'],
  ['signing-busy', 'UNAVAILABLE'],
  ['bad-signer-answer', 'UNAVAILABLE'],
]);

async function issueFor(
  authority: Pick<MeshAuthority, 'certify'>,
  id: string,
  encoded: Uint8Array,
): Promise<Result<IssuedCertificate>> {
  const request = decodeRequest(encoded);
  if (!request.ok) return request;
  const metadata = checkMetadata(request.value);
  if (!metadata.ok) return metadata;
  const ttlMs = Number(request.value.validityDuration) * SECOND_MS;
  const { csr: csrPem } = request.value;
  const ttl = ttlMs === 0 ? {} : { ttlMs };
  return await authority.certify({ spiffeId: id, csrPem, ...ttl });
}

function decodeRequest(encoded: Uint8Array): Result<IstioCertificateRequest> {
  try {
    return succeed(fromBinary(IstioCertificateRequestSchema, encoded));
  } catch {
    return refuse({
      code: 'malformed-request',
      message: 'the message is not an IstioCertificateRequest',
      remedy: 'encode it as istio.v1.auth.IstioCertificateRequest',
    });
  }
}

/** Asking for another signer or another identity changes what is issued: refused, not passed over. Stock agents send empty values. */
function checkMetadata({ metadata }: IstioCertificateRequest): Result<true> {
  const asked = Object.entries(metadata ?? {}).filter(([, value]) => value !== '' && value !== null);
  if (asked.length === 0) return succeed(true);
  return refuse({
    code: 'unsupported-request-metadata',
    message: 'metadata in a certificate request is not yet supported',
    remedy: 'leave CertSigner, ImpersonatedIdentity and other metadata out',
  });
}
