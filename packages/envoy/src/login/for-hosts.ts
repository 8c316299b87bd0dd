// A filter for requests to some hosts, or to all but some. However a host is written that could be one of them, it is one of them: nobody chooses a login by spelling.
import { create } from '@bufbuild/protobuf';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { skipFilter } from '../extensions/skip-filter.ts';

export type HostChoice = { readonly only: readonly string[] } | { readonly except: readonly string[] };

/** In any case, with any port, with dots at its end. */
export const hostPattern = (hosts: readonly string[]): string =>
  `(?i)(${hosts.map((host) => host.replaceAll('.', '\\.')).join('|')})\\.*(:.*)?`;

export function forHosts({ name, configType }: HttpFilter, choice: HostChoice): HttpFilter {
  if (configType.case !== 'typedConfig') throw new Error('filters of logins have a configuration');
  const isInverted = 'only' in choice;
  const hosts = isInverted ? choice.only : choice.except;
  const extension = { name, typedConfig: configType.value };
  const value = skipFilter(extension, { regex: hostPattern(hosts), isInverted });
  return create(HttpFilterSchema, {
    name: isInverted ? `${name}.by_host.${hosts[0] ?? ''}` : `${name}.by_host`,
    configType: { case: 'typedConfig', value },
  });
}
