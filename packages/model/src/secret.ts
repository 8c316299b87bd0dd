// TLS secrets, under the names by which proxies ask for them.
import type { Cause } from './reference.ts';

interface Secret {
  /** Name of the SDS resource: `kubernetes://NAMESPACE/NAME`, with `-cacert` at its end for roots. */
  readonly name: string;
  /** Proxies of this namespace may have it, others by grant only. */
  readonly namespace: string;
  readonly causes: readonly Cause[];
}

export type TlsSecret =
  | (Secret & {
      readonly kind: 'certificate';
      /** A chain and its key, both PEM. */
      readonly certificate: Uint8Array;
      readonly key: Uint8Array;
    })
  | (Secret & {
      readonly kind: 'authority';
      /** The roots that peers' certificates are checked against, PEM. */
      readonly roots: Uint8Array;
      /** Certificates that they have taken back, PEM. */
      readonly revocations?: Uint8Array;
    });
