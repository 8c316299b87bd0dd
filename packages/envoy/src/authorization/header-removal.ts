// Takes headers away from answers where the policy service said so of the request, which its own door to Envoy cannot. Rule: no rule that does so, no filter.
import { create } from '@bufbuild/protobuf';
import type { Authorization } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

/** What several providers say is merged key by key: each name is a key of its own, `remove NAME`. */
const script = `local decided = "envoy.filters.http.ext_authz"
function envoy_on_response(handle)
  local said = handle:streamInfo():dynamicMetadata():get(decided)
  if said == nil then return end
  local names = {}
  for key, value in pairs(said) do
    if value == true and string.sub(key, 1, 7) == "remove " then
      table.insert(names, string.sub(key, 8))
    end
  end
  for _, name in ipairs(names) do handle:headers():remove(name) end
end
`;

/** Nearer to the service than whoever is asked, so that what is added in the same breath stays. */
const removalFilter = create(HttpFilterSchema, {
  name: 'xebec.remove_headers',
  configType: {
    case: 'typedConfig',
    value: anyOf(LuaSchema, { defaultSourceCode: { specifier: { case: 'inlineString', value: script } } }),
  },
});

export const removesHeaders = (authorization: Authorization): boolean =>
  authorization.some((policy) => policy.removesHeaders === true);

export const removalFilters = (isNeeded: boolean): readonly HttpFilter[] => (isNeeded ? [removalFilter] : []);
