// The certificate extensions this authority writes (RFC 5280 §4.2); each function returns one Extension.
import { createHash } from 'node:crypto';
import { OID } from '../der/object-identifiers.ts';
import { decodeDer, readWholeBitString } from '../der/reader.ts';
import {
  bitString,
  booleanElement,
  implicitString,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
} from '../der/writer.ts';

interface Extension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Buffer;
}

const extension = ({ oid, isCritical, value }: Extension): Buffer =>
  sequence(objectIdentifier(oid), ...(isCritical ? [booleanElement(true)] : []), octetString(value));

/** CA:FALSE is the empty sequence; an authority states how many authorities may follow it. */
export const basicConstraints = (authority?: { readonly pathLength: number }): Buffer =>
  extension({
    oid: OID.basicConstraints,
    isCritical: true,
    value:
      authority === undefined
        ? sequence()
        : sequence(booleanElement(true), smallInteger(authority.pathLength)),
  });

/** digitalSignature and keyEncipherment for leaves, keyCertSign and cRLSign for authorities. */
export const keyUsage = (of: 'leaf' | 'authority'): Buffer =>
  extension({
    oid: OID.keyUsage,
    isCritical: true,
    value: of === 'leaf' ? bitString(Uint8Array.of(0xa0), 5) : bitString(Uint8Array.of(0x06), 1),
  });

/** Both ends of TLS: every workload serves and calls. */
export const extendedKeyUsage = (): Buffer =>
  extension({
    oid: OID.extendedKeyUsage,
    isCritical: false,
    value: sequence(objectIdentifier(OID.serverAuthentication), objectIdentifier(OID.clientAuthentication)),
  });

export const subjectKeyIdentifier = (keyIdentifier: Buffer): Buffer =>
  extension({ oid: OID.subjectKeyIdentifier, isCritical: false, value: octetString(keyIdentifier) });

export const authorityKeyIdentifier = (keyIdentifier: Buffer): Buffer =>
  extension({
    oid: OID.authorityKeyIdentifier,
    isCritical: false,
    value: sequence(implicitString(0, keyIdentifier)),
  });

/** What a certificate vouches for; `ipAddresses` are 4 or 16 bytes. */
export interface SubjectNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly Uint8Array[];
}

/** Critical, because the subject of our leaves is empty (RFC 5280 §4.2.1.6). */
export function subjectAltName({ uris, dnsNames, ipAddresses }: SubjectNames): Buffer {
  const value = sequence(
    ...dnsNames.map((name) => implicitString(2, Buffer.from(name, 'ascii'))),
    ...uris.map((uri) => implicitString(6, Buffer.from(uri, 'ascii'))),
    ...ipAddresses.map((address) => implicitString(7, address)),
  );
  return extension({ oid: OID.subjectAltName, isCritical: true, value });
}

/** The leading 160 bits of SHA-256 over the key bits (RFC 7093 §2, method 1). */
export function keyIdentifier(spki: Buffer): Buffer {
  const decoded = decodeDer(spki);
  const bits = decoded.ok ? readWholeBitString(decoded.value.children[1]) : undefined;
  return createHash('sha256')
    .update(bits ?? spki)
    .digest()
    .subarray(0, 20);
}
