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

/** Roots, and what they have taken back, PEM. */
export const encodeRoots = (name: string, roots: Uint8Array, revoked?: Uint8Array): Any =>
  anyOf(SecretSchema, {
    name,
    type: {
      case: 'validationContext',
      value: { trustedCa: inline(roots), ...(revoked === undefined ? {} : { crl: inline(revoked) }) },
    },
  });
