// String matches of rules in Envoy's matchers. Regular expressions are RE2 and match the whole text.
import type { StringMatch } from '@xebec/model';
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { StringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import type { Fields } from '../resource.ts';

export function encodeStringMatcher(match: StringMatch): Fields<typeof StringMatcherSchema> {
  switch (match.kind) {
    case 'exact':
      return { matchPattern: { case: 'exact', value: match.value } };
    case 'prefix':
      return { matchPattern: { case: 'prefix', value: match.value } };
    case 'regex':
      return { matchPattern: { case: 'safeRegex', value: { regex: match.value } } };
    case 'present':
      return { matchPattern: { case: 'safeRegex', value: { regex: '.*' } } };
  }
}

export function encodeHeaderMatcher(name: string, match: StringMatch): Fields<typeof HeaderMatcherSchema> {
  if (match.kind === 'present') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: encodeStringMatcher(match) } };
}

/** A missing header satisfies `withoutHeaders`, whatever the value should not be. */
export function encodeWithoutHeader(name: string, match: StringMatch): Fields<typeof HeaderMatcherSchema> {
  const isAnyValue = match.kind === 'present' || (match.kind === 'regex' && match.value === '.*');
  if (isAnyValue) return { ...encodeHeaderMatcher(name, { kind: 'present' }), invertMatch: true };
  return { ...encodeHeaderMatcher(name, match), invertMatch: true, treatMissingHeaderAsEmpty: true };
}

export function encodeQueryMatcher(
  name: string,
  match: StringMatch,
): Fields<typeof QueryParameterMatcherSchema> {
  if (match.kind === 'present')
    return { name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, queryParameterMatchSpecifier: { case: 'stringMatch', value: encodeStringMatcher(match) } };
}
