// One alternative of a rule's match as an Envoy route match.
import { claimPath, isClaim } from '@xebec/config';
import type { HttpMatch, StringMatch } from '@xebec/model';
import type {
  HeaderMatcherSchema,
  RouteMatchSchema,
} from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { anyClaim, type MetadataMatcher, presentClaim } from '../authentication/token-metadata.ts';
import type { Fields } from '../resource.ts';
import {
  encodeHeaderMatcher,
  encodeQueryMatcher,
  encodeStringMatcher,
  encodeWithoutHeader,
} from './matchers.ts';

type MatchInit = Fields<typeof RouteMatchSchema>;

export const matchEverything: MatchInit = { pathSpecifier: { case: 'prefix', value: '/' } };

export function encodeRouteMatch(match: HttpMatch): MatchInit {
  return {
    pathSpecifier: pathSpecifier(match.uri),
    ...(match.ignoreUriCase && match.uri !== undefined && match.uri.kind !== 'regex'
      ? { caseSensitive: false }
      : {}),
    headers: headerMatchers(match),
    ...claimMatchers(match),
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
    ...Object.entries(match.headers)
      .filter(isHeader)
      .map(([name, value]) => encodeHeaderMatcher(name.toLowerCase(), value)),
    ...Object.entries(match.withoutHeaders)
      .filter(isHeader)
      .map(([name, value]) => encodeWithoutHeader(name.toLowerCase(), value)),
    ...pseudo.flatMap(([name, value]) => (value === undefined ? [] : [encodeHeaderMatcher(name, value)])),
  ];
}

const isHeader = ([name]: readonly [string, StringMatch]): boolean => !isClaim(name);

/** What a verified token says; without one there are no claims. */
function claimMatchers({ headers, withoutHeaders }: HttpMatch): Pick<MatchInit, 'dynamicMetadata'> {
  const wanted = claimsIn(headers);
  const unwanted = claimsIn(withoutHeaders).map((matcher) => ({ ...matcher, invert: true }));
  const all = [...wanted, ...unwanted];
  return all.length === 0 ? {} : { dynamicMetadata: all };
}

const claimsIn = (matches: HttpMatch['headers']): readonly MetadataMatcher[] =>
  Object.entries(matches).flatMap(([name, value]) => {
    const path = isClaim(name) ? claimPath(name) : undefined;
    if (path === undefined) return [];
    return [value.kind === 'present' ? presentClaim(path) : anyClaim(path, encodeStringMatcher(value))];
  });
