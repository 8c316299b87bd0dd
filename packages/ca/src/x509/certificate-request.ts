// PKCS#10 requests (RFC 2986): the public key is taken, and only after the request proved to hold its private half; names are ignored.
import type { Result } from '@xebec/std';
import { OID } from '../der/object-identifiers.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { type DerElement, decodeDer, readUnsignedInteger, readWholeBitString } from '../der/reader.ts';
import { contextTag, TAG } from '../der/tags.ts';
import { bitString, explicit, objectIdentifier, sequence, setOf, smallInteger } from '../der/writer.ts';
import { refuse } from '../refusal.ts';
import { EMPTY_NAME } from './certificate-writer.ts';
import { subjectAltName } from './extensions.ts';
import { acceptKeyElement, type SubjectKey } from './public-key.ts';
import { isSignedBy, type Signer } from './signature-algorithm.ts';

export const MAX_CSR_BYTES = 16 * 1024;
const LABELS: ReadonlySet<string> = new Set(['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']);

/** The key of a PEM request with one block; every name and extension it asks for is ignored. */
export function parseCsr(pem: string): Result<SubjectKey> {
  if (Buffer.byteLength(pem) > MAX_CSR_BYTES) return bad(`larger than ${MAX_CSR_BYTES} bytes`);
  const parsed = parsePem(pem);
  if (!parsed.ok) return bad('not PEM');
  const [block, ...others] = parsed.value;
  if (block === undefined || others.length > 0 || !LABELS.has(block.label)) {
    return bad('not exactly one CERTIFICATE REQUEST block');
  }
  const decoded = decodeDer(block.der);
  return decoded.ok ? readRequest(decoded.value) : bad('not DER');
}

const bad = (why: string): Result<never> =>
  refuse({
    code: 'bad-certificate-request',
    message: `the certificate request is ${why}`,
    remedy: 'send one PEM encoded PKCS#10 request signed with its own key',
  });

function readRequest(request: DerElement): Result<SubjectKey> {
  const [signed, algorithm, signatureBits, ...extra] = request.children;
  const signature = readWholeBitString(signatureBits);
  if (signed === undefined || algorithm === undefined || signature === undefined) {
    return bad('not a PKCS#10 structure');
  }
  const isShaped =
    [request, signed, algorithm].every(({ tag }) => tag === TAG.sequence) && extra.length === 0;
  const spki = isShaped ? keyElement(signed) : undefined;
  if (spki === undefined) return bad('not a PKCS#10 structure');
  const accepted = acceptKeyElement(spki);
  if (!accepted.ok) return accepted;
  const isProven = isSignedBy(accepted.value.key, signed.bytes, { algorithm, bytes: signature });
  return isProven ? accepted : bad('not signed with its own key by a supported algorithm');
}

/** CertificationRequestInfo: version 0, subject, key, attributes (some encoders leave the last one out). */
function keyElement(signed: DerElement): DerElement | undefined {
  const [version, subject, spki, attributes, ...extra] = signed.children;
  if (readUnsignedInteger(version) !== 0n || subject?.tag !== TAG.sequence) return undefined;
  const isMisplaced = attributes !== undefined && attributes.tag !== contextTag(0, 'constructed');
  return isMisplaced || extra.length > 0 ? undefined : spki;
}

/** A request for one SPIFFE id, as Istio's agents write it: empty subject, the id as URI name. */
export function writeCsr(spki: Buffer, uri: string, signer: Signer): string {
  const names = subjectAltName({ uris: [uri], dnsNames: [], ipAddresses: [] });
  const attributes = explicit(0, sequence(objectIdentifier(OID.extensionRequest), setOf(sequence(names))));
  const signed = sequence(smallInteger(0), EMPTY_NAME, spki, attributes);
  return encodePem(
    'CERTIFICATE REQUEST',
    sequence(signed, signer.identifier, bitString(signer.sign(signed))),
  );
}
