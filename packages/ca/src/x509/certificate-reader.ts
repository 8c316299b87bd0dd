// Reads from a certificate what this package decides on; the parts nobody asks for are left to node:crypto.
import { X509Certificate } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { OID } from '../der/object-identifiers.ts';
import { type DerElement, decodeDer, readBoolean, readObjectIdentifier, readTime } from '../der/reader.ts';
import { contextTag, TAG } from '../der/tags.ts';
import { refuse } from '../refusal.ts';

export interface CertificateFacts {
  readonly x509: X509Certificate;
  readonly der: Buffer;
  /** Hexadecimal, upper case, without leading zero bytes. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DER encodings of the names. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly isAuthority: boolean;
  /** True when key usage is stated and lacks keyCertSign. */
  readonly isBarredFromSigning: boolean;
  readonly subjectKeyIdentifier: Buffer | undefined;
  /** The key identifier of who signed it. */
  readonly authorityKeyIdentifier: Buffer | undefined;
  /** The URI names; `otherNames` counts names of any other form. */
  readonly uris: readonly string[];
  readonly otherNames: number;
  /** Object identifiers of the extended key usage; undefined where it is not stated. */
  readonly purposes: readonly string[] | undefined;
}

/** Reads a version 3 certificate; a malformed one is a failure value. */
export function readCertificate(der: Uint8Array): Result<CertificateFacts> {
  const decoded = decodeDer(der);
  if (!decoded.ok) return decoded;
  const x509 = importCertificate(decoded.value.bytes);
  const fields = readFields(decoded.value);
  if (x509 === undefined || fields === undefined) return malformed();
  return succeed({ x509, der: decoded.value.bytes, ...fields });
}

const malformed = (): Result<never> =>
  refuse({
    code: 'malformed-certificate',
    message: 'the certificate is malformed',
    remedy: 'replace it with an intact X.509 v3 certificate',
  });

function importCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

type Fields = Omit<CertificateFacts, 'x509' | 'der'>;

function readFields(certificate: DerElement): Fields | undefined {
  const [version, serial, , issuer, validity, subject, spki, ...rest] =
    certificate.children[0]?.children ?? [];
  if (version?.tag !== contextTag(0, 'constructed') || serial?.tag !== TAG.integer) return undefined;
  if (issuer === undefined || subject === undefined || spki === undefined) return undefined;
  const notBeforeMs = readTime(validity?.children[0]);
  const notAfterMs = readTime(validity?.children[1]);
  const wrapper = rest.find(({ tag }) => tag === contextTag(3, 'constructed'));
  const extensions = readExtensions(wrapper?.children[0]?.children ?? []);
  if (notBeforeMs === undefined || notAfterMs === undefined || extensions === undefined) return undefined;
  return {
    serial: serialText(serial.content),
    notBeforeMs,
    notAfterMs,
    issuer: issuer.bytes,
    subject: subject.bytes,
    spki: spki.bytes,
    ...readAuthority(extensions),
    ...readNames(extensions.get(OID.subjectAltName)),
    purposes: extensions
      .get(OID.extendedKeyUsage)
      ?.children.map((purpose) => readObjectIdentifier(purpose) ?? 'unread'),
  };
}

/** The decoded value of each extension whose value is DER; a repeated extension makes all unreadable. */
function readExtensions(elements: readonly DerElement[]): Map<string, DerElement> | undefined {
  const extensions = new Map<string, DerElement>();
  for (const element of elements) {
    const oid = readObjectIdentifier(element.children[0]);
    const value = element.children.at(-1);
    if (oid === undefined || value?.tag !== TAG.octetString || extensions.has(oid)) return undefined;
    const decoded = decodeDer(value.content);
    if (!decoded.ok) return undefined;
    extensions.set(oid, decoded.value);
  }
  return extensions;
}

const KEY_CERT_SIGN = 0x04;
const KEY_IDENTIFIER = contextTag(0, 'primitive');

/** A serial number as people and tools write it: hexadecimal, upper case, whole bytes, no zeros in front. */
export const serialText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=.)/, '');

function readAuthority(
  extensions: ReadonlyMap<string, DerElement>,
): Pick<Fields, 'isAuthority' | 'isBarredFromSigning' | 'subjectKeyIdentifier' | 'authorityKeyIdentifier'> {
  const usage = extensions.get(OID.keyUsage)?.content[1];
  return {
    isAuthority: readBoolean(extensions.get(OID.basicConstraints)?.children[0]) === true,
    isBarredFromSigning: extensions.has(OID.keyUsage) && ((usage ?? 0) & KEY_CERT_SIGN) === 0,
    subjectKeyIdentifier: extensions.get(OID.subjectKeyIdentifier)?.content,
    authorityKeyIdentifier: extensions
      .get(OID.authorityKeyIdentifier)
      ?.children.find(({ tag }) => tag === KEY_IDENTIFIER)?.content,
  };
}

const URI_NAME = contextTag(6, 'primitive');

function readNames(names: DerElement | undefined): Pick<Fields, 'uris' | 'otherNames'> {
  const all = names?.children ?? [];
  const uris = all.filter(({ tag }) => tag === URI_NAME).map(({ content }) => content.toString('latin1'));
  return { uris, otherNames: all.length - uris.length };
}
