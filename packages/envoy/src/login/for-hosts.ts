// A filter for requests to some hosts, or to all but some. However a host is written that could be one of them, it is one of them: nobody chooses a login by spelling.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { ExtensionWithMatcherSchema } from '@xebec/protos/envoy/extensions/common/matching/v3/extension_matcher_pb';
import { SkipFilterSchema } from '@xebec/protos/envoy/extensions/filters/common/matcher/action/v3/skip_action_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { HttpRequestHeaderMatchInputSchema } from '@xebec/protos/envoy/type/matcher/v3/http_inputs_pb';

export type HostChoice = { readonly only: readonly string[] } | { readonly except: readonly string[] };

/** In any case, with any port, with dots at its end. */
export const hostPattern = (hosts: readonly string[]): string =>
  `(?i)(${hosts.map((host) => host.replaceAll('.', '\\.')).join('|')})\\.*(:.*)?`;

export function forHosts({ name, configType }: HttpFilter, choice: HostChoice): HttpFilter {
  if (configType.case !== 'typedConfig') throw new Error('filters of logins have a configuration');
  const hosts = 'only' in choice ? choice.only : choice.except;
  const matched = isTo(hosts);
  const skipped = 'only' in choice ? { matchType: { case: 'notMatcher' as const, value: matched } } : matched;
  return create(HttpFilterSchema, {
    name: 'only' in choice ? `${name}.by_host.${hosts[0] ?? ''}` : `${name}.by_host`,
    configType: { case: 'typedConfig', value: wrapped({ name, typedConfig: configType.value }, skipped) },
  });
}

type Predicate = ReturnType<typeof isTo>;
type Skipped = Predicate | { readonly matchType: { readonly case: 'notMatcher'; readonly value: Predicate } };

const wrapped = (
  extensionConfig: { readonly name: string; readonly typedConfig: Any },
  predicate: Skipped,
): Any =>
  anyOf(ExtensionWithMatcherSchema, {
    extensionConfig,
    xdsMatcher: {
      matcherType: { case: 'matcherList', value: { matchers: [{ predicate, onMatch: skip }] } },
    },
  });

const isTo = (hosts: readonly string[]) => ({
  matchType: {
    case: 'singlePredicate' as const,
    value: {
      input: {
        name: 'authority',
        typedConfig: anyOf(HttpRequestHeaderMatchInputSchema, { headerName: ':authority' }),
      },
      matcher: {
        case: 'valueMatch' as const,
        value: {
          matchPattern: {
            case: 'safeRegex' as const,
            value: { regex: hostPattern(hosts), engineType: { case: 'googleRe2' as const, value: {} } },
          },
        },
      },
    },
  },
});

const skip = {
  onMatch: { case: 'action' as const, value: { name: 'skip', typedConfig: anyOf(SkipFilterSchema, {}) } },
};
