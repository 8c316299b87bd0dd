// Certificate revocation lists (RFC 5280 §5): written for the issuers whose keys are here, read from files of others. A list is taken whole or not at all.

import type { KeyObject } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { SECOND_MS } from '../clock.ts';
import { OID } from '../der/object-identifiers.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { type DerElement, decodeDer, readTime, readWholeBitString } from '../der/reader.ts';
import { TAG } from '../der/tags.ts';
import {
  bitString,
  explicit,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
  timeElement,
  unsignedInteger,
} from '../der/writer.ts';
import { refuse } from '../refusal.ts';
import { serialText } from './certificate-reader.ts';
import { authorityKeyIdentifier } from './extensions.ts';
import { isSignedBy, type Signer } from './signature-algorithm.ts';

export interface RevocationListTemplate {
  /** DER of the issuer's name. */
  readonly issuer: Buffer;
  readonly issuerIdentifier: Buffer;
  readonly thisUpdateMs: number;
  /** From then on whoever uses the list refuses everybody: never sooner than the issuer's own end. */
  readonly nextUpdateMs: number;
  /** Hexadecimal. */
  readonly serials: readonly { readonly serial: string; readonly revokedAtMs: number }[];
}

const LABEL = 'X509 CRL';
const VERSION_2 = 1;

/** PEM of a signed list. */
export function signRevocationList(template: RevocationListTemplate, signer: Signer): string {
  const entries = template.serials.map(({ serial, revokedAtMs }) =>
    sequence(
      unsignedInteger(Buffer.from(serial.padStart(2 * Math.ceil(serial.length / 2), '0'), 'hex')),
      timeElement(revokedAtMs),
    ),
  );
  const number = Buffer.alloc(6);
  number.writeUIntBE(Math.floor(template.thisUpdateMs / SECOND_MS), 0, 6);
  const signed = sequence(
    smallInteger(VERSION_2),
    signer.identifier,
    template.issuer,
    timeElement(template.thisUpdateMs),
    timeElement(template.nextUpdateMs),
    // An empty list of entries is left out.
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(
      0,
      sequence(
        authorityKeyIdentifier(template.issuerIdentifier),
        sequence(objectIdentifier(OID.revocationListNumber), octetString(unsignedInteger(number))),
      ),
    ),
  );
  return encodePem(LABEL, sequence(signed, signer.identifier, bitString(signer.sign(signed))));
}

export interface RevocationListFacts {
  readonly pem: string;
  readonly issuer: Buffer;
  readonly thisUpdateMs: number;
  /** Undefined: it does not say. */
  readonly nextUpdateMs: number | undefined;
  readonly serials: readonly string[];
  isSignedBy(key: KeyObject): boolean;
}

/** Every list of a PEM text that holds nothing else. */
export function readRevocationLists(text: string): Result<readonly RevocationListFacts[]> {
  const blocks = parsePem(text);
  if (!blocks.ok) return malformed('not intact PEM');
  const lists: RevocationListFacts[] = [];
  for (const { label, der } of blocks.value) {
    const decoded = decodeDer(der);
    const list = label === LABEL && decoded.ok ? readList(decoded.value) : undefined;
    if (list === undefined) return malformed('not made of intact revocation lists');
    lists.push(list);
  }
  return lists.length === 0 ? malformed('empty') : succeed(lists);
}

const malformed = (why: string): Result<never> =>
  refuse({
    code: 'malformed-revocation-list',
    message: `the revocation list is ${why}`,
    remedy: 'write whole PEM blocks of X509 CRL, or remove the file',
  });

const isTime = (element: DerElement | undefined): boolean =>
  element?.tag === TAG.utcTime || element?.tag === TAG.generalizedTime;

function readList(list: DerElement): RevocationListFacts | undefined {
  const [signed, algorithm, signatureBits, ...extra] = list.children;
  const signature = readWholeBitString(signatureBits);
  if (signed === undefined || algorithm === undefined || signature === undefined || extra.length > 0)
    return undefined;
  const fields = signed.children[0]?.tag === TAG.integer ? signed.children.slice(1) : signed.children;
  const [, issuer, thisUpdate, ...rest] = fields;
  const thisUpdateMs = readTime(thisUpdate);
  if (issuer?.tag !== TAG.sequence || thisUpdateMs === undefined) return undefined;
  const [first] = rest;
  const nextUpdateMs = isTime(first) ? readTime(first) : undefined;
  const entries = rest.find(({ tag }) => tag === TAG.sequence)?.children ?? [];
  const serials = entries.map(({ children: [serial] }) =>
    serial?.tag === TAG.integer ? serialText(serial.content) : undefined,
  );
  const read = serials.filter((serial) => serial !== undefined);
  if (read.length !== serials.length) return undefined;
  return {
    pem: encodePem(LABEL, list.bytes),
    issuer: issuer.bytes,
    thisUpdateMs,
    nextUpdateMs,
    serials: read,
    isSignedBy: (key) => isSignedBy(key, signed.bytes, { algorithm, bytes: signature }),
  };
}
