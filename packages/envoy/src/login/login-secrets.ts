// The secrets of logins: each goes to the gateways of its login alone, and never into their listeners.
import type { Collection, Graph } from '@xebec/flow';
import type { GatewayModel, LoginSecret } from '@xebec/model';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
} from '../resource.ts';
import { proxyLayer } from '../views.ts';

interface LoginSecretInputs {
  readonly gateways: Collection<string, GatewayModel>;
  readonly loginSecrets: Collection<string, LoginSecret>;
}

export function buildLoginSecrets(
  graph: Graph,
  { gateways, loginSecrets }: LoginSecretInputs,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'loginSecrets',
    from: gateways,
    reads: { loginSecrets },
    fn: ({ logins = [], proxy }, id: string, read): Emission[] => {
      // Labels decide about it, so that they must be more than the proxy's own word.
      if (proxy.isUnproven === true) return [];
      const names = logins.flatMap(({ secrets }) => [secrets.client, secrets.cookies]);
      return names.flatMap((name): Emission[] => {
        const secret = read.loginSecrets.get(name);
        return secret === undefined ? [] : [[`${proxyLayer(id)}|${name}`, encodeLoginSecret(secret)]];
      });
    },
    equals: equalResources,
  });
}

const encodeLoginSecret = ({ name, value, causes }: LoginSecret): EncodedResource =>
  encodeResource(
    SecretSchema,
    {
      name,
      type: {
        case: 'genericSecret',
        value: { secret: { specifier: { case: 'inlineBytes', value } } },
      },
    },
    { name, causes },
  );
