// Certificates that no authority of a mesh would give: signed with its own key, whatever they say.
import { createPrivateKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyAndCsr, parseCsr } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { readCertificate } from '../../../packages/ca/src/x509/certificate-reader.ts';
import {
  authorityName,
  EMPTY_NAME,
  signCertificate,
} from '../../../packages/ca/src/x509/certificate-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../../packages/ca/src/x509/extensions.ts';
import { signerFor } from '../../../packages/ca/src/x509/signature-algorithm.ts';

export interface Forged {
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
}

export interface Forgery {
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Relative to now, milliseconds. */
  readonly from?: number;
  readonly until?: number;
  /** It signs itself, under the authority's name. */
  readonly isSelfSigned?: true;
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;

/** `state` is the mesh's directory, whose authority has signed its own key. */
export async function forge(state: string, wanted: Forgery): Promise<Forged> {
  const { uris, dnsNames = [], from = -60_000, until = 3_600_000, isSelfSigned } = wanted;
  const read = (name: string): string => readFileSync(join(state, 'ca', name), 'utf8');
  const issuer = unwrap(readCertificate(Buffer.from(derOf(read('ca-cert.pem')), 'base64')));
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr('spiffe://cluster.local/ns/a/sa/b'));
  const { spki } = unwrap(parseCsr(csrPem));
  const key = createPrivateKey(isSelfSigned === true ? privateKeyPem : read('ca-key.pem'));
  const names = { uris, dnsNames, ipAddresses: [] };
  const leaf = signCertificate(
    {
      serial: randomBytes(16),
      issuer: issuer.subject,
      subject: isSelfSigned === true ? authorityName('x', 'y') : EMPTY_NAME,
      notBeforeMs: Date.now() + from,
      notAfterMs: Date.now() + until,
      spki,
      extensions: [
        keyUsage('leaf'),
        extendedKeyUsage(),
        basicConstraints(),
        subjectKeyIdentifier(keyIdentifier(spki)),
        authorityKeyIdentifier(issuer.subjectKeyIdentifier ?? keyIdentifier(issuer.spki)),
        ...(uris.length + dnsNames.length === 0 ? [] : [subjectAltName(names)]),
      ],
    },
    signerFor(key),
  );
  return { certificatesPem: `${pem(leaf)}${read('ca-cert.pem')}`, privateKeyPem };
}

const derOf = (text: string): string => text.replace(/-----[^-]+-----|\s/g, '');
