// Who is calling: a workload of the mesh by its certificate.
import { X509Certificate } from 'node:crypto';
import { type Authenticator, peerCertificateAuthenticator } from '@xebec/ca';
import type { PolicyIdentity } from '../identity/identity.ts';

/** TLS has verified the chain against the roots of the moment; whose certificate it is, is read here. */
export function meshCallers(identity: PolicyIdentity, trustDomain: string): Authenticator {
  let known: { readonly from: string; readonly issuers: readonly X509Certificate[] } | undefined;
  return peerCertificateAuthenticator({
    trustDomain,
    get issuers() {
      const { rootsPem, certificatesPem } = identity.current;
      const from = `${rootsPem.join('')}${certificatesPem}`;
      if (known?.from !== from) known = { from, issuers: [...certificatesIn(from)] };
      return known.issuers;
    },
    clock: Date.now,
  });
}

function* certificatesIn(pem: string): Iterable<X509Certificate> {
  for (const [block] of pem.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)) {
    try {
      yield new X509Certificate(block);
    } catch {
      // Not one of those that sign, then.
    }
  }
}
