// What of a request is hashed, as Envoy's hash policy.
import type { HashKey } from '@xebec/model';
import type { RouteAction_HashPolicySchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { Fields } from '../resource.ts';

/** For the choice of a destination: reads a cookie and never makes one, which is the cluster's part. */
export function encodeHashKey(key: HashKey): Fields<typeof RouteAction_HashPolicySchema> {
  switch (key.kind) {
    case 'header':
      return { policySpecifier: { case: 'header', value: { headerName: key.name } } };
    case 'cookie':
      return { policySpecifier: { case: 'cookie', value: { name: key.name } } };
    case 'query':
      return { policySpecifier: { case: 'queryParameter', value: { name: key.name } } };
    case 'source-ip':
      return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } };
  }
}
