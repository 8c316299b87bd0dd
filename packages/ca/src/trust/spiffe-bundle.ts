// Bundles as meshes tell each other (SPIFFE Trust Domain and Bundle §4): roots as JSON web keys, and beside them lists of what was revoked. What is read is checked as if an attacker had written it.
import { X509Certificate } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { SECOND_MS } from '../clock.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import { type RevocationListFacts, readRevocationLists } from '../x509/revocation-list.ts';
import { constrainAnchor } from './constrained-anchor.ts';

/** Who signs certificates of workloads, with the list of what was taken back of them. */
export interface PublishedIssuer {
  /** From the issuer towards a root, without the root unless that is the issuer itself. */
  readonly chainPem: readonly string[];
  readonly listPem: string;
  /** Equal when the list says the same, however often it was signed. */
  readonly key: string;
}

/** What others may know of a mesh. */
export interface Publication {
  readonly rootsPem: readonly string[];
  /** Empty: nothing can be said about what was revoked. */
  readonly issuers: readonly PublishedIssuer[];
}

/** Equal as long as the same is trusted and taken back. */
export const publicationKey = ({ rootsPem, issuers }: Publication): string =>
  JSON.stringify([[...rootsPem].sort(), issuers.map(({ chainPem, key }) => [chainPem, key])]);

export interface BundleEnvelope {
  /** Greater for what is newer. */
  readonly sequence: number;
  /** How often to ask again. */
  readonly refreshHintMs: number;
}

