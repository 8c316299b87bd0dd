// The certificate authority: signs for identities others have authenticated; makes a root only where there never was one.
import type { X509Certificate } from 'node:crypto';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import { type Clock, DAY_MS, type RandomBytes, SECOND_MS, systemClock, systemRandomBytes } from '../clock.ts';
import { encodePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type RequestSigner, requestSignerHere } from '../signing/request-signer.ts';
import { isTrustDomain } from '../spiffe-id.ts';
import { createAuthorityFiles } from './authority-creation.ts';
import { damaged, readAuthorityFiles, writeAuthorityFiles } from './authority-files.ts';
import { type LoadedAuthority, verifyAuthority } from './authority-verification.ts';
import {
  badTtl,
  type CertificateOrder,
  createIssuance,
  decideLeaf,
  type Issuance,
  type IssuanceSettings,
  type IssuedCertificate,
  type IssueRequest,
  issuedAs,
  issueLeaf,
} from './issuance.ts';
import { checkDnsNames, encodeIpAddresses } from './server-names.ts';

export interface AuthorityOptions {
  /** Holds the authority and nothing else; its parents are made where missing. */
  readonly directory: string;
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** Life of a certificate whose request names none; 24 hours. */
  readonly leafTtlMs?: number;
  /** Longest life that is granted; longer ones are cut to it. The larger of 24 hours and `leafTtlMs`. */
  readonly maxTtlMs?: number;
  readonly randomBytes?: RandomBytes;
  /** Checks requests and signs for workloads; in the thread that asks unless said otherwise. */
  readonly requestSigner?: RequestSigner;
}

export interface ServerIssueRequest extends IssueRequest {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export interface Authority {
  readonly trustDomain: string;
  /** True when this start made the authority, false when it was loaded. */
  readonly isNew: boolean;
  /** Every trusted root, one text each. */
  readonly rootsPem: readonly string[];
  /** The key identifier that its certificates name as their authority's, hexadecimal. */
  readonly issuerId: string;
  /** Certificates that may have signed a workload's certificate. */
  readonly issuers: readonly X509Certificate[];
  /** When the issuing certificate expires; nothing is issued beyond. Milliseconds since the epoch. */
  readonly notAfter: number;
  /** A certificate for a workload: its SPIFFE id and no other name. */
  issue(request: IssueRequest): Result<IssuedCertificate>;
  /** As `issue`, for the key of a request, checked and signed where `requestSigner` is. */
  certify(order: CertificateOrder): Promise<Result<IssuedCertificate>>;
  /** A certificate for a server of the mesh's own, with names clients dial. */
  issueServer(request: ServerIssueRequest): Result<IssuedCertificate>;
}

export type AuthoritySettings = Required<AuthorityOptions> & IssuanceSettings;

/** Loads the authority of a directory, or makes one where the directory is absent or empty. */
export function openAuthority(options: AuthorityOptions): Result<Authority> {
  const settings = readSettings(options);
  if (!settings.ok) return settings;
  const found = readAuthorityFiles(options.directory);
  if (!found.ok) return found;
  let isNew = false;
  if (found.value === undefined) {
    const written = writeAuthorityFiles(options.directory, createAuthorityFiles(settings.value));
    if (!written.ok) return written;
    isNew = written.value === 'written';
  }
  const loaded = loadAuthority(settings.value);
  return loaded.ok
    ? succeed(createAuthority(settings.value, { loaded: loaded.value, isNew }), loaded.warnings)
    : fail(...loaded.diagnostics);
}

export function readSettings(options: AuthorityOptions): Result<AuthoritySettings> {
  const { leafTtlMs = DAY_MS, clock = systemClock, randomBytes = systemRandomBytes } = options;
  const { requestSigner = requestSignerHere } = options;
  const maxTtlMs = options.maxTtlMs ?? Math.max(DAY_MS, leafTtlMs);
  if (!isTrustDomain(options.trustDomain)) {
    return refuse({
      code: 'bad-trust-domain',
      message: 'the trust domain is not a valid name',
      remedy: 'use lower-case letters, digits, dots and dashes, such as cluster.local',
    });
  }
  if (!(leafTtlMs >= SECOND_MS && leafTtlMs <= maxTtlMs && Number.isFinite(maxTtlMs))) return badTtl();
  return succeed({ ...options, leafTtlMs, maxTtlMs, clock, randomBytes, requestSigner });
}

/** Always from the disk: what was written is read back before anything is signed with it. */
export function loadAuthority({ directory, clock }: AuthoritySettings): Result<LoadedAuthority> {
  const files = readAuthorityFiles(directory);
  if (!files.ok) return files;
  if (files.value === undefined) return refuse(damaged(path.resolve(directory), 'missing'));
  return verifyAuthority({ directory, files: files.value, nowMs: clock() });
}

export interface AuthorityParts {
  readonly loaded: LoadedAuthority;
  readonly isNew: boolean;
  /** Trusted besides its own roots. */
  readonly otherRootsPem?: readonly string[];
}

/** One issuer at work. */
export function createAuthority(
  settings: AuthoritySettings,
  { loaded, isNew, otherRootsPem = [] }: AuthorityParts,
): Authority {
  const own = loaded.roots.map(({ der }) => encodePem('CERTIFICATE', der));
  const rootsPem = [...new Set([...own, ...otherRootsPem])];
  const issuance = createIssuance(settings, loaded, rootsPem);
  return {
    trustDomain: settings.trustDomain,
    isNew,
    rootsPem,
    issuerId: Buffer.from(issuance.issuer.identifier).toString('hex'),
    issuers: [loaded.certificate.x509],
    notAfter: loaded.certificate.notAfterMs,
    certify: (order) => certify(issuance, settings.requestSigner, order),
    issue: (request) => issueLeaf(issuance, request, { dnsNames: [], ipAddresses: [] }),
    issueServer: (request) => {
      const dnsNames = checkDnsNames(request.dnsNames ?? []);
      if (!dnsNames.ok) return dnsNames;
      const ipAddresses = encodeIpAddresses(request.ipAddresses ?? []);
      if (!ipAddresses.ok) return ipAddresses;
      return issueLeaf(issuance, request, { dnsNames: dnsNames.value, ipAddresses: ipAddresses.value });
    },
  };
}

async function certify(
  issuance: Issuance,
  requestSigner: RequestSigner,
  { csrPem, ...request }: CertificateOrder,
): Promise<Result<IssuedCertificate>> {
  const decision = decideLeaf(issuance, request, { dnsNames: [], ipAddresses: [] });
  if (!decision.ok) return decision;
  const signed = await requestSigner.sign(issuance.issuer, { csrPem, decision: decision.value });
  return signed.ok ? succeed(issuedAs(issuance, decision.value, signed.value)) : signed;
}
