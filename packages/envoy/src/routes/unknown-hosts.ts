// Hosts that nothing in the mesh names: requests go where the client was going, or are refused, as the policy says.
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { durationOf } from '../duration.ts';
import type { ProxySettings } from '../inputs.ts';
import { httpProxyRoute, passthroughCluster } from '../names.ts';
import { type EncodedResource, encodeResource, type Fields } from '../resource.ts';

export function unknownHosts(
  policy: ProxySettings['outboundTrafficPolicy'],
  domains: string[],
): Fields<typeof VirtualHostSchema> {
  const isOpen = policy === 'ALLOW_ANY';
  return {
    name: isOpen ? 'allow_any' : 'block_all',
    domains,
    includeRequestAttemptCount: true,
    routes: [
      {
        name: isOpen ? 'allow_any' : 'block_all',
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: isOpen
          ? {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'cluster', value: passthroughCluster },
                timeout: durationOf(0),
              },
            }
          : { case: 'directResponse', value: { status: 502 } },
      },
    ],
  };
}

/** What stands in for one asked virtual host, `ROUTE/HOST[:PORT]`, on demand: Envoy would not ask behind a `*`. */
export function encodeUnknownHost(
  policy: ProxySettings['outboundTrafficPolicy'],
  asked: string,
): EncodedResource {
  const slash = asked.indexOf('/');
  const route = asked.slice(0, slash);
  const written = asked.slice(slash + 1);
  const domain = route === httpProxyRoute ? written : written.replace(/:\d+$/, '');
  const name = `${route}/${domain}`;
  const aliases = [...new Set([name, asked])];
  const host = { ...unknownHosts(policy, [domain]), name };
  return encodeResource(VirtualHostSchema, host, { name, aliases });
}
