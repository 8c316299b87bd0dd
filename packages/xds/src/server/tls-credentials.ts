// Server credentials whose certificate can be replaced while streams go on. TLS 1.2 or later, forward secrecy only.
import { ServerCredentials } from '@grpc/grpc-js';

/** PEM texts. */
export interface TlsMaterial {
  readonly certificateChain: string;
  readonly privateKey: string;
  /** Roots that client certificates must lead to. */
  readonly clientRoots: string;
}

const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

const contextOf = (material: TlsMaterial) => ({
  cert: material.certificateChain,
  key: material.privateKey,
  ca: material.clientRoots,
  minVersion: 'TLSv1.2' as const,
  ciphers: CIPHERS,
  honorCipherOrder: true,
});

/** `required` ends the handshake without a valid client certificate; `requested` lets it through without an identity. */
export type ClientCertificates = 'required' | 'requested';

export class ReloadableCredentials extends ServerCredentials {
  constructor(material: TlsMaterial, clientCertificates: ClientCertificates) {
    super({ requestCert: true, rejectUnauthorized: clientCertificates === 'required' }, contextOf(material));
  }

  /** New connections get the new certificate; those that exist keep theirs. */
  update(material: TlsMaterial): void {
    this.updateSecureContextOptions(contextOf(material));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}
