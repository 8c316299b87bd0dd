// What a secret's certificate says about itself.
import { X509Certificate } from 'node:crypto';
import { at, textOf } from '../admin/json.ts';

export interface CertificateFacts {
  readonly type: 'Cert Chain' | 'CA' | '-';
  readonly isValid: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly identity: string;
}

const unknown = { isValid: 'false', serial: '', notBefore: '', notAfter: '', identity: '' };

/** Of the first certificate in an Envoy `Secret`. */
export function certificateFacts(secret: unknown, nowMs = Date.now()): CertificateFacts {
  const chain = at(secret, 'tls_certificate', 'certificate_chain');
  const roots = at(secret, 'validation_context', 'trusted_ca');
  const type = chain !== undefined ? 'Cert Chain' : roots !== undefined ? 'CA' : '-';
  const source = chain ?? roots;
  const text = textOf(at(source, 'inline_string'));
  const pem = text === '' ? Buffer.from(textOf(at(source, 'inline_bytes')), 'base64') : text;
  try {
    const certificate = new X509Certificate(pem);
    const [from, to] = [certificate.validFrom, certificate.validTo].map((date) => Date.parse(date));
    const timestamp = (ms: number | undefined) => new Date(ms ?? 0).toISOString().replace('.000Z', 'Z');
    return {
      type,
      isValid: String(nowMs >= (from ?? 0) && nowMs <= (to ?? 0)),
      serial: certificate.serialNumber.toLowerCase(),
      notBefore: timestamp(from),
      notAfter: timestamp(to),
      identity: /URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? '',
    };
  } catch {
    return { type, ...unknown };
  }
}
