// What is in a chain while an extension's own filter is not: it refuses where the extension must not be passed by, and else does nothing.
import type { Any } from '@bufbuild/protobuf/wkt';
import type { ExtensionSpec } from '@xebec/config';
import { anyOf, typeUrl } from '@xebec/protos';
import { RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { ExtensionWithMatcherSchema } from '@xebec/protos/envoy/extensions/common/matching/v3/extension_matcher_pb';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import { WasmSchema } from '@xebec/protos/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { RBACSchema } from '@xebec/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { WasmSchema as NetworkWasmSchema } from '@xebec/protos/envoy/extensions/filters/network/wasm/v3/wasm_pb';

export interface StandIn {
  readonly level: 'http' | 'network';
  /** `refuse`: 503, or the end of the connection. */
  readonly does: 'refuse' | 'pass';
}

/** Scripts have no fail strategy: what goes wrong in one never stops a request. */
export function standInOf({ filter }: Pick<ExtensionSpec, 'filter'>): StandIn {
  if (filter.kind === 'lua') return { level: 'http', does: 'pass' };
  return {
    level: filter.type === 'HTTP' ? 'http' : 'network',
    does: filter.failStrategy === 'FAIL_OPEN' ? 'pass' : 'refuse',
  };
}

const refusal =
  "function envoy_on_request(handle) handle:respond({[':status'] = '503'}, 'an extension is not available') end";

export function standInConfig({ level, does }: StandIn): Any {
  if (level === 'http') {
    const script = does === 'refuse' ? refusal : 'function envoy_on_request(handle) end';
    return anyOf(LuaSchema, { defaultSourceCode: { specifier: { case: 'inlineString', value: script } } });
  }
  const nobody = { rules: { action: RBAC_Action.ALLOW, policies: {} } };
  return anyOf(RBACSchema, { statPrefix: 'extension.', ...(does === 'refuse' ? nobody : {}) });
}

/** Types that a filter of the level may turn out to be. */
export const filterTypes: Readonly<Record<StandIn['level'], readonly string[]>> = {
  http: [typeUrl(WasmSchema), typeUrl(LuaSchema), typeUrl(ExtensionWithMatcherSchema)],
  network: [typeUrl(NetworkWasmSchema), typeUrl(RBACSchema)],
};
