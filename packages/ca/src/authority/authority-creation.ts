// Makes a new authority: a root that signs one intermediate, and the intermediate that signs everything else.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { KeyAlgorithm } from '../client/key-and-csr.ts';
import { type Clock, DAY_MS, MINUTE_MS, type RandomBytes, YEAR_MS } from '../clock.ts';
import { encodePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import type { CertificateFacts } from '../x509/certificate-reader.ts';
import { authorityName, signCertificate } from '../x509/certificate-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyIdentifier,
  keyUsage,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { type Signer, signerFor } from '../x509/signature-algorithm.ts';
import { type AuthorityFiles, FILE } from './authority-files.ts';

const ROOT_LIFE_MS = 10 * YEAR_MS;
const INTERMEDIATE_LIFE_MS = 3 * YEAR_MS;
/** Machines whose clocks are behind must be able to trust a new authority at once. */
const BACK_DATE_MS = DAY_MS;
export const SERIAL_BYTES = 16;

export interface AuthorityCreation {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Of root and intermediate; `ecdsa-p256` unless said otherwise. */
  readonly keyAlgorithm?: KeyAlgorithm;
}

interface Authority {
  readonly name: Buffer;
  readonly privateKey: KeyObject;
  readonly spki: Buffer;
  readonly identifier: Buffer;
  readonly signer: Signer;
}

/** The files of a new authority. */
export function createAuthorityFiles(creation: AuthorityCreation): AuthorityFiles {
  const root = newAuthority(creation, 'Root CA');
  const intermediate = newAuthority(creation, 'Intermediate CA');
  const rootPem = certify(creation, { subject: root, issuer: root, lifeMs: ROOT_LIFE_MS, pathLength: 1 });
  const certificatePem = certify(creation, {
    subject: intermediate,
    issuer: root,
    lifeMs: INTERMEDIATE_LIFE_MS,
    pathLength: 0,
  });
  return {
    [FILE.root]: rootPem,
    [FILE.rootKey]: privateKeyPem(root.privateKey),
    [FILE.certificate]: certificatePem,
    [FILE.key]: privateKeyPem(intermediate.privateKey),
    [FILE.chain]: certificatePem + rootPem,
  };
}

/** The files with another intermediate of the same root, whose key is here. */
export function createIntermediateFiles(
  creation: AuthorityCreation,
  { files, roots }: { readonly files: AuthorityFiles; readonly roots: readonly CertificateFacts[] },
): Result<AuthorityFiles> {
  const privateKey = createPrivateKey(files[FILE.rootKey] ?? '');
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const root = roots.find((candidate) => candidate.spki.equals(spki));
  if (root === undefined) {
    return refuse({
      code: 'no-root-key',
      message: `the key in ${FILE.rootKey} is that of no root in ${FILE.root}`,
      remedy: 'have an intermediate made by who keeps the root, and give its directory with --from',
    });
  }
  const issuer: Authority = {
    name: root.subject,
    privateKey,
    spki,
    identifier: root.subjectKeyIdentifier ?? keyIdentifier(spki),
    signer: signerFor(privateKey),
  };
  const intermediate = newAuthority(creation, 'Intermediate CA');
  const left = root.notAfterMs - creation.clock();
  const lifeMs = Math.min(INTERMEDIATE_LIFE_MS, left);
  const certificatePem = certify(creation, { subject: intermediate, issuer, lifeMs, pathLength: 0 });
  return succeed({
    ...files,
    [FILE.certificate]: certificatePem,
    [FILE.key]: privateKeyPem(intermediate.privateKey),
    [FILE.chain]: certificatePem + encodePem('CERTIFICATE', root.der),
  });
}

/** Names carry a random part, so that two authorities of one trust domain are never taken for each other. */
function newAuthority(
  { trustDomain, randomBytes, keyAlgorithm = 'ecdsa-p256' }: AuthorityCreation,
  role: string,
): Authority {
  const { privateKey, publicKey } = newKeyPair(keyAlgorithm);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const suffix = Buffer.from(randomBytes(4)).toString('hex');
  return {
    name: authorityName(trustDomain, `${role} ${suffix}`),
    privateKey,
    spki,
    identifier: keyIdentifier(spki),
    signer: signerFor(privateKey),
  };
}

function newKeyPair(algorithm: KeyAlgorithm): KeyPairKeyObjectResult {
  switch (algorithm) {
    case 'ecdsa-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ecdsa-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'rsa-2048':
    case 'rsa-3072':
    case 'rsa-4096':
      return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice('rsa-'.length)) });
  }
}

interface AuthorityCertificate {
  readonly subject: Authority;
  readonly issuer: Authority;
  readonly lifeMs: number;
  readonly pathLength: number;
}

function certify(creation: AuthorityCreation, wanted: AuthorityCertificate): string {
  const { subject, issuer, lifeMs, pathLength } = wanted;
  const nowMs = creation.clock();
  const template = {
    serial: creation.randomBytes(SERIAL_BYTES),
    issuer: issuer.name,
    subject: subject.name,
    notBeforeMs: Math.floor((nowMs - BACK_DATE_MS) / MINUTE_MS) * MINUTE_MS,
    notAfterMs: nowMs + lifeMs,
    spki: subject.spki,
    extensions: [
      basicConstraints({ pathLength }),
      keyUsage('authority'),
      subjectKeyIdentifier(subject.identifier),
      authorityKeyIdentifier(issuer.identifier),
    ],
  };
  return encodePem('CERTIFICATE', signCertificate(template, issuer.signer));
}

const privateKeyPem = (key: KeyObject): string => String(key.export({ type: 'pkcs8', format: 'pem' }));
