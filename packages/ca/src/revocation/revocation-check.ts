// Whether a certificate was taken back, by the lists that a trust bundle brings. The rule: a number counts for the issuer that listed it and for no other.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { readCertificate } from '../x509/certificate-reader.ts';
import { readRevocationLists } from '../x509/revocation-list.ts';

/** Of a certificate in DER; one that cannot be read counts as taken back. */
export type IsRevoked = (certificate: Uint8Array) => boolean;

/** `revocationsPem`: as in a `TrustBundle`; empty: nothing was ever revoked. */
export function revocationCheck(revocationsPem: string): Result<IsRevoked> {
  if (revocationsPem === '') return succeed(() => false);
  const lists = readRevocationLists(revocationsPem);
  if (!lists.ok) return lists;
  const revoked = new Set(
    lists.value.flatMap(({ issuer, serials }) => serials.map((serial) => keyOf(issuer, serial))),
  );
  return succeed((der) => {
    const read = readCertificate(der);
    return !read.ok || revoked.has(keyOf(read.value.issuer, read.value.serial));
  });
}

const keyOf = (issuer: Buffer, serial: string): string => `${issuer.toString('hex')}/${serial}`;
