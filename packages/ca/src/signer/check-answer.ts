// What an external signer gave back is used only when it is exactly what was asked: this key, this identity, no authority, no longer life, and a chain to a root that is trusted here.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { MINUTE_MS } from '../clock.ts';
import { OID } from '../der/object-identifiers.ts';
import { parsePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import type { SubjectKey } from '../x509/public-key.ts';

export interface Expected {
  readonly publicKey: SubjectKey;
  readonly spiffeId: string;
  /** DNS names and addresses; a workload has none. */
  readonly otherNames: number;
  readonly notAfterMs: number;
  readonly nowMs: number;
  readonly roots: readonly CertificateFacts[];
}

const MAX_CHAIN = 8;

/** Leaf first; a root at the end is left out. */
export function checkAnswer(chainPem: string, expected: Expected): Result<readonly CertificateFacts[]> {
  const blocks = parsePem(chainPem);
  const read = blocks.ok ? blocks.value.map(({ der }) => readCertificate(der)) : [];
  const all = read.flatMap((each) => (each.ok ? [each.value] : []));
  const chain = all.filter(({ der }) => !expected.roots.some((root) => root.der.equals(der)));
  const [leaf] = chain;
  if (leaf === undefined || all.length !== read.length || all.length > MAX_CHAIN) return bad('not a chain');
  const flaw = leafFlaw(leaf, expected) ?? chainFlaw(chain, expected);
  return flaw === undefined ? succeed(chain) : bad(flaw);
}

const bad = (why: string): Result<never> =>
  refuse({
    code: 'bad-signer-answer',
    message: `what the external signer gave is ${why}`,
    remedy: 'have it sign exactly what it is asked; see the guide to certificates',
  });

function leafFlaw(leaf: CertificateFacts, expected: Expected): string | undefined {
  const [uri, ...others] = leaf.uris;
  if (!leaf.spki.equals(expected.publicKey.spki)) return 'for another key';
  if (uri !== expected.spiffeId || others.length > 0) return 'for another identity';
  if (leaf.otherNames !== expected.otherNames) return 'for other names than were asked';
  if (leaf.isAuthority || !leaf.isBarredFromSigning) return 'an authority';
  if (leaf.notBeforeMs > expected.nowMs || leaf.notAfterMs <= expected.nowMs) return 'not valid now';
  if (leaf.notAfterMs > expected.notAfterMs + MINUTE_MS) return 'valid for longer than was asked';
  const purposes = leaf.purposes ?? [];
  const isForBoth = [OID.serverAuthentication, OID.clientAuthentication].every((each) =>
    purposes.includes(each),
  );
  return isForBoth ? undefined : 'not for both ends of TLS';
}

function chainFlaw(chain: readonly CertificateFacts[], { roots, nowMs }: Expected): string | undefined {
  const isLinked = chain.every((link, at) => {
    const issuers = at + 1 < chain.length ? chain.slice(at + 1, at + 2) : roots;
    return issuers.some((issuer) => isIssuedBy(link, issuer));
  });
  if (!isLinked) return 'without a chain to a root that is trusted here';
  const isAllowed = chain.slice(1).every((link) => link.isAuthority && !link.isBarredFromSigning);
  return isAllowed && chain.every(({ notAfterMs }) => notAfterMs > nowMs)
    ? undefined
    : 'of an issuer that may not sign';
}

function isIssuedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.issuer.equals(issuer.subject) && certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}
