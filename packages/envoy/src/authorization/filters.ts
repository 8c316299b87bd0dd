// The filters that enforce policies, for requests and for connections: what is audited, denied first, then allowed.
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
import { type RuleContext, type Rules, rulesFor } from './rules.ts';
import { auditPrefix } from './verdict-names.ts';

/** One RBAC filter: what it enforces, and what it only notes down. */
interface RbacFilter {
  readonly rules?: Rules;
  readonly shadowRules?: Rules;
  readonly shadowRulesStatPrefix?: string;
}

/** In the order in which they are asked: whatever comes of a call, it has been marked for the audit before. */
function rbacFilters(authorization: Authorization, context: RuleContext): readonly RbacFilter[] {
  const audited = rulesFor(authorization, 'AUDIT', context);
  return [
    ...(audited === undefined ? [] : [{ shadowRules: audited, shadowRulesStatPrefix: auditPrefix }]),
    ...(['DENY', 'ALLOW'] as const).flatMap((action) => {
      const rules = rulesFor(authorization, action, context);
      return rules === undefined ? [] : [{ rules }];
    }),
  ];
}

/** For a chain that speaks HTTP. */
export const httpAuthorization = (authorization: Authorization, trustDomain: string): readonly HttpFilter[] =>
  rbacFilters(authorization, { trustDomain, protocol: 'http' }).map((rbac) =>
    create(HttpFilterSchema, {
      name: 'envoy.filters.http.rbac',
      configType: { case: 'typedConfig', value: anyOf(HttpRbacSchema, rbac) },
    }),
  );

/** For a chain that only sees a connection: it has to come before whatever acts on its bytes. */
export const networkAuthorization = (authorization: Authorization, trustDomain: string): readonly Filter[] =>
  rbacFilters(authorization, { trustDomain, protocol: 'tcp' }).map((rbac) =>
    networkFilter('envoy.filters.network.rbac', anyOf(NetworkRbacSchema, { statPrefix: 'tcp.', ...rbac })),
  );
