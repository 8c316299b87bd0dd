// Decides whether the files of an authority are whole and belong together; what is doubtful is refused by the file's name.
import { createPrivateKey, type KeyObject, sign, verify } from 'node:crypto';
import * as path from 'node:path';
import type { Diagnostic, Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { encodePem, type PemBlock, parsePem } from '../der/pem.ts';
import { refusalDiagnostic, refuse } from '../refusal.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import { acceptPublicKey } from '../x509/public-key.ts';
import { type AuthorityFiles, damaged, FILE, type FileName } from './authority-files.ts';

/** An authority that was found whole. */
export interface LoadedAuthority {
  readonly certificate: CertificateFacts;
  readonly privateKey: KeyObject;
  /** From the issuing certificate towards the root, without the root. */
  readonly intermediates: readonly CertificateFacts[];
  readonly roots: readonly CertificateFacts[];
}

export interface Verification {
  readonly directory: string;
  readonly files: AuthorityFiles;
  readonly nowMs: number;
}

const MAX_CERTIFICATES = 16;
const REMAINING_LIFE_TO_WARN = 0.2;

/** Chain, keys, purposes and dates; warns when less than a fifth of the intermediate's life is left. */
export function verifyAuthority(verification: Verification): Result<LoadedAuthority> {
  const roots = readCertificates(verification, FILE.root);
  if (!roots.ok) return roots;
  const own = readCertificates(verification, FILE.certificate);
  if (!own.ok) return own;
  const [certificate, ...others] = own.value;
  if (certificate === undefined || others.length > 0) {
    return broken(verification, FILE.certificate, 'not exactly one certificate');
  }
  const intermediates = verifyChain(verification, certificate, roots.value);
  if (!intermediates.ok) return intermediates;
  const privateKey = verifyKey(verification, FILE.key, [certificate]);
  if (!privateKey.ok) return privateKey;
  if (verification.files[FILE.rootKey] !== undefined) {
    const rootKey = verifyKey(verification, FILE.rootKey, roots.value);
    if (!rootKey.ok) return rootKey;
  }
  const loaded: LoadedAuthority = {
    certificate,
    privateKey: privateKey.value,
    intermediates: intermediates.value,
    roots: roots.value,
  };
  return succeed(loaded, expiryWarnings(verification, certificate));
}

const broken = ({ directory }: Verification, name: FileName, why: string): Result<never> =>
  refuse(damaged(path.join(directory, name), why));

/** The blocks of a file that holds blocks and nothing else. */
function readBlocks(verification: Verification, name: FileName): Result<readonly PemBlock[]> {
  const text = verification.files[name] ?? '';
  const parsed = parsePem(text);
  if (!parsed.ok || parsed.value.length === 0) return broken(verification, name, 'not intact PEM');
  return parsed.value.length > MAX_CERTIFICATES
    ? broken(verification, name, `more than ${MAX_CERTIFICATES} blocks`)
    : parsed;
}

function readCertificates(verification: Verification, name: FileName): Result<readonly CertificateFacts[]> {
  const blocks = readBlocks(verification, name);
  if (!blocks.ok) return blocks;
  const certificates: CertificateFacts[] = [];
  for (const { label, der } of blocks.value) {
    const read = label === 'CERTIFICATE' ? readCertificate(der) : undefined;
    if (read === undefined || !read.ok) return broken(verification, name, 'not made of intact certificates');
    const flaw = name === FILE.root ? rootFlaw(read.value) : authorityFlaw(read.value);
    if (flaw !== undefined) return broken(verification, name, flaw);
    certificates.push(read.value);
  }
  return succeed(certificates);
}

const authorityFlaw = ({ isAuthority, isBarredFromSigning }: CertificateFacts): string | undefined =>
  isAuthority && !isBarredFromSigning ? undefined : 'a certificate that may not sign others';

const rootFlaw = (root: CertificateFacts): string | undefined =>
  authorityFlaw(root) ?? (isIssuedBy(root, root) ? undefined : 'a root that did not sign itself');

/** Name and signature; node:crypto compares the two algorithm identifiers of a certificate too. */
function isIssuedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.issuer.equals(issuer.subject) && certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

/** The chain file leads from the issuing certificate, step by step, to a root; all of it is valid today. */
function verifyChain(
  verification: Verification,
  certificate: CertificateFacts,
  roots: readonly CertificateFacts[],
): Result<readonly CertificateFacts[]> {
  const read = readCertificates(verification, FILE.chain);
  if (!read.ok) return read;
  const chain = read.value;
  const last = chain.at(-1);
  if (chain[0]?.der.equals(certificate.der) !== true || last === undefined) {
    return broken(verification, FILE.chain, `not the chain of ${FILE.certificate}`);
  }
  const isLinked = chain.every((link, at) => {
    const next = chain[at + 1];
    return next === undefined || isIssuedBy(link, next);
  });
  const root =
    roots.find(({ der }) => der.equals(last.der)) ?? roots.find((candidate) => isIssuedBy(last, candidate));
  if (!isLinked || root === undefined) {
    return broken(verification, FILE.chain, `not a chain to a root in ${FILE.root}`);
  }
  const dated = verifyDates(verification, [...chain, root]);
  return dated.ok ? succeed(chain.filter(({ der }) => !der.equals(root.der))) : dated;
}

function verifyDates(verification: Verification, links: readonly CertificateFacts[]): Result<true> {
  const { nowMs } = verification;
  const file = path.join(verification.directory, FILE.chain);
  if (links.some(({ notAfterMs }) => notAfterMs <= nowMs)) {
    return refuse({
      code: 'authority-expired',
      message: 'a certificate of the authority has expired',
      remedy:
        'replace the intermediate by one that the same root signed, or make another authority with "xebec ca replace"; check the clock of this machine first',
      file,
    });
  }
  if (links.every(({ notBeforeMs }) => notBeforeMs <= nowMs)) return succeed(true);
  return refuse({
    code: 'authority-not-yet-valid',
    message: `a certificate of the authority begins after now (${new Date(nowMs).toISOString()})`,
    remedy: 'set the clock of this machine',
    file,
  });
}

/** The private key in a file, proved to be the other half of one of the certificates by signing with it. */
function verifyKey(
  verification: Verification,
  name: FileName,
  certificates: readonly CertificateFacts[],
): Result<KeyObject> {
  const blocks = readBlocks(verification, name);
  if (!blocks.ok) return blocks;
  const [block, ...others] = blocks.value.filter(({ label }) => label !== 'EC PARAMETERS');
  const key = block === undefined || others.length > 0 ? undefined : importPrivateKey(block);
  if (key === undefined) return broken(verification, name, 'not exactly one intact, unencrypted private key');
  const match = certificates.find(({ x509 }) => areHalves(key, x509.publicKey));
  if (match === undefined) return broken(verification, name, 'not the key of its certificate');
  return acceptPublicKey(match.spki).ok
    ? succeed(key)
    : broken(verification, name, 'a key that is neither ECDSA P-256 or P-384 nor RSA of 2048 bits and more');
}

function importPrivateKey({ label, der }: PemBlock): KeyObject | undefined {
  try {
    return createPrivateKey(encodePem(label, der));
  } catch {
    return undefined;
  }
}

const PROBE = Buffer.from('do these two keys belong together');

function areHalves(privateKey: KeyObject, publicKey: KeyObject): boolean {
  try {
    return verify('sha256', PROBE, publicKey, sign('sha256', PROBE, privateKey));
  } catch {
    return false;
  }
}

function expiryWarnings(
  { directory, nowMs }: Verification,
  { notBeforeMs, notAfterMs }: CertificateFacts,
): readonly Diagnostic[] {
  if ((notAfterMs - nowMs) / (notAfterMs - notBeforeMs) > REMAINING_LIFE_TO_WARN) return [];
  const diagnostic = refusalDiagnostic({
    code: 'authority-expires-soon',
    message: `the intermediate certificate expires at ${new Date(notAfterMs).toISOString()}`,
    remedy: 'replace it by one that the same root signed',
    file: path.join(directory, FILE.certificate),
  });
  return [{ ...diagnostic, severity: 'warning' }];
}
