// Signature algorithms: which one a key signs with, and which ones a request may carry; SHA-1, MD5 and the like are absent.
import { type KeyObject, sign, verify } from 'node:crypto';
import { assert } from '@xebec/std';
import { OID } from '../der/object-identifiers.ts';
import { type DerElement, readObjectIdentifier } from '../der/reader.ts';
import { nullElement, objectIdentifier, sequence } from '../der/writer.ts';

type KeyKind = 'ec' | 'rsa';
type Hash = 'sha256' | 'sha384' | 'sha512';

interface SignatureAlgorithm {
  readonly kind: KeyKind;
  readonly hash: Hash;
}

const ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  [OID.ecdsaWithSha256, { kind: 'ec', hash: 'sha256' }],
  [OID.ecdsaWithSha384, { kind: 'ec', hash: 'sha384' }],
  [OID.ecdsaWithSha512, { kind: 'ec', hash: 'sha512' }],
  [OID.rsaWithSha256, { kind: 'rsa', hash: 'sha256' }],
  [OID.rsaWithSha384, { kind: 'rsa', hash: 'sha384' }],
  [OID.rsaWithSha512, { kind: 'rsa', hash: 'sha512' }],
]);

const ecIdentifier = (oid: string): Buffer => sequence(objectIdentifier(oid));
const rsaIdentifier = (oid: string): Buffer => sequence(objectIdentifier(oid), nullElement());

/** A private key with the algorithm it signs with. */
export interface Signer {
  readonly identifier: Buffer;
  sign(bytes: Uint8Array): Buffer;
}

/** SHA-384 for P-384, SHA-256 for everything else. */
export function signerFor(key: KeyObject): Signer {
  assert(key.type === 'private', 'only private keys sign');
  const isP384 = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  const hash: Hash = isP384 ? 'sha384' : 'sha256';
  const ecOid = isP384 ? OID.ecdsaWithSha384 : OID.ecdsaWithSha256;
  return {
    identifier: key.asymmetricKeyType === 'ec' ? ecIdentifier(ecOid) : rsaIdentifier(OID.rsaWithSha256),
    sign: (bytes) => sign(hash, bytes, key),
  };
}

/** A signature with the algorithm identifier that came beside it. */
export interface Signature {
  readonly algorithm: DerElement;
  readonly bytes: Buffer;
}

/** Whether `key` made the signature over `signed` with an algorithm of its own kind. */
export function isSignedBy(key: KeyObject, signed: Buffer, signature: Signature): boolean {
  const algorithm = ALGORITHMS.get(readObjectIdentifier(signature.algorithm.children[0]) ?? '');
  if (algorithm === undefined || key.asymmetricKeyType !== algorithm.kind) return false;
  try {
    return verify(algorithm.hash, signed, key, signature.bytes);
  } catch {
    return false;
  }
}
