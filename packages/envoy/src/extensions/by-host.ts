// A filter for requests to some ports, in a listener of all ports: requests that name another port pass it by.
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { ExtensionWithMatcherSchema } from '@xebec/protos/envoy/extensions/common/matching/v3/extension_matcher_pb';
import { SkipFilterSchema } from '@xebec/protos/envoy/extensions/filters/common/matcher/action/v3/skip_action_pb';
import { HttpRequestHeaderMatchInputSchema } from '@xebec/protos/envoy/type/matcher/v3/http_inputs_pb';

/** Who writes no port means 80. */
const pattern = (ports: readonly number[]): string =>
  [`.*:(${ports.join('|')})`, ...(ports.includes(80) ? ['[^:]*', '\\[.*\\]'] : [])].join('|');

export const byHost = (name: string, typedConfig: Any, ports: readonly number[]): Any =>
  anyOf(ExtensionWithMatcherSchema, {
    extensionConfig: { name, typedConfig },
    xdsMatcher: {
      matcherType: {
        case: 'matcherList',
        value: {
          matchers: [
            { predicate: { matchType: { case: 'notMatcher', value: toPorts(ports) } }, onMatch: skip },
          ],
        },
      },
    },
  });

const toPorts = (ports: readonly number[]) => ({
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
            value: { regex: pattern(ports), engineType: { case: 'googleRe2' as const, value: {} } },
          },
        },
      },
    },
  },
});

const skip = {
  onMatch: { case: 'action' as const, value: { name: 'skip', typedConfig: anyOf(SkipFilterSchema, {}) } },
};
