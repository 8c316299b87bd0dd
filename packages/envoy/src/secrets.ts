// Secrets for gateways: certificates and roots, each visible only where it belongs.
import type { GatewayModel, TlsSecret } from '@xebec/model';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { type EncodedResource, encodeResource, type Fields } from './resource.ts';

export function encodeSecret(secret: TlsSecret): EncodedResource {
  const { name, causes } = secret;
  return encodeResource(SecretSchema, { name, type: contentOf(secret) }, { name, causes });
}

type Content = NonNullable<Fields<typeof SecretSchema>['type']>;
const inline = (value: Uint8Array) => ({ specifier: { case: 'inlineBytes' as const, value } });

function contentOf(secret: TlsSecret): Content {
  switch (secret.kind) {
    case 'certificate':
      return {
        case: 'tlsCertificate',
        value: { certificateChain: inline(secret.certificate), privateKey: inline(secret.key) },
      };
    case 'authority':
      return {
        case: 'validationContext',
        value: {
          trustedCa: inline(secret.roots),
          ...(secret.revocations === undefined ? {} : { crl: inline(secret.revocations) }),
        },
      };
  }
}

/** Secrets of other namespaces that a gateway may have because the Gateway that names them is of theirs. */
export function grantedSecrets({ proxy, listeners }: GatewayModel): readonly string[] {
  const named = listeners.flatMap(({ servers }) =>
    servers.flatMap(({ tls }) =>
      tls.kind === 'certificate' ? [...tls.certificates, ...(tls.client ? [tls.client.authority] : [])] : [],
    ),
  );
  const foreign = named.filter(
    ({ from, name }) => from === 'control-plane' && !name.startsWith(`kubernetes://${proxy.namespace}/`),
  );
  return [...new Set(foreign.map(({ name }) => name))];
}
