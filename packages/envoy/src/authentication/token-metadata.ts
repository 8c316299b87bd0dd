// Where the verified claims of a token are, for whoever compares them. Only the filter that verifies tokens writes there.
import type { MetadataMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/metadata_pb';
import type { StringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import type { ValueMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/value_pb';
import type { Fields } from '../resource.ts';

export const tokenFilter = 'envoy.filters.http.jwt_authn';
export const claimsKey = 'payload';

type Matcher = Fields<typeof StringMatcherSchema>;
type ValueMatcher = Fields<typeof ValueMatcherSchema>;
export type MetadataMatcher = Fields<typeof MetadataMatcherSchema>;

const text = (value: Matcher): ValueMatcher => ({ matchPattern: { case: 'stringMatch', value } });

const at = (path: readonly string[], value: ValueMatcher): MetadataMatcher => ({
  filter: tokenFilter,
  path: [claimsKey, ...path].map((key) => ({ segment: { case: 'key', value: key } })),
  value,
});

/** Of a claim that is a text. */
export const textClaim = (path: readonly string[], matcher: Matcher): MetadataMatcher =>
  at(path, text(matcher));

/** Of a claim that is a text, or a list of texts of which one matches. */
export function anyClaim(path: readonly string[], matcher: Matcher): MetadataMatcher {
  const inList: ValueMatcher = {
    matchPattern: {
      case: 'listMatch',
      value: { matchPattern: { case: 'oneOf', value: text(matcher) } },
    },
  };
  return at(path, {
    matchPattern: { case: 'orMatch', value: { valueMatchers: [text(matcher), inList] } },
  });
}

/** Of a claim that is there, whatever it is. */
export const presentClaim = (path: readonly string[]): MetadataMatcher =>
  at(path, { matchPattern: { case: 'presentMatch', value: true } });
