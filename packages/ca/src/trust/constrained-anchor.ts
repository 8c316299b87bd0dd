// A root as an anchor of some names only (RFC 5280 §4.2.1.10): whatever it signs proves identities of these trust domains and no others, in every name of every certificate below it.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { OID } from '../der/object-identifiers.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { type DerElement, decodeDer, readObjectIdentifier } from '../der/reader.ts';
import { contextTag } from '../der/tags.ts';
import {
  booleanElement,
  encodeElement,
  explicit,
  implicitString,
  objectIdentifier,
  octetString,
  sequence,
} from '../der/writer.ts';
import { refuse } from '../refusal.ts';

export interface AnchorNames {
  readonly trustDomains: readonly string[];
  /** Names of DNS are taken for identities by proxies where they look like them: others may have none. */
  readonly mayHaveDnsNames: boolean;
}

const extensionsTag = contextTag(3, 'constructed');

/**
 * The same certificate with name constraints. Its signature is that of before: nobody verifies the signature of an
 * anchor, since being in the store is what makes it one; so this must never be sent as part of a chain.
 */
export function constrainAnchor(pem: string, names: AnchorNames): Result<string> {
  const blocks = parsePem(pem);
  if (!blocks.ok) return blocks;
  const [block, ...others] = blocks.value;
  if (block === undefined || others.length > 0 || block.label !== 'CERTIFICATE')
    return unusable('is not one certificate');
  const decoded = decodeDer(block.der);
  if (!decoded.ok) return decoded;
  const [signed, algorithm, signature] = decoded.value.children;
  const extensions = signed?.children.find(({ tag }) => tag === extensionsTag)?.children[0];
  if (signed === undefined || algorithm === undefined || signature === undefined || extensions === undefined)
    return unusable('has no extensions');
  if (extensions.children.some((each) => oidOf(each) === nameConstraintsOid))
    return unusable('has name constraints of its own');
  const constrained = sequence(...extensions.children.map(({ bytes }) => bytes), nameConstraints(names));
  const rebuilt = sequence(
    ...signed.children.map((part) => (part.tag === extensionsTag ? explicit(3, constrained) : part.bytes)),
  );
  return succeed(encodePem('CERTIFICATE', sequence(rebuilt, algorithm.bytes, signature.bytes)));
}

const nameConstraintsOid = OID.nameConstraints;

const oidOf = ({ children: [oid] }: DerElement): string | undefined => readObjectIdentifier(oid);

function nameConstraints({ trustDomains, mayHaveDnsNames }: AnchorNames): Buffer {
  const uris = trustDomains.map((name) => sequence(implicitString(6, Buffer.from(name, 'ascii'))));
  const permitted = encodeElement(contextTag(0, 'constructed'), ...uris);
  // The empty name is that of all.
  const anyDnsName = sequence(implicitString(2, Buffer.alloc(0)));
  const excluded = mayHaveDnsNames ? [] : [encodeElement(contextTag(1, 'constructed'), anyDnsName)];
  const value = octetString(sequence(permitted, ...excluded));
  return sequence(objectIdentifier(nameConstraintsOid), booleanElement(true), value);
}

const unusable = (why: string): Result<never> =>
  refuse({
    code: 'root-cannot-be-constrained',
    message: `the root ${why}, so that it cannot be limited to trust domains`,
    remedy: 'use a root certificate of version 3 without name constraints',
  });
