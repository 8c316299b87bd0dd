// The filters that enforce policies, for requests and for connections: what is denied first, then what is allowed.
import { create } from '@bufbuild/protobuf';
import type { Authorization } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { RBACSchema as HttpRbacSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { RBACSchema as NetworkRbacSchema } from '@xebec/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { networkFilter } from '../listeners/addresses.ts';
import { rulesFor } from './rules.ts';

const actions = ['DENY', 'ALLOW'] as const;

/** For a chain that speaks HTTP. */
export function httpAuthorization(authorization: Authorization, trustDomain: string): readonly HttpFilter[] {
  return actions.flatMap((action) => {
    const rules = rulesFor(authorization, action, { trustDomain, protocol: 'http' });
    if (rules === undefined) return [];
    const config = anyOf(HttpRbacSchema, { rules });
    return [
      create(HttpFilterSchema, {
        name: 'envoy.filters.http.rbac',
        configType: { case: 'typedConfig', value: config },
      }),
    ];
  });
}

/** For a chain that only sees a connection: it has to come before whatever acts on its bytes. */
export function networkAuthorization(authorization: Authorization, trustDomain: string): readonly Filter[] {
  return actions.flatMap((action) => {
    const rules = rulesFor(authorization, action, { trustDomain, protocol: 'tcp' });
    if (rules === undefined) return [];
    return [
      networkFilter('envoy.filters.network.rbac', anyOf(NetworkRbacSchema, { statPrefix: 'tcp.', rules })),
    ];
  });
}
