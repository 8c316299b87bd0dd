// Where rules ask what answers of language models cost, a filter next to the router that reads it. Rule: no rule, no filter.
import { create } from '@bufbuild/protobuf';
import type { Authorization } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { usageScript } from './usage-script.ts';

/** Of its own name, so that patches meant for a Lua filter of somebody else do not meet it. */
const usageFilter = create(HttpFilterSchema, {
  name: 'xebec.model_usage',
  configType: {
    case: 'typedConfig',
    value: anyOf(LuaSchema, {
      defaultSourceCode: { specifier: { case: 'inlineString', value: usageScript } },
    }),
  },
});

export const usageFilters = (authorization: Authorization): readonly HttpFilter[] =>
  authorization.some(({ action, readsUsage }) => action === 'REPORT' && readsUsage === true)
    ? [usageFilter]
    : [];
