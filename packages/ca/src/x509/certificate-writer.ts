// Builds and signs an X.509 v3 certificate (RFC 5280 §4.1) from values that were already decided.

import { OID } from '../der/object-identifiers.ts';
import {
  bitString,
  explicit,
  objectIdentifier,
  sequence,
  setOf,
  smallInteger,
  timeElement,
  unsignedInteger,
  utf8String,
} from '../der/writer.ts';
import type { Signer } from './signature-algorithm.ts';

/** Everything a certificate says; names are DER encodings of RDNSequence. */
export interface CertificateTemplate {
  readonly serial: Uint8Array;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Buffer;
  readonly extensions: readonly Buffer[];
}

const VERSION_3 = 2;
const MAX_NAME_LENGTH = 64;

/** The DER encoding of the certificate. */
export function signCertificate(template: CertificateTemplate, signer: Signer): Buffer {
  const signed = sequence(
    explicit(0, smallInteger(VERSION_3)),
    unsignedInteger(template.serial),
    signer.identifier,
    template.issuer,
    sequence(timeElement(template.notBeforeMs), timeElement(template.notAfterMs)),
    template.subject,
    template.spki,
    explicit(3, sequence(...template.extensions)),
  );
  return sequence(signed, signer.identifier, bitString(signer.sign(signed)));
}

const attribute = (oid: string, text: string): Buffer =>
  setOf(sequence(objectIdentifier(oid), utf8String(text.slice(0, MAX_NAME_LENGTH))));

/** The subject of an authority: organization and common name, cut to the 64 characters X.520 allows. */
export const authorityName = (organization: string, commonName: string): Buffer =>
  sequence(attribute(OID.organization, organization), attribute(OID.commonName, commonName));

export const EMPTY_NAME: Buffer = sequence();
