// gRPC server credentials that change while serving: client certificates are verified where given, and required only when asked.
import { experimental, type ServerCredentials } from '@grpc/grpc-js';

type CertificateProvider = experimental.CertificateProvider;
type RootsListener = Parameters<CertificateProvider['addCaCertificateListener']>[0];
type CertificateListener = Parameters<CertificateProvider['addIdentityCertificateListener']>[0];

/** What a server presents and whom it trusts. */
export interface ServingCertificate {
  /** Leaf and intermediates. */
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
  readonly rootsPem: readonly string[];
}

export interface ServingCredentials {
  readonly credentials: ServerCredentials;
  /** Takes effect for new connections. */
  update(certificate: ServingCertificate): void;
}

/**
 * With `requireClientCertificate: false` callers without a certificate (those with a token) may connect,
 * and a certificate that TLS did not verify appears in no call's auth context.
 */
export function createServingCredentials(
  initial: ServingCertificate,
  { requireClientCertificate }: { readonly requireClientCertificate: boolean },
): ServingCredentials {
  let current = initial;
  const rootsListeners = new Set<RootsListener>();
  const certificateListeners = new Set<CertificateListener>();
  const roots = () => ({ caCertificate: Buffer.from(current.rootsPem.join('')) });
  const certificate = () => ({
    certificate: Buffer.from(current.certificatesPem),
    privateKey: Buffer.from(current.privateKeyPem),
  });
  const provider: CertificateProvider = {
    addCaCertificateListener(listener) {
      rootsListeners.add(listener);
      process.nextTick(() => listener(roots()));
    },
    removeCaCertificateListener: (listener) => void rootsListeners.delete(listener),
    addIdentityCertificateListener(listener) {
      certificateListeners.add(listener);
      process.nextTick(() => listener(certificate()));
    },
    removeIdentityCertificateListener: (listener) => void certificateListeners.delete(listener),
  };
  return {
    credentials: experimental.createCertificateProviderServerCredentials(
      provider,
      provider,
      requireClientCertificate,
    ),
    update(certificateNow) {
      current = certificateNow;
      for (const listener of rootsListeners) listener(roots());
      for (const listener of certificateListeners) listener(certificate());
    },
  };
}
