// A filter that some requests pass by, told apart by the host they ask for.
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { ExtensionWithMatcherSchema } from '@xebec/protos/envoy/extensions/common/matching/v3/extension_matcher_pb';
import { SkipFilterSchema } from '@xebec/protos/envoy/extensions/filters/common/matcher/action/v3/skip_action_pb';
import { HttpRequestHeaderMatchInputSchema } from '@xebec/protos/envoy/type/matcher/v3/http_inputs_pb';

export interface SkippedHosts {
  /** RE2, of the whole authority. */
  readonly regex: string;
  /** Those that the expression does not match are skipped. */
  readonly isInverted: boolean;
}

export const skipFilter = (
  extensionConfig: { readonly name: string; readonly typedConfig: Any },
  { regex, isInverted }: SkippedHosts,
): Any => {
  const asked = isAskedFor(regex);
  const predicate = isInverted ? { matchType: { case: 'notMatcher' as const, value: asked } } : asked;
  return anyOf(ExtensionWithMatcherSchema, {
    extensionConfig,
    xdsMatcher: {
      matcherType: { case: 'matcherList', value: { matchers: [{ predicate, onMatch: skip }] } },
    },
  });
};

const isAskedFor = (regex: string) => ({
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
            value: { regex, engineType: { case: 'googleRe2' as const, value: {} } },
          },
        },
      },
    },
  },
});

const skip = {
  onMatch: { case: 'action' as const, value: { name: 'skip', typedConfig: anyOf(SkipFilterSchema, {}) } },
};
