// What a workload trusts and who is to have signed its certificate: the two things that reach proxies without a renewal.
import { createHash } from 'node:crypto';

export interface TrustBundle {
  /** Of roots and revocations: what a proxy that holds this bundle is known by. */
  readonly hash: string;
  /** One certificate a text. */
  readonly rootsPem: readonly string[];
  /** Certificate revocation lists; empty: nothing was ever revoked, and nothing is checked. */
  readonly revocationsPem: string;
  /** What peers are verified by where several trust domains are told apart, one certificate a text; empty: the roots. */
  readonly anchorsPem: readonly string[];
  /** Key identifier of who signs now; a certificate of another one is renewed at once. Empty: whoever. */
  readonly issuer: string;
}

/** `revocationsKey`: what the lists say; signed twice they are not the same text. */
export function trustBundle(
  parts: Omit<TrustBundle, 'hash'>,
  revocationsKey: string = parts.revocationsPem,
): TrustBundle {
  const roots = [...parts.rootsPem].sort().join('');
  const hash = createHash('sha256').update(roots).update('\0').update(revocationsKey);
  if (parts.anchorsPem.length > 0) hash.update('\0').update([...parts.anchorsPem].sort().join(''));
  return { ...parts, hash: hash.digest('hex').slice(0, 16) };
}

/** What a workload says of itself: what its proxy has taken, not what was sent. */
export interface TrustReport {
  /** Envoy's node id. */
  readonly node: string;
  /** Hash of the bundle in force. */
  readonly bundle: string;
  /** Of the certificate in force. */
  readonly issuer: string;
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Why the newest could not be taken; empty: it was. */
  readonly problem: string;
}