/** The document; its lists are under a name of our own, which others overlook. */
export function writeSpiffeBundle({ rootsPem, issuers }: Publication, envelope: BundleEnvelope): string {
  const document = {
    keys: rootsPem.map(keyOf),
    spiffe_sequence: envelope.sequence,
    spiffe_refresh_hint: Math.max(1, Math.round(envelope.refreshHintMs / SECOND_MS)),
    ...(issuers.length === 0 ? {} : { xebec_revocation_lists: issuers.map(listOf) }),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function keyOf(pem: string): object {
  const certificate = new X509Certificate(pem);
  const { kty, crv, x, y, n, e } = certificate.publicKey.export({ format: 'jwk' });
  return { use: 'x509-svid', kty, crv, x, y, n, e, x5c: [certificate.raw.toString('base64')] };
}

const base64Of = (pem: string): string => {
  const blocks = parsePem(pem);
  return blocks.ok ? (blocks.value[0]?.der.toString('base64') ?? '') : '';
};

const listOf = ({ chainPem, listPem }: PublishedIssuer): object => ({
  x5c: chainPem.map(base64Of),
  crl: base64Of(listPem),
});

/** Lists of another mesh, each by an issuer that one of its roots stands for. */
export interface ForeignLists {
  readonly pem: string;
  /** Equal when they say the same. */
  readonly key: string;
  /** Names of the issuers: DER in hexadecimal. */
  readonly issuerNames: readonly string[];
  readonly hasRevoked: boolean;
}

export interface SpiffeBundle {
  /** One certificate a text, valid now, each able to be limited to a trust domain; at least one. */
  readonly rootsPem: readonly string[];
  /** Undefined: it does not say. */
  readonly sequence: number | undefined;
  readonly refreshHintMs: number | undefined;
  /** Undefined: none, or not of intact ones alone. */
  readonly lists: ForeignLists | undefined;
  /** Equal when the same is trusted and taken back. */
  readonly key: string;
}

export const spiffeBundleLimits = { bytes: 1024 * 1024, keys: 64, issuers: 64 };
const mostInChain = 8;

export function readSpiffeBundle(text: string, nowMs: number): Result<SpiffeBundle> {
  const document = parse(text);
  const keys = document?.['keys'];
  if (document === undefined || !Array.isArray(keys)) return unusable('is no JSON web key set');
  if (keys.length > spiffeBundleLimits.keys) return unusable(`has more than ${spiffeBundleLimits.keys} keys`);
  const written = keys.map(fieldsOf).filter((key) => key?.['use'] === 'x509-svid');
  const roots: CertificateFacts[] = [];
  for (const [index, key] of written.entries()) {
    const root = rootIn(key?.['x5c']);
    if (typeof root === 'string') return unusable(`has a key (${index + 1}) that ${root}`);
    if (root.notAfterMs > nowMs) roots.push(root);
  }
  if (roots.length === 0) return unusable('has no root that is valid now');
  const lists = listsIn(document['xebec_revocation_lists'], roots, nowMs);
  if (lists !== undefined && !lists.ok) return lists;
  const rootsPem = roots.map(({ der }) => encodePem('CERTIFICATE', der));
  return succeed({
    rootsPem,
    sequence: wholeNumber(document['spiffe_sequence']),
    refreshHintMs: hintOf(document['spiffe_refresh_hint']),
    lists: lists?.value,
    key: JSON.stringify([[...rootsPem].sort(), lists?.value?.key]),
  });
}

const unusable = (why: string): Result<never> =>
  refuse({
    code: 'bundle-unusable',
    message: `the bundle ${why}`,
    remedy: 'have the other mesh publish what "xebec ca bundle -o spiffe" says',
  });

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined;

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

const hintOf = (value: unknown): number | undefined => {
  const seconds = wholeNumber(value);
  return seconds === undefined || seconds === 0 ? undefined : seconds * SECOND_MS;
};

function certificatesIn(x5c: unknown): readonly CertificateFacts[] | undefined {
  if (!Array.isArray(x5c) || x5c.length === 0 || x5c.length > mostInChain) return undefined;
  const read = x5c.map((each) =>
    typeof each === 'string' ? readCertificate(Buffer.from(each, 'base64')) : undefined,
  );
  const found = read.flatMap((each) => (each?.ok === true ? [each.value] : []));
  return found.length === read.length ? found : undefined;
}

/** Or what is wrong with it. */
function rootIn(x5c: unknown): CertificateFacts | string {
  const certificates = certificatesIn(x5c);
  const [root, ...others] = certificates ?? [];
  if (root === undefined || others.length > 0) return 'is not exactly one certificate';
  if (!maySign(root)) return 'is not one of an authority';
  const limited = constrainAnchor(encodePem('CERTIFICATE', root.der), {
    trustDomains: ['a.example'],
    mayHaveDnsNames: false,
  });
  return limited.ok ? root : 'cannot be limited to a trust domain';
}

const maySign = ({ isAuthority, isBarredFromSigning }: CertificateFacts): boolean =>
  isAuthority && !isBarredFromSigning;

/** All of them are right, or the bundle is not: with one list less its issuer's certificates would all be refused. */
function listsIn(
  written: unknown,
  roots: readonly CertificateFacts[],
  nowMs: number,
): Result<ForeignLists | undefined> | undefined {
  if (written === undefined) return undefined;
  if (!Array.isArray(written) || written.length > spiffeBundleLimits.issuers)
    return unusable(`has more than ${spiffeBundleLimits.issuers} revocation lists, or none`);
  const lists: ForeignList[] = [];
  for (const each of written) {
    const list = listIn(fieldsOf(each), roots, nowMs);
    if (list === undefined) return unusable('has a revocation list that no issuer of its roots has signed');
    lists.push(list);
  }
  if (lists.length === 0) return undefined;
  return succeed({
    pem: lists.map(({ list }) => list.pem).join(''),
    key: JSON.stringify(
      lists.map(({ list, issuer }) => [issuer.x509.fingerprint256, [...list.serials].sort()]),
    ),
    issuerNames: [...new Set(lists.map(({ list }) => list.issuer.toString('hex')))],
    hasRevoked: lists.some(({ list }) => list.serials.length > 0),
  });
}

interface ForeignList {
  readonly list: RevocationListFacts;
  readonly issuer: CertificateFacts;
}

function listIn(
  fields: Readonly<Record<string, unknown>> | undefined,
  roots: readonly CertificateFacts[],
  nowMs: number,
): ForeignList | undefined {
  const chain = certificatesIn(fields?.['x5c']);
  const [issuer] = chain ?? [];
  const crl = fields?.['crl'];
  if (chain === undefined || issuer === undefined || typeof crl !== 'string') return undefined;
  const read = readRevocationLists(encodePem('X509 CRL', Buffer.from(crl, 'base64')));
  const [list] = read.ok ? read.value : [];
  if (list === undefined || !list.issuer.equals(issuer.subject)) return undefined;
  const isCurrent = (list.nextUpdateMs ?? Number.POSITIVE_INFINITY) > nowMs && list.thisUpdateMs <= nowMs;
  const isProven = isCurrent && list.isSignedBy(issuer.x509.publicKey) && leadsTo(chain, roots);
  return isProven ? { list, issuer } : undefined;
}

function leadsTo(chain: readonly CertificateFacts[], roots: readonly CertificateFacts[]): boolean {
  return chain.every((link, at) => {
    const next = chain[at + 1];
    const issuers = next === undefined ? roots : [next];
    const isRoot = next === undefined && roots.some(({ der }) => der.equals(link.der));
    return maySign(link) && (isRoot || issuers.some((issuer) => isIssuedBy(link, issuer)));
  });
}

function isIssuedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.issuer.equals(issuer.subject) && certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

/** The SPIFFE ids in a certificate; of a workload's there is exactly one. */
export function spiffeIdsIn(der: Uint8Array): readonly string[] {
  const read = readCertificate(der);
  return read.ok ? read.value.uris : [];
}
