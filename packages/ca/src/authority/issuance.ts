// Signs leaf certificates: one SPIFFE id, CA:FALSE, never longer than allowed, never beyond the issuer's own life.
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import { type Clock, MINUTE_MS, type RandomBytes, SECOND_MS } from '../clock.ts';
import { encodePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type LeafDecision, type LeafIssuer, leafWriter, type WriteLeaf } from '../signing/leaf.ts';
import { parseSpiffeId } from '../spiffe-id.ts';
import { type CertificateFacts, serialText } from '../x509/certificate-reader.ts';
import { keyIdentifier, type SubjectNames } from '../x509/extensions.ts';
import type { SubjectKey } from '../x509/public-key.ts';
import { SERIAL_BYTES } from './authority-creation.ts';
import type { LoadedAuthority } from './authority-verification.ts';

export interface IssuanceSettings {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly leafTtlMs: number;
  readonly maxTtlMs: number;
  readonly randomBytes: RandomBytes;
}

export interface IssueRequest {
  readonly publicKey: SubjectKey;
  /** Of the authenticated caller, in this authority's trust domain. */
  readonly spiffeId: string;
  readonly ttlMs?: number;
}

/** A certificate for who holds the private half of the key in a request. */
export interface CertificateOrder {
  /** PEM; the names in it are ignored. */
  readonly csrPem: string;
  /** Of the authenticated caller, in this authority's trust domain. */
  readonly spiffeId: string;
  readonly ttlMs?: number;
}

export interface IssuedCertificate {
  /** As Istio answers: the leaf, the intermediates, and last all roots in one text. */
  readonly chainPem: readonly string[];
  /** Leaf and intermediates in one text: what a TLS end presents. */
  readonly certificatesPem: string;
  /** Hexadecimal, upper case, without leading zero bytes. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Clocks of proxies may be this far behind; beyond, new certificates are not valid there yet. */
const BACK_DATE_MS = 6 * MINUTE_MS;

/** What every leaf of one authority shares. */
export interface Issuance {
  readonly settings: IssuanceSettings;
  readonly certificate: CertificateFacts;
  readonly issuer: LeafIssuer;
  readonly writeLeaf: WriteLeaf;
  readonly intermediatesPem: readonly string[];
  readonly rootsPem: readonly string[];
}

const certificatePem = ({ der }: CertificateFacts): string => encodePem('CERTIFICATE', der);

/** `rootsPem` are all roots that are trusted now, which may be more than the issuer's own. */
export function createIssuance(
  settings: IssuanceSettings,
  { certificate, privateKey, intermediates }: LoadedAuthority,
  rootsPem: readonly string[],
): Issuance {
  const identifier = certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki);
  const issuer: LeafIssuer = { subject: certificate.subject, identifier, privateKey };
  return {
    settings,
    certificate,
    issuer,
    writeLeaf: leafWriter(issuer),
    intermediatesPem: intermediates.map(certificatePem),
    rootsPem,
  };
}

/** Signs a certificate for `request.spiffeId` and the given names. */
export function issueLeaf(
  issuance: Issuance,
  request: IssueRequest,
  names: Omit<SubjectNames, 'uris'>,
): Result<IssuedCertificate> {
  const decision = decideLeaf(issuance, request, names);
  if (!decision.ok) return decision;
  return succeed(
    issuedAs(issuance, decision.value, issuance.writeLeaf(decision.value, request.publicKey.spki)),
  );
}

/** What the certificate for `request.spiffeId` will say, whatever its key. */
export function decideLeaf(
  issuance: Issuance,
  { spiffeId, ttlMs }: Pick<IssueRequest, 'spiffeId' | 'ttlMs'>,
  names: Omit<SubjectNames, 'uris'>,
): Result<LeafDecision> {
  const { settings } = issuance;
  const owner = checkOwner(settings.trustDomain, spiffeId);
  if (owner !== undefined) return fail(...owner);
  const life = grantLife(issuance, ttlMs);
  if (!life.ok) return life;
  return succeed({ spiffeId, ...names, serial: settings.randomBytes(SERIAL_BYTES), ...life.value });
}

/** A leaf that was written as decided, with its chain. */
export function issuedAs(issuance: Issuance, decision: LeafDecision, der: Uint8Array): IssuedCertificate {
  const leafPem = encodePem('CERTIFICATE', der);
  return {
    chainPem: [leafPem, ...issuance.intermediatesPem, issuance.rootsPem.join('')],
    certificatesPem: [leafPem, ...issuance.intermediatesPem].join(''),
    serial: serialText(Buffer.from(decision.serial)),
    notBefore: decision.notBefore,
    notAfter: decision.notAfter,
  };
}

/** Even the caller's own mistake must not make a certificate for somebody of another trust domain. */
function checkOwner(trustDomain: string, spiffeId: string): readonly Diagnostic[] | undefined {
  const parsed = parseSpiffeId(spiffeId);
  if (!parsed.ok) return parsed.diagnostics;
  if (parsed.value.trustDomain === trustDomain) return undefined;
  const foreign = refuse({
    code: 'foreign-trust-domain',
    message: `the identity is not of the trust domain ${trustDomain}`,
    remedy: 'ask the authority of its own trust domain',
  });
  return foreign.ok ? undefined : foreign.diagnostics;
}

/** The life that is wanted, cut to the longest allowed. */
export function grantedTtlMs(
  { leafTtlMs, maxTtlMs }: Pick<IssuanceSettings, 'leafTtlMs' | 'maxTtlMs'>,
  wantedMs: number | undefined,
): Result<number> {
  const ttlMs = Math.min(wantedMs ?? leafTtlMs, maxTtlMs);
  return ttlMs >= SECOND_MS ? succeed(ttlMs) : badTtl();
}

/** Whole seconds: what the certificate will say is what is reported. */
function grantLife(
  { settings, certificate }: Issuance,
  wantedMs: number | undefined,
): Result<Pick<IssuedCertificate, 'notBefore' | 'notAfter'>> {
  const ttl = grantedTtlMs(settings, wantedMs);
  if (!ttl.ok) return ttl;
  const nowMs = settings.clock();
  const notAfter = wholeSeconds(Math.min(nowMs + ttl.value, certificate.notAfterMs));
  if (notAfter <= nowMs) {
    return refuse({
      code: 'authority-expired',
      message: 'the issuing certificate has expired',
      remedy: 'replace the intermediate by one that the same root signed',
    });
  }
  return succeed({ notBefore: wholeSeconds(nowMs - BACK_DATE_MS), notAfter });
}

const wholeSeconds = (timeMs: number): number => Math.floor(timeMs / SECOND_MS) * SECOND_MS;

export const badTtl = (): Result<never> =>
  refuse({
    code: 'bad-certificate-ttl',
    message: 'the life of a certificate is out of range',
    remedy: 'ask for at least one second and at most the longest life that is configured',
  });
