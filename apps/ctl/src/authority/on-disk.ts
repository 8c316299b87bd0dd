// The certificates of an authority as its files have them: for a mesh that does not run, however damaged.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorityCertificate } from './read-status.ts';

const files = { root: 'root-cert.pem', intermediate: 'ca-cert.pem' } as const;

export function certificatesOnDisk(state: string): readonly AuthorityCertificate[] {
  return Object.entries(files).flatMap(([role, file]) => {
    const blocks = textOfFile(join(state, 'ca', file)).match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    );
    return (blocks ?? []).flatMap((pem) => outlineOf(role, pem));
  });
}

function outlineOf(role: string, pem: string): readonly AuthorityCertificate[] {
  try {
    const { subject, validTo } = new X509Certificate(pem);
    return [{ role, subject: /^CN=(.*)$/m.exec(subject)?.[1] ?? subject, notAfter: Date.parse(validTo) }];
  } catch {
    return [];
  }
}

function textOfFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
