// Renewal: a workload that holds a valid certificate of this authority may have another for the same identity.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { OID } from '../der/object-identifiers.ts';
import { type Identity, parseSpiffeId } from '../spiffe-id.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import type { Authenticator } from './authenticator.ts';

export interface PeerCertificateOptions {
  readonly trustDomain: string;
  /** Certificates whose signature on a workload's certificate counts. */
  readonly issuers: readonly X509Certificate[];
  readonly clock: Clock;
  /** Whether a certificate was taken back, by its serial number. */
  readonly isRevoked?: (serial: string) => boolean;
}

/** TLS proved possession of the key and the chain; issuer, dates and purpose are checked here once more. */
export function peerCertificateAuthenticator(options: PeerCertificateOptions): Authenticator {
  return {
    name: 'peer-certificate',
    authenticate: async ({ peerCertificate }) =>
      peerCertificate === undefined ? undefined : identityOf(options, peerCertificate),
  };
}

function identityOf(options: PeerCertificateOptions, der: Uint8Array): Identity | undefined {
  const read = readCertificate(der);
  if (!read.ok || !isAcceptable(options, read.value)) return undefined;
  const [uri, ...others] = read.value.uris;
  if (uri === undefined || others.length > 0) return undefined;
  const parsed = parseSpiffeId(uri);
  return parsed.ok && parsed.value.trustDomain === options.trustDomain ? parsed.value : undefined;
}

function isAcceptable(
  { issuers, clock, isRevoked }: PeerCertificateOptions,
  certificate: CertificateFacts,
): boolean {
  const nowMs = clock();
  return (
    !certificate.isAuthority &&
    isRevoked?.(certificate.serial) !== true &&
    certificate.notBeforeMs <= nowMs &&
    nowMs < certificate.notAfterMs &&
    certificate.purposes?.includes(OID.clientAuthentication) === true &&
    issuers.some((issuer) => isIssuedBy(certificate.x509, issuer))
  );
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
