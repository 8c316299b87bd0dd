// What of a request is hashed. It stands in the cluster, so that a rule about a destination changes no route to it.
import type { HashKey } from '@xebec/model';
import type { RouteAction_HashPolicySchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

type Policy = Fields<typeof RouteAction_HashPolicySchema>;

export function encodeHashPolicy(key: HashKey): Policy {
  switch (key.kind) {
    case 'header':
      return { policySpecifier: { case: 'header', value: { headerName: key.name } } };
    case 'query':
      return { policySpecifier: { case: 'queryParameter', value: { name: key.name } } };
    case 'source-ip':
      return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } };
    case 'cookie':
      return { policySpecifier: { case: 'cookie', value: cookieOf(key) } };
  }
}

const cookieOf = ({ name, path, ttlMs, attributes }: Extract<HashKey, { kind: 'cookie' }>) => ({
  name,
  ...(path === undefined ? {} : { path }),
  ...(ttlMs === undefined ? {} : { ttl: durationOf(ttlMs) }),
  attributes: attributes.map((attribute) => ({ ...attribute })),
});
