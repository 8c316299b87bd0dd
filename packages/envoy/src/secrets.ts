// Server certificates for gateways, each visible only in its own namespace.

import type { TlsSecret } from '@xebec/model';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { type EncodedResource, encodeResource } from './resource.ts';

export function encodeSecret({ name, certificate, key, causes }: TlsSecret): EncodedResource {
  return encodeResource(
    SecretSchema,
    {
      name,
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: { specifier: { case: 'inlineBytes', value: certificate } },
          privateKey: { specifier: { case: 'inlineBytes', value: key } },
        },
      },
    },
    { name, causes },
  );
}
