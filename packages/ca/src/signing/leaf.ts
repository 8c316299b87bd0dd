// A leaf in two halves: what it will say is decided first and is plain data, and then somebody with the key writes it, in this thread or another.
import type { KeyObject } from 'node:crypto';
import { EMPTY_NAME, signCertificate } from '../x509/certificate-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { type Signer, signerFor } from '../x509/signature-algorithm.ts';

/** Everything about a leaf but its key. */
export interface LeafDecision {
  readonly spiffeId: string;
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ipAddresses: readonly Uint8Array[];
  readonly serial: Uint8Array;
  /** Milliseconds since the epoch, whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs, as plain data: a key object goes to another thread without becoming text. */
export interface LeafIssuer {
  /** DER of its name. */
  readonly subject: Uint8Array;
  readonly identifier: Uint8Array;
  readonly privateKey: KeyObject;
}

/** DER of the leaf that `decision` describes, for the key `spki`. */
export type WriteLeaf = (decision: LeafDecision, spki: Buffer) => Buffer;

export function leafWriter({ subject, identifier, privateKey }: LeafIssuer): WriteLeaf {
  const signer: Signer = signerFor(privateKey);
  const issuer = Buffer.from(subject);
  const issuerIdentifier = authorityKeyIdentifier(Buffer.from(identifier));
  return ({ spiffeId, dnsNames, ipAddresses, serial, notBefore, notAfter }, spki) =>
    signCertificate(
      {
        serial,
        issuer,
        subject: EMPTY_NAME,
        notBeforeMs: notBefore,
        notAfterMs: notAfter,
        spki,
        extensions: [
          keyUsage('leaf'),
          extendedKeyUsage(),
          basicConstraints(),
          subjectKeyIdentifier(keyIdentifier(spki)),
          issuerIdentifier,
          subjectAltName({ uris: [spiffeId], dnsNames, ipAddresses }),
        ],
      },
      signer,
    );
}
