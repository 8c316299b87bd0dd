// Secrets as Envoy reads them.
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';

const inline = (value: Uint8Array) => ({ specifier: { case: 'inlineBytes' as const, value } });

/** A chain and its key, PEM. */
export const encodeCertificate = (name: string, chain: Uint8Array, key: Uint8Array): Any =>
  anyOf(SecretSchema, {
    name,
    type: { case: 'tlsCertificate', value: { certificateChain: inline(chain), privateKey: inline(key) } },
  });

export interface RevocationLists {
  /** PEM. */
  readonly lists: Uint8Array;
  /** `leaf`: only the issuer of a peer's certificate needs a list; `chain`: every issuer above it too. */
  readonly of: 'leaf' | 'chain';
}

/** Roots, and what they have taken back, PEM. */
export const encodeRoots = (name: string, roots: Uint8Array, revoked?: RevocationLists): Any =>
  anyOf(SecretSchema, {
    name,
    type: {
      case: 'validationContext',
      value: {
        trustedCa: inline(roots),
        ...(revoked === undefined
          ? {}
          : { crl: inline(revoked.lists), onlyVerifyLeafCertCrl: revoked.of === 'leaf' }),
      },
    },
  });
