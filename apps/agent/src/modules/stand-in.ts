// What a proxy has in place of a filter without its module: as the filter's failure policy says, it refuses or does nothing. The rule: there is always an answer, for a listener that gets none would never start.
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import { RBACSchema } from '@xebec/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { FailurePolicy, type PluginConfig } from '@xebec/protos/envoy/extensions/wasm/v3/wasm_pb';

const mayPass = ({ failurePolicy, failOpen }: PluginConfig): boolean =>
  failOpen || failurePolicy === FailurePolicy.FAIL_OPEN;

const refusal =
  "function envoy_on_request(handle) handle:respond({[':status'] = '503'}, 'an extension is not available') end";

/** Of requests. */
export const requestStandIn = (config: PluginConfig): Any =>
  anyOf(LuaSchema, {
    defaultSourceCode: {
      specifier: {
        case: 'inlineString',
        value: mayPass(config) ? 'function envoy_on_request(handle) end' : refusal,
      },
    },
  });

/** Of connections: without rules all are let in, with none that anybody meets nobody is. */
export const connectionStandIn = (config: PluginConfig): Any =>
  anyOf(RBACSchema, {
    statPrefix: 'extension.',
    ...(mayPass(config) ? {} : { rules: { action: RBAC_Action.ALLOW, policies: {} } }),
  });
