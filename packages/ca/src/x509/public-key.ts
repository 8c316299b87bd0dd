// The public keys this authority certifies: ECDSA P-256 and P-384, RSA 2048 to 8192; each in its one canonical encoding.
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { OID } from '../der/object-identifiers.ts';
import { type DerElement, decodeDer, readWholeBitString } from '../der/reader.ts';
import { nullElement, objectIdentifier, sequence } from '../der/writer.ts';
import { refuse } from '../refusal.ts';

/** A key that passed `acceptPublicKey`. */
export interface SubjectKey {
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  readonly spki: Buffer;
}

const MIN_RSA_BITS = 2_048;
const MAX_RSA_BITS = 8_192;
const MIN_RSA_EXPONENT = 65_537n;
const MAX_RSA_EXPONENT = 0xffffffffn;

/** Algorithm identifiers are compared as bytes: explicit curve parameters and other spellings do not pass. */
const ACCEPTED = [
  { identifier: sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(OID.p256)), pointBytes: 65 },
  { identifier: sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(OID.p384)), pointBytes: 97 },
  { identifier: sequence(objectIdentifier(OID.rsaEncryption), nullElement()), pointBytes: undefined },
] as const;

/** Checks a SubjectPublicKeyInfo; a weak, unusual or malformed key is refused. */
export function acceptPublicKey(spki: Uint8Array): Result<SubjectKey> {
  const decoded = decodeDer(spki);
  return decoded.ok ? acceptKeyElement(decoded.value) : decoded;
}

/** As `acceptPublicKey`, of an element already decoded. */
export function acceptKeyElement(element: DerElement): Result<SubjectKey> {
  const [algorithm, bits] = element.children;
  const point = readWholeBitString(bits);
  if (algorithm === undefined || point === undefined || element.children.length !== 2) return unsupported();
  const accepted = ACCEPTED.find(({ identifier }) => identifier.equals(algorithm.bytes));
  if (accepted === undefined) return unsupported();
  if (accepted.pointBytes !== undefined && (point.length !== accepted.pointBytes || point[0] !== 4)) {
    return unsupported();
  }
  const key = importKey(element.bytes);
  if (key === undefined || !isStrong(key)) return unsupported();
  const spki = key.export({ type: 'spki', format: 'der' });
  return spki.equals(element.bytes) ? succeed({ key, spki }) : unsupported();
}

/** node:crypto throws on what OpenSSL cannot read, such as a point off the curve. */
function importKey(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function isStrong(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ec') return true;
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength === undefined || publicExponent === undefined) return false;
  const isSized = modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS;
  const isOdd = publicExponent % 2n === 1n;
  return isSized && isOdd && publicExponent >= MIN_RSA_EXPONENT && publicExponent <= MAX_RSA_EXPONENT;
}

const unsupported = (): Result<never> =>
  refuse({
    code: 'unsupported-public-key',
    message: 'the public key is not one this authority certifies',
    remedy: `use ECDSA P-256 or P-384, or RSA with ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`,
  });
