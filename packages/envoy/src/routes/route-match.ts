// One alternative of a rule's match as an Envoy route match.
import type { HttpMatch, StringMatch } from '@xebec/model';
import type {
  HeaderMatcherSchema,
  RouteMatchSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { Fields } from '../resource.ts';
import { encodeHeaderMatcher, encodeQueryMatcher, encodeWithoutHeader } from './matchers.ts';

type MatchInit = Fields<typeof RouteMatchSchema>;

export const matchEverything: MatchInit = { pathSpecifier: { case: 'prefix', value: '/' } };

export function encodeRouteMatch(match: HttpMatch): MatchInit {
  return {
    pathSpecifier: pathSpecifier(match.uri),
    ...(match.ignoreUriCase && match.uri !== undefined && match.uri.kind !== 'regex'
      ? { caseSensitive: false }
      : {}),
    headers: headerMatchers(match),
    queryParameters: Object.entries(match.queryParams).map(([name, value]) =>
      encodeQueryMatcher(name, value),
    ),
  };
}

function pathSpecifier(uri: StringMatch | undefined): NonNullable<MatchInit['pathSpecifier']> {
  switch (uri?.kind) {
    case 'exact':
      return { case: 'path', value: uri.value };
    case 'prefix':
      return { case: 'prefix', value: uri.value };
    case 'regex':
      return { case: 'safeRegex', value: { regex: uri.value } };
    default:
      return { case: 'prefix', value: '/' };
  }
}

function headerMatchers(match: HttpMatch): Fields<typeof HeaderMatcherSchema>[] {
  const pseudo: readonly (readonly [string, StringMatch | undefined])[] = [
    [':method', match.method],
    [':authority', match.authority],
    [':scheme', match.scheme],
  ];
  return [
    ...Object.entries(match.headers).map(([name, value]) => encodeHeaderMatcher(name.toLowerCase(), value)),
    ...Object.entries(match.withoutHeaders).map(([name, value]) =>
      encodeWithoutHeader(name.toLowerCase(), value),
    ),
    ...pseudo.flatMap(([name, value]) => (value === undefined ? [] : [encodeHeaderMatcher(name, value)])),
  ];
}
