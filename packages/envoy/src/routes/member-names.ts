// Members of headless services by name: `POD.SERVICE…` in a request chooses the endpoint, whatever routes say besides.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import {
  type Config_RuleSchema,
  Config_ValueType,
  ConfigSchema,
} from '@xebec/protos/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { Fields } from '../resource.ts';

const filterName = 'envoy.filters.http.header_to_metadata';

/** Does nothing but for virtual hosts that configure it. It must not be off: a host that is fetched at its first request could not switch it on. */
export const memberFilter: HttpFilter = create(HttpFilterSchema, {
  name: filterName,
  configType: { case: 'typedConfig', value: anyOf(ConfigSchema, {}) },
});

/** For a virtual host with domains such as `*.SERVICE…`; nothing for others. A request for the service itself chooses nobody. */
export function memberOverrides(domains: readonly string[]): Record<string, Any> {
  const services = domains.filter((domain) => domain.startsWith('*.')).map(bareName);
  if (services.length === 0) return {};
  const names = [...new Set(services)].map((name) => name.replaceAll('.', '\\.')).join('|');
  const dashed = '[0-9]+(?:-[0-9]+){3}';
  const requestRules = [
    chosenBy('hostname', `^(?:(?:${dashed}|([^.:]+))\\.)?(?:${names})(?::[0-9]+)?$`),
    chosenBy('dashed', `^(?:(?:(${dashed})|[^.:]+)\\.)?(?:${names})(?::[0-9]+)?$`),
  ];
  return { [filterName]: anyOf(ConfigSchema, { requestRules }) };
}

const bareName = (domain: string): string => domain.slice(2).replace(/:\d+$/, '');

/** The group of the expression, if it is not empty, is what the endpoint must have under the key. */
const chosenBy = (key: string, regex: string): Fields<typeof Config_RuleSchema> => ({
  header: ':authority',
  onHeaderPresent: {
    metadataNamespace: 'envoy.lb',
    key,
    type: Config_ValueType.STRING,
    regexValueRewrite: { pattern: { regex }, substitution: '\\1' },
  },
});
