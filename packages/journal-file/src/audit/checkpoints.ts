// Signatures over a chain: who only has the files cannot write it anew, however many hashes they compute.
import { sign, verify, X509Certificate } from 'node:crypto';
import type { ChainHead } from './record.ts';

/** What signs: a workload's key with its certificates, the own one first. */
export interface CheckpointSigner {
  readonly signer: string;
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
}

export interface Checkpoint {
  readonly signer: string;
  readonly certificates: string;
  readonly signature: string;
}

const textOf = (chain: string, { seq, hash }: ChainHead): Buffer =>
  Buffer.from(`xebec audit checkpoint\n${chain}\n${seq}\n${hash}\n`);

export function signHead(chain: string, head: ChainHead, by: CheckpointSigner): Checkpoint {
  const signature = sign('sha256', textOf(chain, head), by.privateKeyPem).toString('base64');
  return { signer: by.signer, certificates: by.certificatesPem, signature };
}

export interface CheckedHead {
  readonly chain: string;
  readonly head: ChainHead;
  readonly checkpoint: Checkpoint;
  /** RFC 3339: when it was signed. */
  readonly time: string;
}

/** What is wrong with a signature; undefined: nothing. */
export function wrongWithSignature(checked: CheckedHead): string | undefined {
  const { chain, head, checkpoint, time } = checked;
  const certificates = certificatesIn(checkpoint.certificates);
  const [leaf] = certificates;
  if (leaf === undefined) return 'it has no certificate';
  if (!(leaf.subjectAltName ?? '').split(', ').includes(`URI:${checkpoint.signer}`))
    return `its certificate is not of ${checkpoint.signer}`;
  const signature = Buffer.from(checkpoint.signature, 'base64');
  if (!verify('sha256', textOf(chain, head), leaf.publicKey, signature))
    return 'its signature is not of these records';
  const [at, from, to] = [time, leaf.validFrom, leaf.validTo].map((text) => Date.parse(text));
  if (at === undefined || from === undefined || to === undefined || at < from || at > to)
    return 'its certificate was not valid at that time';
  return undefined;
}

/** Whether one of the roots stands behind the signer; without roots it is not asked. */
export const isSignerKnown = ({ certificates }: Checkpoint, rootsPem: readonly string[]): boolean =>
  rootsPem.length === 0 || isVouchedFor(certificatesIn(certificates), rootsPem.flatMap(certificatesIn));

const certificatesIn = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });

/** Each is issued by the next, and the last by a root. */
function isVouchedFor(chain: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  return chain.every((certificate, index) => {
    const issuers = index === chain.length - 1 ? roots : chain.slice(index + 1, index + 2);
    return issuers.some(
      (issuer) =>
        issuer.raw.equals(certificate.raw) ||
        (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)),
    );
  });
}
